// SPDX-License-Identifier: Apache-2.0
#include "apps/death_log.h"

#include <fmt/format.h>

#include <utility>

#include "base/clock.h"
#include "host/kernel.h"

namespace vigil::apps {
namespace {

constexpr uint64_t bounds_interval_ns = 60 * ns_per_s;

}  // namespace

DeathLog::DeathLog(std::function<void(const model::Event&)> told,
                   std::function<void(const std::string&)> word)
    : told_(std::move(told)),
      word_(std::move(word)),
      json_(sinks::make_json_sink(host::host_name(), sinks::longest_journal_line)),
      registrar_([this](const model::Event& death) {
          deaths_++;
          (void)write(death);
          told_(death);
      }) {}

Result<void> DeathLog::open(const std::string& state, const Keep& keep) {
    history::ArchiveOptions options;
    options.folder = state + "/deaths";
    options.keep_bytes = keep.bytes;
    options.keep_ns = keep.ns;
    TRY_ASSIGN(archive_, history::Archive::open(options));
    registrar_.learn_living();
    return {};
}

void DeathLog::take(const model::Event& event) {
    registrar_.take(event);
    if (event.kind == model::Kind::loss) {
        (void)write(event);
    }
}

void DeathLog::keep(const model::Event& event) { (void)write(event); }

bool DeathLog::write(const model::Event& event) {
    line_.clear();
    json_->append(line_, event);
    return archive_->add(event, line_);
}

bool DeathLog::tell_lost(const history::Archive::Lost& lost) {
    model::Event event;
    event.kind = model::Kind::loss;
    event.boot_ns = boot_now_ns();
    event.unix_ns = unix_now_ns();
    event.body = model::Loss{.kind = model::Kind::death,
                             .count = lost.count,
                             .from_unix_ns = lost.from_unix_ns,
                             .to_unix_ns = lost.to_unix_ns,
                             .place = model::LossPlace::queue};
    if (!write(event)) {
        return false;
    }
    word_(fmt::format("{} deaths were not kept: the disk took nothing", lost.count));
    return true;
}

void DeathLog::do_each_second() {
    archive_->tell_lost([this](const auto& lost) { return tell_lost(lost); });
    if (boot_now_ns() >= next_bounds_ns_) {
        next_bounds_ns_ = boot_now_ns() + bounds_interval_ns;
        archive_->keep_bounds(unix_now_ns());
    }
    if (std::string trouble = archive_->trouble(); trouble != trouble_told_) {
        word_(trouble.empty() ? "deaths are written again" : trouble + "; deaths wait in memory");
        trouble_told_ = std::move(trouble);
    }
}

}  // namespace vigil::apps
