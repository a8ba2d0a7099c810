// SPDX-License-Identifier: Apache-2.0
// What the tests of the watcher share: a machine of processes that the test makes up.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/watcher.h"
#include "base/clock.h"
#include "support/events.h"
#include "support/fake_sweep.h"
#include "support/processes.h"

namespace vigil::agent {

using Lines = std::vector<std::string>;

constexpr uint64_t mb = 1 << 20;
// What was used in a moment is held against this.
constexpr uint64_t interval_ns = 10 * ns_per_s;
// Pids that no process has, so that nothing is read of them from /proc.
constexpr uint32_t pid = test::no_such_pid;
constexpr uint64_t old_start_ns = 12'345;  // before any watcher

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

class Watch : public ::testing::Test {
 protected:
    void start(rules::RuleSet rules, capture::Reader* reader = nullptr) {
        auto sweep = std::make_unique<test::FakeSweep>([this]() -> Result<test::Samples> {
            if (during_sweep_) {
                during_sweep_();
            }
            return shown_;
        });
        watcher_ =
            std::make_unique<Watcher>(sample::Sampler(std::move(sweep), true), reader, interval_ns,
                                      [this](const model::Event& event) { take(event); });
        watcher_->apply(std::move(rules));
    }

    // A start that the watcher has seen. In no tick of /proc.
    static uint64_t just_now() { return boot_now_ns() | 1; }

    // What is told when the next sweep shows these.
    Lines tick(test::Samples shown) {
        shown_ = std::move(shown);
        EXPECT_TRUE(watcher_->tick());
        return told();
    }
    Lines told() { return std::exchange(told_, {}); }

    // "cpu raised 50 name": metric, state, value or "-", comm, and whether it has ended.
    void take(const model::Event& event) {
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
    std::unique_ptr<Watcher> watcher_;
    Lines told_;
    model::Event last_;  // its views are gone; these are copies:
    std::string executable_, argv_, user_;
};

}  // namespace vigil::agent
