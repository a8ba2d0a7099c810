// SPDX-License-Identifier: Apache-2.0
#include "pipeline/filter.h"

#include <gtest/gtest.h>

#include "support/events.h"

namespace vigil::pipeline {
namespace {

using model::Event;
using model::Kind;
using model::SignalSource;

// Events of process 5679 (myapp, uid 1000), child of 5678; the signal goes from bash, 1234, uid
// 1001 to myapp, 5678.
const Event fork = test::fork_event();
const Event exec = test::exec_event();
const Event exit_event = test::exit_event();
const Event signal_event = test::signal_event();
const Event oom = test::oom_event();
const Event failed = test::kill_failed_event();
const Event loss = test::loss_event();

// Any process with this pid.
WantedProcess any(uint32_t pid) { return {.pid = pid}; }

Event signal_from(SignalSource source) {
    Event event = signal_event;
    auto& signal = std::get<model::Signal>(event.body);
    signal.source = source;
    if (!model::has_sender(source)) {
        signal.sender.reset();
    }
    return event;
}

TEST(Filter, AnEmptyFilterPassesAll) {
    for (const Event& event : {fork, exec, exit_event, signal_event, oom, failed, loss}) {
        EXPECT_TRUE(passes({}, event)) << to_string(event.kind);
    }
}

TEST(Filter, Kinds) {
    Filter filter;
    filter.kinds = model::kind_bit(Kind::exec) | model::kind_bit(Kind::signal);
    EXPECT_TRUE(passes(filter, exec));
    EXPECT_TRUE(passes(filter, signal_event));
    for (const Event& event : {fork, exit_event, oom, failed}) {
        EXPECT_FALSE(passes(filter, event)) << to_string(event.kind);
    }
}

TEST(Filter, ALossAlwaysPasses) {
    Filter filter;
    filter.kinds = 0;
    filter.signals = 0;
    filter.pid = filter.sender = filter.target = any(1);
    filter.uid = 1;
    filter.comm = "nobody";
    filter.sent_only = true;
    EXPECT_TRUE(passes(filter, loss));
}

TEST(Filter, SignalNumbers) {
    Filter filter;
    filter.signals = model::signal_bit(15);
    EXPECT_TRUE(passes(filter, signal_event));
    filter.signals = model::all_signals & ~model::signal_bit(15);
    EXPECT_FALSE(passes(filter, signal_event));
    filter.signals = 0;
    EXPECT_TRUE(passes(filter, fork)) << "other kinds have no number";
    Event odd = signal_event;
    for (const int number : {0, -1, 65, 1000}) {
        std::get<model::Signal>(odd.body).number = number;
        EXPECT_TRUE(passes(filter, odd)) << number;
    }
    filter.signals = model::signal_bit(64);
    std::get<model::Signal>(odd.body).number = 64;
    EXPECT_TRUE(passes(filter, odd));
}

TEST(Filter, PidIsEitherSide) {
    Filter filter;
    filter.pid = any(5679);
    for (const Event& event : {fork, exec, exit_event, oom}) {
        EXPECT_TRUE(passes(filter, event)) << to_string(event.kind);
    }
    EXPECT_FALSE(passes(filter, signal_event));
    filter.pid = any(5678);
    EXPECT_TRUE(passes(filter, fork)) << "the parent";
    EXPECT_FALSE(passes(filter, exec)) << "its child's exec is the child's";
    EXPECT_FALSE(passes(filter, exit_event));
    EXPECT_TRUE(passes(filter, signal_event)) << "the target";
    filter.pid = any(1234);
    EXPECT_TRUE(passes(filter, signal_event)) << "the sender";
    EXPECT_TRUE(passes(filter, failed)) << "the caller";
    filter.pid = any(1);
    for (const Event& event : {fork, exec, exit_event, signal_event, oom, failed}) {
        EXPECT_FALSE(passes(filter, event)) << to_string(event.kind);
    }
}

// The parent and the sender started at 1.25 s, all others at 3.5 s.
TEST(Filter, AReusedPidIsAnotherProcess) {
    constexpr uint64_t tick_ns = 10'000'000;
    Filter filter;
    filter.pid = WantedProcess{5679, 3'500'000'000, tick_ns};
    for (const Event& event : {fork, exec, exit_event, oom}) {
        EXPECT_TRUE(passes(filter, event)) << to_string(event.kind);
    }
    for (const uint64_t start_ns : {3'500'000'001U, 3'490'000'000U}) {
        filter.pid = WantedProcess{5679, start_ns, tick_ns};
        for (const Event& event : {fork, exec, exit_event, oom}) {
            EXPECT_FALSE(passes(filter, event)) << to_string(event.kind) << " " << start_ns;
        }
    }
    filter.pid = WantedProcess{5679, 3'490'000'001, tick_ns};
    EXPECT_TRUE(passes(filter, exec)) << "/proc shows the beginning of the tick";
    filter.pid = WantedProcess{5678, 1'250'000'000, tick_ns};
    EXPECT_TRUE(passes(filter, fork)) << "the parent";
    EXPECT_FALSE(passes(filter, signal_event)) << "the target started later";
    filter.pid = WantedProcess{1234, 1'250'000'000, tick_ns};
    EXPECT_TRUE(passes(filter, signal_event)) << "the sender";
    filter.pid = WantedProcess{1234, 1'260'000'000, tick_ns};
    EXPECT_FALSE(passes(filter, signal_event));
    filter = {};
    filter.sender = WantedProcess{1234, 1'260'000'000, tick_ns};
    EXPECT_FALSE(passes(filter, signal_event));
    filter = {};
    filter.target = WantedProcess{5678, 3'510'000'000, tick_ns};
    EXPECT_FALSE(passes(filter, signal_event));
}

// It may not exist: its number is all that the caller passed.
TEST(Filter, TargetOfAFailedKillIsAPid) {
    Filter filter;
    filter.target = WantedProcess{99'999, 1, 1};
    EXPECT_TRUE(passes(filter, failed));
    filter.target = any(1);
    EXPECT_FALSE(passes(filter, failed));
}

TEST(Filter, SenderAndTarget) {
    Filter filter;
    filter.sender = any(1234);
    EXPECT_TRUE(passes(filter, signal_event));
    filter.target = any(5678);
    EXPECT_TRUE(passes(filter, signal_event));
    filter.target = any(1);
    EXPECT_FALSE(passes(filter, signal_event));
    filter = {};
    filter.sender = any(5678);
    EXPECT_FALSE(passes(filter, signal_event)) << "that is the target";
    filter = {};
    filter.sender = any(1234);
    EXPECT_FALSE(passes(filter, signal_from(SignalSource::kernel))) << "it only ran at the time";
}

TEST(Filter, UserIsEitherSide) {
    Filter filter;
    filter.uid = 1000;
    EXPECT_TRUE(passes(filter, fork));
    EXPECT_TRUE(passes(filter, signal_event)) << "the target's";
    filter.uid = 1001;
    EXPECT_FALSE(passes(filter, fork));
    EXPECT_TRUE(passes(filter, signal_event)) << "the sender's";
    filter.uid = 0;
    EXPECT_FALSE(passes(filter, fork));
    EXPECT_FALSE(passes(filter, signal_event));
}

TEST(Filter, OneSideMustMatchEntirely) {
    Filter filter;
    filter.pid = any(1234);  // the sender
    filter.uid = 1000;       // the target's
    EXPECT_FALSE(passes(filter, signal_event));
    filter.uid = 1001;
    EXPECT_TRUE(passes(filter, signal_event));
    filter.comm = "myapp";  // the target's
    EXPECT_FALSE(passes(filter, signal_event));
}

TEST(Filter, CommIsComparedToFifteenBytes) {
    Filter filter;
    filter.comm = "myapp";
    EXPECT_TRUE(passes(filter, fork));
    EXPECT_TRUE(passes(filter, signal_event));
    EXPECT_FALSE(passes(filter, failed));
    filter.comm = "bash";
    EXPECT_FALSE(passes(filter, fork));
    EXPECT_TRUE(passes(filter, signal_event)) << "the sender's";
    filter.comm = "mya";
    EXPECT_FALSE(passes(filter, fork));
    filter.comm = "myappx";
    EXPECT_FALSE(passes(filter, fork));
    Event longer = fork;
    longer.process.comm = test::comm("fifteen-bytes-1");
    filter.comm = "fifteen-bytes-1 and more";
    EXPECT_TRUE(passes(filter, longer));
    filter.comm = "fifteen-bytes-2";
    EXPECT_FALSE(passes(filter, longer));
}

TEST(Filter, SentOnlyPassesKillAndSimilarCalls) {
    Filter filter;
    filter.sent_only = true;
    for (const SignalSource source : {SignalSource::user, SignalSource::self}) {
        EXPECT_TRUE(passes(filter, signal_from(source))) << to_string(source);
    }
    for (const SignalSource source :
         {SignalSource::queue, SignalSource::timer, SignalSource::fault, SignalSource::oom,
          SignalSource::terminal, SignalSource::parent_death, SignalSource::kernel,
          SignalSource::unknown}) {
        EXPECT_FALSE(passes(filter, signal_from(source))) << to_string(source);
    }
    EXPECT_TRUE(passes(filter, fork)) << "it is about signals only";
}

}  // namespace
}  // namespace vigil::pipeline
