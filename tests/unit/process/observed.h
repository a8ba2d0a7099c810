// SPDX-License-Identifier: Apache-2.0
// A process table with simulated events and samples, and the resulting observer calls.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "process/table_updater.h"
#include "support/events.h"

namespace vigil::test {

// Pids beyond those of any machine: nothing is read from /proc for them.
constexpr uint32_t made_up_pid = 100'000'000;

inline model::Process made_up_process(uint32_t number, std::string_view name, uint64_t start_ns,
                                      uint32_t parent = 0) {
    model::Process result;
    result.pid = result.tid = made_up_pid + number;
    result.ppid = parent == 0 ? 0 : made_up_pid + parent;
    result.start_ns = start_ns;
    result.comm = comm(name);
    return result;
}

template <class Body>
model::Event made_up_event(model::Kind kind, const model::Process& process, Body body,
                           uint64_t boot_ns) {
    model::Event event;
    event.kind = kind;
    event.boot_ns = boot_ns;
    event.unix_ns = evening_ns + static_cast<int64_t>(boot_ns);
    event.process = process;
    event.body = std::move(body);
    return event;
}

// Logs each call as "exit 1 sh": call, number of the process, its name.
class CallLog final : public process::ProcessObserver {
 public:
    explicit CallLog(process::Needs needs) : needs_(needs) {}

    process::Needs needs() const override { return needs_; }
    void on_fork(const process::ProcessEntry& entry, const model::Event&) override {
        add("fork", entry);
    }
    void on_exec(const process::ProcessEntry& entry, const model::Event&) override {
        add("exec", entry);
    }
    void on_signal(const process::ProcessEntry* target, const model::Event&) override {
        if (target != nullptr) {
            add("signal", *target);
        } else {
            calls.emplace_back("signal -");
        }
    }
    void on_oom(const process::ProcessEntry& victim, const model::Event&) override {
        add("oom", victim);
    }
    void on_sample(const process::ProcessEntry& entry) override { add("sample", entry); }
    void on_missing(const process::ProcessEntry& entry) override { add("missing", entry); }
    void on_exit(const process::ProcessExit& exit) override {
        add(exit.late ? "late exit" : "exit", exit.entry);
    }
    void on_erase(const process::ProcessEntry& entry) override { add("erase", entry); }
    void on_tick(const process::Tick& tick) override {
        calls.push_back(fmt::format("tick {}", tick.number));
    }
    void on_loss(const model::Event&) override { calls.emplace_back("loss"); }
    void on_end() override { calls.emplace_back("end"); }

    std::vector<std::string> taken() { return std::exchange(calls, {}); }
    std::vector<std::string> calls;

 private:
    void add(std::string_view call, const process::ProcessEntry& entry) {
        calls.push_back(fmt::format("{} {} {}", call, entry.process.pid - made_up_pid,
                                    entry.process.comm.view()));
    }

    process::Needs needs_;
};

}  // namespace vigil::test
