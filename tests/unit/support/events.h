// SPDX-License-Identifier: Apache-2.0
// Events for golden lines, all at 22:33:49 of one evening.
#pragma once

#include <algorithm>
#include <string_view>
#include <utility>

#include "model/death.h"
#include "model/event.h"
#include "model/sample.h"

namespace vigil::test {

constexpr int64_t evening_ns = 1'795'214'029'000'000'000;  // 2026-11-20T22:33:49Z

inline model::Comm comm(std::string_view name) {
    model::Comm comm;
    std::copy_n(name.begin(), std::min(name.size(), comm.bytes.size()), comm.bytes.begin());
    return comm;
}

// The process is myapp, 5679, child of 5678; every other field has a value of its own.
template <class Body>
model::Event event(model::Kind kind, Body body, int64_t ms = 456) {
    model::Event event;
    event.kind = kind;
    event.cpu = 3;
    event.sequence = 77;
    event.boot_ns = 5'000'000'000;
    event.unix_ns = evening_ns + ms * 1'000'000;
    event.process = {.pid = 5679,
                     .tid = 5680,
                     .ppid = 5678,
                     .uid = 1000,
                     .gid = 100,
                     .pidns_level = 2,
                     .start_ns = 3'500'000'000,
                     .cgroup_id = 0x1'0000'0042,
                     .comm = comm("myapp")};
    event.body = std::move(body);
    return event;
}

inline model::Event fork_event() {
    return event(model::Kind::fork, model::Fork{.thread = false, .parent_start_ns = 1'250'000'000});
}

inline model::Event exec_event() {
    using namespace std::string_view_literals;
    model::Exec exec;
    exec.file = "/bin/ls";
    exec.argv = "ls\0-l\0a b\0"sv;
    exec.argc = 3;
    exec.argv_bytes = 10;
    exec.old_tid = 5680;
    return event(model::Kind::exec, exec, 460);
}

inline model::Event exit_event() {
    model::Exit exit;
    exit.status = 3 << 8;
    exit.lifetime_ns = 1'203'456'789;
    exit.cpu_ns = 10'500'000;
    exit.cpu_user_ns = 7'000'000;
    exit.cpu_system_ns = 3'500'000;
    exit.peak_rss_bytes = 12'897'485;
    exit.read_bytes = 4096;
    exit.write_bytes = 8192;
    exit.voluntary_switches = 11;
    exit.involuntary_switches = 12;
    exit.minor_faults = 13;
    exit.major_faults = 14;
    exit.threads = 8;
    exit.login_uid = 1000;
    return event(model::Kind::exit, exit, 789);
}

inline model::Sender sender() {
    return {.pid = 1234, .tid = 1235, .uid = 1001, .start_ns = 1'250'000'000, .comm = comm("bash")};
}

inline model::Event signal_event() {
    model::Signal signal;
    signal.number = 15;
    signal.process_wide = true;
    signal.source = model::SignalSource::user;
    signal.sender = sender();
    auto result = event(model::Kind::signal, signal, 123);
    result.process.pid = 5678;
    return result;
}

inline model::Event oom_event() {
    model::Oom oom;
    oom.rss_bytes = 1'288'490'189;
    oom.score_adjust = -17;
    oom.trigger_pid = 99;
    oom.trigger_comm = comm("hungry");
    return event(model::Kind::oom, oom, 790);
}

inline model::Event kill_failed_event() {
    model::KillFailed failed;
    failed.syscall = model::KillSyscall::kill;
    failed.target = 99'999;
    failed.number = 15;
    failed.error = 3;
    auto result = event(model::Kind::kill_failed, failed, 791);
    result.process.pid = 1234;
    result.process.comm = comm("bash");
    return result;
}

inline model::Event loss_event() {
    model::Event event;
    event.kind = model::Kind::loss;
    event.cpu = 1;
    event.unix_ns = evening_ns + 800'000'000;
    event.body = model::Loss{.kind = model::Kind::exit,
                             .count = 12,
                             .from_unix_ns = evening_ns + 790'000'000,
                             .to_unix_ns = evening_ns + 800'000'000};
    return event;
}

inline model::Event unobserved_event() {
    model::Event event;
    event.kind = model::Kind::unobserved;
    event.unix_ns = evening_ns + 810'000'000;
    event.body = model::MonitoringGap{.from_unix_ns = evening_ns - 60'690'000'000,
                                      .to_unix_ns = evening_ns + 810'000'000,
                                      .rebooted = false};
    return event;
}

inline model::Death death() {
    using namespace std::string_view_literals;
    model::Death death;
    death.exit = std::get<model::Exit>(exit_event().body);
    death.exit.status = 9;
    death.started_unix_ns = evening_ns - 1'000'000'000;
    death.cause = model::Cause::oom;
    death.signal = 9;
    death.source = model::SignalSource::user;
    death.code = 0;
    death.signal_unix_ns = evening_ns;
    model::Killer& killer = death.killer.emplace();
    killer.pid = 1234;
    killer.start_ns = 1'250'000'000;
    killer.comm = comm("kill");
    killer.uid = 1001;
    killer.user = "alice";
    killer.executable = "/bin/kill";
    killer.argv = "kill\0-9\0"sv;
    killer.ancestry = {.pids = {991, 1}, .start_ns = {7, 1}, .comms = {comm("bash"), comm("init")}};
    death.prior = model::PriorSignal{.number = 15,
                                     .source = model::SignalSource::user,
                                     .unix_ns = evening_ns - 500'000'000,
                                     .sender = sender(),
                                     .parent_pid = 991,
                                     .parent_comm = comm("bash")};
    death.oom = model::OutOfMemory{.rss_bytes = 33'554'432,
                                   .limit_bytes = 67'108'864,
                                   .limit_cgroup = "/system.slice",
                                   .limited = true,
                                   .trigger_pid = 99,
                                   .trigger_comm = comm("hungry")};
    death.executable = "/opt/myapp";
    death.argv = "myapp\0--fast\0"sv;
    death.cwd = "/srv";
    death.user = "alice";
    death.login_user = "bob";
    death.boot_id = "1c5ad7d2-0f3c-4b53-8a53-0d6a27a0b0f0";
    death.cgroup = "/system.slice/myapp.service";
    death.unit = "myapp.service";
    death.container = "0123";
    death.ancestry = {.pids = {5678, 1}, .start_ns = {9, 1}, .comms = {comm("sh"), comm("init")}};
    death.limits = {.metrics = {"memory"},
                    .limits = {200},
                    .peaks = {212.5},
                    .since_unix_ns = {evening_ns - 60'000'000'000}};
    return death;
}

// Of `death`, which must live as long.
inline model::Event death_event(const model::Death& death) {
    return event(model::Kind::death, &death, 792);
}

inline model::Event violation_event() {
    using namespace std::string_view_literals;
    model::Violation violation;
    violation.state = model::ViolationState::cleared;
    violation.metric = model::Metric::disk;
    violation.value = 12.5;
    violation.limit = 50;
    violation.rule = "my*";
    violation.peak = 210.25;
    violation.mean = 99.0625;
    violation.duration_ns = 61'500'000'000;
    violation.exited = true;
    violation.similar = 2;
    violation.executable = "/opt/myapp";
    violation.argv = "myapp\0--fast\0"sv;
    violation.user = "alice";
    violation.cgroup = "/system.slice/myapp.service/jobs";
    violation.unit = "myapp.service";
    return event(model::Kind::violation, violation, 810);
}

}  // namespace vigil::test
