// SPDX-License-Identifier: Apache-2.0
#include "deaths/death_writer.h"

#include <fmt/format.h>

#include <utility>

#include "base/clock.h"
#include "base/units.h"
#include "host/kernel.h"

namespace vigil::deaths {
namespace {

constexpr uint64_t retention_interval_ns = 60 * ns_per_s;

}  // namespace

DeathWriter::DeathWriter(DeathListener& listener)
    : listener_(&listener),
      json_(format::make_json_formatter(host::host_name(), format::max_journal_line_bytes)) {}

Result<void> DeathWriter::open(const std::string& state, const Retention& retention) {
    DeathStoreOptions options;
    options.directory = state + "/deaths";
    options.max_bytes = retention.max_bytes;
    options.max_age_ns = retention.max_age_ns;
    TRY_ASSIGN(store_, DeathStore::open(options));
    return {};
}

void DeathWriter::on_event(const model::Event& event) {
    (void)write(event);
    if (event.kind == model::Kind::death) {
        deaths_++;
        listener_->on_death(event, line_);
    }
}

bool DeathWriter::write(const model::Event& event) {
    line_.clear();
    json_->append(line_, event);
    return store_->add(event, line_);
}

bool DeathWriter::report_lost(const DeathStore::Lost& lost) {
    model::Event event;
    event.kind = model::Kind::loss;
    event.boot_ns = boot_now_ns();
    event.unix_ns = unix_now_ns();
    event.body = model::Loss{.kind = model::Kind::death,
                             .count = lost.count,
                             .from_unix_ns = lost.from_unix_ns,
                             .to_unix_ns = lost.to_unix_ns,
                             .stage = model::LossStage::queue};
    if (!write(event)) {
        return false;
    }
    listener_->on_store_message(
        fmt::format("{} lost: writing to the disk failed", count_of(lost.count, "death")));
    return true;
}

void DeathWriter::on_second() {
    store_->report_lost([this](const DeathStore::Lost& lost) { return report_lost(lost); });
    if (boot_now_ns() >= next_retention_ns_) {
        next_retention_ns_ = boot_now_ns() + retention_interval_ns;
        store_->enforce_retention(unix_now_ns());
    }
    if (std::string error = store_->last_error(); error != reported_error_) {
        listener_->on_store_message(error.empty() ? "deaths are written again"
                                                  : error + "; deaths wait in memory");
        reported_error_ = std::move(error);
    }
}

}  // namespace vigil::deaths
