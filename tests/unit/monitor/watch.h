// SPDX-License-Identifier: Apache-2.0
// What the tests of the monitor with limits share: a machine of processes that the test makes up.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "model/event_sink.h"
#include "monitor/process_monitor.h"
#include "rules/limit_monitor.h"
#include "support/events.h"
#include "support/fake_scanner.h"
#include "support/processes.h"

namespace vigil::monitor {

using Lines = std::vector<std::string>;

constexpr uint64_t mb = 1 << 20;
// What was used in a moment is held against this.
constexpr uint64_t interval_ns = 10 * ns_per_s;
// Pids that no process has, so that nothing is read of them from /proc.
constexpr uint32_t pid = test::no_such_pid;
constexpr uint64_t old_start_ns = 12'345;  // before any monitor

inline rules::Rule rule(std::string process, double cpu, double memory = 0) {
    rules::Rule made;
    made.process = std::move(process);
    made.limits = {cpu, memory, 0, 0};
    return made;
}

inline model::Sample sample(std::string_view comm, uint64_t start_ns = old_start_ns,
                            uint32_t number = pid) {
    model::Sample made;
    made.process.pid = made.process.tid = number;
    made.process.ppid = pid - 1;
    made.process.start_ns = start_ns;
    made.process.comm = test::comm(comm);
    made.exec_id = 1;
    made.threads = 1;
    made.counters.cpu_ns = 0;
    made.counters.rss_bytes = 0;
    return made;
}

class Watch : public ::testing::Test, public process::ProcessObserver, public model::EventSink {
 protected:
    void start(rules::RuleSet rules, capture::RingReader* reader = nullptr) {
        auto sweep = std::make_unique<test::FakeScanner>([this]() -> Result<test::Samples> {
            if (during_sweep_) {
                during_sweep_();
            }
            return shown_;
        });
        monitor_ = std::make_unique<ProcessMonitor>(sampling::Sampler(std::move(sweep), true),
                                                    reader, interval_ns);
        limits_ = std::make_unique<rules::LimitMonitor>(monitor_->table(),
                                                        std::vector<model::EventSink*>{this});
        monitor_->set_observers({limits_.get(), this});
        limits_->apply(std::move(rules));
    }

    process::Needs needs() const override { return {}; }
    void on_loss(const model::Event& event) override { on_event(event); }

    // A start that the monitor has seen. In no tick of /proc.
    static uint64_t just_now() { return boot_now_ns() | 1; }

    // What is told when the next sweep shows these.
    Lines tick(test::Samples shown) {
        shown_ = std::move(shown);
        EXPECT_TRUE(monitor_->tick());
        return told();
    }
    Lines told() { return std::exchange(told_, {}); }

    // "cpu raised 50 name": metric, state, value or "-", comm, and whether it has ended.
    void on_event(const model::Event& event) override {
        EXPECT_GE(event.boot_ns, event.kind == model::Kind::loss ? 0 : last_.boot_ns);
        if (const auto* loss = std::get_if<model::Loss>(&event.body)) {
            told_.push_back(fmt::format("lost {} {}", loss->count, to_string(loss->kind.value())));
            return;
        }
        last_ = event;
        const auto& violation = std::get<model::Violation>(event.body);
        told_.push_back(fmt::format(
            "{} {} {} {}{}", model::metrics()[model::index(violation.metric)].name,
            to_string(violation.state), violation.value ? fmt::format("{}", *violation.value) : "-",
            event.process.comm.view(), violation.exited ? " exited" : ""));
        executable_ = violation.executable.value_or("");
        argv_ = violation.argv.value_or("");
        user_ = violation.user.value_or("");
    }
    const model::Violation& last() const { return std::get<model::Violation>(last_.body); }

    test::Samples shown_;
    std::function<void()> during_sweep_;
    std::unique_ptr<ProcessMonitor> monitor_;
    std::unique_ptr<rules::LimitMonitor> limits_;
    Lines told_;
    model::Event last_;  // its views are gone; these are copies:
    std::string executable_, argv_, user_;
};

}  // namespace vigil::monitor
