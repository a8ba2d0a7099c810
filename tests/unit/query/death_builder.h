// SPDX-License-Identifier: Apache-2.0
// Death records as an agent writes them: events, formatted by the real formatter.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "format/formatter.h"
#include "model/death.h"
#include "query/record_parser.h"
#include "support/events.h"

namespace vigil::query {

constexpr int64_t second_ns = 1'000'000'000;
constexpr int64_t evening_ns = test::evening_ns;  // 2026-11-20T22:33:49Z

inline model::Ancestry ancestry(std::vector<std::pair<uint64_t, std::string_view>> above) {
    model::Ancestry ancestry;
    uint64_t start_ns = 900'000'000;
    for (const auto& [pid, comm] : above) {
        ancestry.pids.push_back(pid);
        ancestry.start_ns.push_back(start_ns--);
        ancestry.comms.push_back(test::comm(comm));
    }
    return ancestry;
}

// nginx, pid 4242, which exits with code 0 after 2 h 13 min; little else is known.
struct DeathBuilder {
    model::Death death;
    model::Event event = test::event(model::Kind::death, static_cast<const model::Death*>(nullptr));

    DeathBuilder() {
        event.unix_ns = evening_ns;
        event.process.pid = 4242;
        event.process.ppid = 980;
        event.process.comm = test::comm("nginx");
        death.exit.lifetime_ns = 7'980'000'000'000;
        death.exit.cpu_ns = 252'000'000'000;
        death.started_unix_ns = evening_ns - 7980 * second_ns;
    }

    // The line, with its line end.
    std::string line(size_t max_line_bytes = format::max_journal_line_bytes) const {
        model::Event copy = event;
        copy.body = &death;
        std::string out;
        format::make_json_formatter("box", max_line_bytes)->append(out, copy);
        return out;
    }
};

inline DeathBuilder signalled(int signal, model::SignalSource source) {
    DeathBuilder builder;
    builder.death.exit.status = static_cast<uint32_t>(signal);
    builder.death.cause = model::Cause::signal;
    builder.death.signal = signal;
    builder.death.source = source;
    builder.death.signal_unix_ns = evening_ns - 1'000'000;
    return builder;
}

// `kill -9 4242` from a shell.
inline model::Killer killer() {
    using namespace std::string_view_literals;
    model::Killer killer;
    killer.pid = 993;
    killer.start_ns = 880'000'000;
    killer.comm = test::comm("kill");
    killer.user = "root";
    killer.executable = "kill";
    killer.argv =
        "kill\0-9\0"
        "4242\0"sv;
    killer.ancestry = ancestry({{991, "bash"}, {980, "sshd"}, {1, "systemd"}});
    return killer;
}

// Each member has a different value.
inline DeathBuilder full() {
    using namespace std::string_view_literals;
    DeathBuilder builder = signalled(9, model::SignalSource::user);
    model::Death& death = builder.death;
    death.exit = std::get<model::Exit>(test::exit_event().body);
    death.exit.status = 9 | 0x80;
    death.exit.usage_partial = true;
    death.exit.peak_rss_at_most = true;
    death.exit.sent_bytes = 3'650'722'201;
    death.exit.received_bytes = 77;
    death.exit.login_uid = 1001;
    death.signal = 11;
    death.code = -6;
    death.near_stack = true;
    death.killer = killer();
    death.killer->uid = 3;
    death.killer->ancestry.cut = true;
    death.response = {.number = 6, .unix_ns = evening_ns - 500'000};
    death.prior = model::PriorSignal{.number = 15,
                                     .source = model::SignalSource::queue,
                                     .unix_ns = evening_ns - 10'200'000'000,
                                     .sender = test::sender(),
                                     .parent_pid = 991,
                                     .parent_comm = test::comm("zsh")};
    death.oom = model::OutOfMemory{.rss_bytes = 222'298'112,
                                   .limit_bytes = 209'715'200,
                                   .limit_cgroup = "/system.slice/nginx.service",
                                   .limited = true,
                                   .trigger_pid = 99,
                                   .trigger_comm = test::comm("java")};
    death.child = model::ChildDeath{.pid = 4243,
                                    .start_ns = 3'600'000'000,
                                    .comm = test::comm("worker"),
                                    .cause = model::Cause::signal,
                                    .signal = 15,
                                    .exit_code = 0};
    death.boot_id = "1c5ad7d2-0f3c-4b53-8a53-0d6a27a0b0f0";
    death.executable = "nginx-debug";
    death.argv = "/usr/sbin/nginx\0-g\0daemon off;\0"sv;
    death.cwd = "/srv";
    death.user = "www-data";
    death.login_user = "alice";
    death.cgroup = "/system.slice/nginx.service/x";
    death.unit = "nginx.service";
    death.container = "0123456789abcdef0123456789abcdef";
    death.ancestry = ancestry({{980, "sshd"}, {2, "init"}});
    death.ancestry.cut = true;
    death.limits = {.metrics = {"memory", "cpu"},
                    .limits = {200, 50.5},
                    .peaks = {212.25, 99.5},
                    .since_unix_ns = {evening_ns - 162 * second_ns, evening_ns - 5 * second_ns}};
    return builder;
}

// Parses the line; fails the test if it is no record.
inline DeathRecord read(const std::string& line) {
    RecordParser parser;
    ParsedRecord parsed = parser.parse(std::string_view(line).substr(0, line.size() - 1));
    auto* record = std::get_if<DeathRecord>(&parsed);
    EXPECT_NE(record, nullptr) << line;
    return record != nullptr ? std::move(*record) : DeathRecord{};
}
inline DeathRecord read(const DeathBuilder& builder) { return read(builder.line()); }

}  // namespace vigil::query
