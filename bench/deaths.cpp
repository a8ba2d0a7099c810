// SPDX-License-Identifier: Apache-2.0
// Creates a state directory full of deaths, for 'vigil why' and 'vigil history' to search: similar
// to those of a busy machine, written by the formatter and journal of an agent. The oldest one is
// of 'rarebird'.
//
// usage: deaths [--bytes 256M] DIRECTORY
//   half of the bytes are clean exits, half are not
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/units.h"
#include "format/formatter.h"
#include "journal/writer.h"
#include "model/death.h"

namespace vigil::bench {
namespace {

using namespace std::string_view_literals;

constexpr int64_t ns_between = 20'000'000;
constexpr uint64_t timeout_ns = 60 * ns_per_s;

[[noreturn]] void fail(const std::string& what) {
    fmt::print(stderr, "deaths: {}\n", what);
    std::exit(1);
}

model::Comm comm(std::string_view name) {
    model::Comm comm;
    std::copy_n(name.begin(), std::min(name.size(), comm.bytes.size() - 1), comm.bytes.begin());
    return comm;
}

class Maker {
 public:
    // The line of the next death.
    const std::string& next(std::string_view name, bool clean) {
        death_ = {};
        model::Event event;
        event.kind = model::Kind::death;
        event.unix_ns = unix_ns_ += ns_between;
        event.process.pid = 300 + static_cast<uint32_t>(number_ % 4'000'000);
        event.process.ppid = 1 + static_cast<uint32_t>(random_() % 4'000'000);
        event.process.start_ns = number_++ * 1'000'003;
        event.process.uid = 33;
        event.process.cgroup_id = 4242;
        event.process.comm = comm(name);
        fill_usage();
        argv_ = fmt::format("/usr/lib/{0}/{0}{1}--job={2}{1}--config=/etc/{0}/{0}.conf{1}", name,
                            '\0', random_());
        death_.started_unix_ns = event.unix_ns - static_cast<int64_t>(death_.exit.lifetime_ns);
        death_.executable = name;
        death_.argv = argv_;
        death_.cwd = "/var/lib/worker";
        death_.user = "www-data";
        death_.cgroup = "/system.slice/worker.service";
        death_.unit = "worker.service";
        fill_ancestry(death_.ancestry);
        if (!clean) {
            fill_killer();
        }
        event.body = &death_;
        line_.clear();
        json_->append(line_, event);
        return line_;
    }

 private:
    void fill_usage() {
        model::Exit& exit = death_.exit;
        exit.lifetime_ns = random_() % 100'000'000'000;
        exit.cpu_ns = random_() % 10'000'000'000;
        exit.cpu_user_ns = exit.cpu_ns / 2;
        exit.cpu_system_ns = exit.cpu_ns - exit.cpu_user_ns;
        exit.peak_rss_bytes = random_() % (1 << 30);
        exit.read_bytes = random_() % (1 << 30);
        exit.write_bytes = random_() % (1 << 30);
        exit.sent_bytes = random_() % (1 << 20);
        exit.received_bytes = random_() % (1 << 20);
        exit.voluntary_switches = random_() % 1000;
        exit.involuntary_switches = random_() % 1000;
        exit.minor_faults = random_() % 100'000;
        exit.threads = 1;
    }

    void fill_ancestry(model::Ancestry& ancestry) {
        constexpr std::pair<uint64_t, std::string_view> above[] = {
            {29'910, "make"}, {1'234, "bash"}, {980, "sshd"}, {1, "systemd"}};
        for (const auto& [pid, name] : above) {
            ancestry.pids.push_back(pid);
            ancestry.start_ns.push_back(pid * 1'000'000'007);
            ancestry.comms.push_back(comm(name));
        }
    }

    void fill_killer() {
        death_.exit.status = 15;
        death_.cause = model::Cause::signal;
        death_.signal = 15;
        death_.source = model::SignalSource::user;
        death_.code = 0;
        death_.signal_unix_ns = unix_ns_ - 1'000'000;
        model::Killer& killer = death_.killer.emplace();
        killer.pid = 993;
        killer.start_ns = 880'000'000;
        killer.comm = comm("kill");
        killer.user = "root";
        killer.executable = "kill";
        killer.argv =
            "kill\0-15\0"
            "4242\0"sv;
        fill_ancestry(killer.ancestry);
    }

    std::mt19937_64 random_{42};
    std::unique_ptr<format::Formatter> json_ =
        format::make_json_formatter("bench", format::max_journal_line_bytes);
    model::Death death_;
    std::string argv_;
    std::string line_;
    uint64_t number_ = 1;
    int64_t unix_ns_ = unix_now_ns() - 6 * int64_t{86'400} * int64_t{ns_per_s};
};

std::unique_ptr<journal::Writer> open(const std::string& path) {
    journal::WriterOptions options;
    options.path = path;
    auto writer = journal::Writer::open(options, {});
    if (!writer) {
        fail(writer.error().context);
    }
    return std::move(*writer);
}

void append(journal::Writer& writer, const std::string& line) {
    while (!writer.append(line)) {
        if (!writer.wait_synced(writer.next_sequence() - 1, timeout_ns)) {
            fail("the disk does not answer");
        }
    }
}

void run(const std::string& directory, uint64_t bytes) {
    constexpr std::string_view names[] = {"nginx", "php-fpm", "cc1plus", "sh", "python3", "worker"};
    const std::string deaths = directory + "/deaths";
    if (const auto created = make_directories(deaths, 0700); !created) {
        fail(created.error().context);
    }
    const auto abnormal = open(deaths + "/abnormal.log");
    const auto clean = open(deaths + "/clean.log");
    Maker maker;
    append(*abnormal, maker.next("rarebird", false));
    uint64_t written[2] = {0, 0};
    uint64_t lines = 1;
    while (written[0] < bytes / 2 || written[1] < bytes / 2) {
        const bool is_clean = written[1] < written[0];
        const std::string& line = maker.next(names[lines % std::size(names)], is_clean);
        append(is_clean ? *clean : *abnormal, line);
        written[is_clean ? 1 : 0] += line.size();
        lines++;
    }
    fmt::print(R"({{"deaths":{},"bytes":{}}})"
               "\n",
               lines, written[0] + written[1]);
}

}  // namespace
}  // namespace vigil::bench

int main(int argc, char** argv) {
    std::string directory;
    std::string bytes = "256M";
    CLI::App app("A state directory full of deaths", "deaths");
    app.add_option("--bytes", bytes);
    app.add_option("DIRECTORY", directory)->required();
    CLI11_PARSE(app, argc, argv);
    const auto count = vigil::parse_size_bytes(bytes);
    if (!count) {
        vigil::bench::fail(count.error().context);
    }
    vigil::bench::run(directory, *count);
}
