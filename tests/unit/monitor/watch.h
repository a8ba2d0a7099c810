// SPDX-License-Identifier: Apache-2.0
// Shared by the tests of the monitor with limits: a simulated machine.
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
// Usage of a short-lived process is measured over this interval.
constexpr uint64_t interval_ns = 10 * ns_per_s;
// Pids of no process, so that nothing is read from /proc for them.
constexpr uint32_t pid = test::no_such_pid;
constexpr uint64_t old_start_ns = 12'345;  // before any monitor

inline rules::Rule rule(std::string process, double cpu, double memory = 0) {
    rules::Rule result;
    result.process = std::move(process);
    result.limits = {cpu, memory, 0, 0};
    return result;
}

inline model::Sample sample(std::string_view comm, uint64_t start_ns = old_start_ns,
                            uint32_t number = pid) {
    model::Sample result;
    result.process.pid = result.process.tid = number;
    result.process.ppid = pid - 1;
    result.process.start_ns = start_ns;
    result.process.comm = test::comm(comm);
    result.exec_id = 1;
    result.threads = 1;
    result.counters.cpu_ns = 0;
    result.counters.rss_bytes = 0;
    return result;
}

class Watch : public ::testing::Test, public process::ProcessObserver, public model::EventSink {
 protected:
    void start(rules::RuleSet rules, capture::RingReader* reader = nullptr) {
        auto sweep = std::make_unique<test::FakeScanner>([this]() -> Result<test::Samples> {
            if (during_sweep_) {
                during_sweep_();
            }
            return samples_;
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

    // A start time that the monitor has observed; not a multiple of a /proc tick.
    static uint64_t just_now() { return boot_now_ns() | 1; }

    // Reports when the next sweep returns these samples.
    Lines tick(test::Samples samples) {
        samples_ = std::move(samples);
        EXPECT_TRUE(monitor_->tick());
        return pop_reported();
    }
    Lines pop_reported() { return std::exchange(reported_, {}); }

    // "cpu raised 50 name": metric, state, value or "-", comm, and "exited" after the exit.
    void on_event(const model::Event& event) override {
        EXPECT_GE(event.boot_ns, event.kind == model::Kind::loss ? 0 : last_.boot_ns);
        if (const auto* loss = std::get_if<model::Loss>(&event.body)) {
            reported_.push_back(
                fmt::format("lost {} {}", loss->count, to_string(loss->kind.value())));
            return;
        }
        last_ = event;
        const auto& violation = std::get<model::Violation>(event.body);
        reported_.push_back(fmt::format(
            "{} {} {} {}{}", model::metrics()[model::index(violation.metric)].name,
            to_string(violation.state), violation.value ? fmt::format("{}", *violation.value) : "-",
            event.process.comm.view(), violation.exited ? " exited" : ""));
        executable_ = violation.executable.value_or("");
        argv_ = violation.argv.value_or("");
        user_ = violation.user.value_or("");
    }
    const model::Violation& last() const { return std::get<model::Violation>(last_.body); }

    test::Samples samples_;
    std::function<void()> during_sweep_;
    std::unique_ptr<ProcessMonitor> monitor_;
    std::unique_ptr<rules::LimitMonitor> limits_;
    Lines reported_;
    model::Event last_;  // its views are gone; these are copies:
    std::string executable_, argv_, user_;
};

}  // namespace vigil::monitor
