// SPDX-License-Identifier: Apache-2.0
#include "deaths/death_recorder.h"

#include <unistd.h>

#include "deaths/recorded.h"
#include "host/procfs.h"

namespace vigil::deaths {
namespace {

using model::Cause;
using model::SignalResult;
using model::SignalSource;
using test::Record;
using test::Story;
using Names = std::vector<std::string>;

using namespace std::string_literals;

std::string pid(uint32_t number) { return std::to_string(Story::nobody + number); }

TEST(DeathRecorder, AnExitHasItsCodeAndNoKiller) {
    Story story;
    story.fork(1, 0, "sh");
    story.exec(1, "tool", "/opt/tool", "tool\0-x\0"s);
    const Record& record = story.exit(1, 3 << 8, "tool");
    EXPECT_EQ(record.death.cause, Cause::exit);
    EXPECT_EQ(record.death.signal, 0);
    EXPECT_FALSE(record.death.source);
    EXPECT_FALSE(record.death.killer);
    EXPECT_TRUE(record.death.is_abnormal());
    EXPECT_EQ(record.executable, "/opt/tool");
    EXPECT_EQ(record.argv, "tool\0-x\0"s);
    EXPECT_EQ(record.death.exit.code(), 3);
    EXPECT_EQ(story.living(), 0U);
}

TEST(DeathRecorder, AKillerKeepsItsNameAndItsLineAfterItsOwnEnd) {
    Story story;
    story.fork(1, 0, "sshd");
    story.fork(2, 1, "sshd");
    story.exec(2, "bash", "/bin/bash", "bash\0"s);
    story.fork(3, 0, "victim");
    story.fork(4, 2, "bash");
    story.exec(4, "kill", "/bin/kill", "kill\0-9\0"s);
    story.signal(3, SIGKILL, SignalSource::user, 4);
    story.exit(4, 0);
    story.exit(2, 0);
    const Record& record = story.exit(3, SIGKILL);
    EXPECT_EQ(record.death.cause, Cause::signal);
    EXPECT_EQ(record.death.signal, SIGKILL);
    EXPECT_EQ(record.death.source, SignalSource::user);
    ASSERT_TRUE(record.death.killer);
    EXPECT_EQ(record.death.killer->pid, Story::nobody + 4);
    EXPECT_EQ(record.killer_executable, "/bin/kill");
    EXPECT_EQ(record.killer_ancestors, (Names{"bash " + pid(2), "sshd " + pid(1)}));
}

// A later exec of the killer does not change the record.
TEST(DeathRecorder, AKillerIsAsItWasWhenItSent) {
    Story story;
    story.fork(1, 0, "a");
    story.exec(1, "a", "/bin/a", "a\0"s);
    story.fork(2, 0, "victim");
    story.signal(2, SIGTERM, SignalSource::user, 1);
    story.exec(1, "b", "/bin/b", "b\0"s);
    EXPECT_EQ(story.exit(2, SIGTERM).killer_executable, "/bin/a");
}

TEST(DeathRecorder, AncestorsAreAsTheyWereAtTheBirth) {
    Story story;
    story.fork(1, 0, "init");
    story.fork(2, 1, "init");
    story.exec(2, "login", "/bin/login", "login\0"s);
    story.fork(3, 2, "login");
    story.exec(2, "bash", "/bin/bash", "bash\0"s);
    story.exit(2, 0);
    story.exec(3, "tool", "/bin/tool", "tool\0"s);
    EXPECT_EQ(story.exit(3, 0).ancestors, (Names{"login " + pid(2), "init " + pid(1)}));
}

TEST(DeathRecorder, OnlyADeliveredSignalOfTheExitsNumberIsTheOne) {
    Story story;
    story.fork(1, 0, "victim");
    for (const uint32_t each : {2, 3, 4, 5}) {
        story.fork(each, 0, "killer");
    }
    story.signal(1, SIGTERM, SignalSource::user, 2, SignalResult::ignored);
    story.signal(1, SIGTERM, SignalSource::user, 3);
    story.signal(1, SIGTERM, SignalSource::user, 4, SignalResult::already_pending);
    story.signal(1, SIGUSR1, SignalSource::user, 5);
    const Record& record = story.exit(1, SIGTERM);
    ASSERT_TRUE(record.death.killer);
    EXPECT_EQ(record.death.killer->pid, Story::nobody + 3);
}

TEST(DeathRecorder, TheLastOfSeveralDeliveredIsTheOne) {
    Story story;
    story.fork(1, 0, "victim");
    story.signal(1, SIGTERM, SignalSource::user, 2);
    story.signal(1, SIGTERM, SignalSource::user, 3);
    EXPECT_EQ(story.exit(1, SIGTERM).death.killer->pid, Story::nobody + 3);
}

TEST(DeathRecorder, WithoutASignalNobodyIsNamed) {
    Story story;
    story.fork(1, 0, "victim");
    story.signal(1, SIGTERM, SignalSource::user, 2, SignalResult::ignored);
    const Record& record = story.exit(1, SIGTERM);
    EXPECT_EQ(record.death.source, SignalSource::unknown);
    EXPECT_FALSE(record.death.killer);
}

// Seccomp may end a process with SIGSYS without sending a signal.
TEST(DeathRecorder, SigsysWithoutASignalIsAFault) {
    Story story;
    story.fork(1, 0, "victim");
    EXPECT_EQ(story.exit(1, SIGSYS).death.source, SignalSource::fault);
    story.fork(2, 0, "victim");
    EXPECT_EQ(story.exit(2, SIGKILL).death.source, SignalSource::kernel) << "in strict mode";
    for (const int number : {SIGSYS, SIGKILL}) {
        story.fork(3, 0, "victim");
        story.lose(model::Kind::signal);
        EXPECT_EQ(story.exit(3, number).death.source, SignalSource::unknown) << "or it was lost";
    }
}

TEST(DeathRecorder, TermThenKillTellsBoth) {
    Story story;
    story.fork(1, 0, "init");
    story.fork(2, 1, "manager");
    story.fork(3, 2, "victim");
    story.signal(3, SIGTERM, SignalSource::user, 2);
    story.signal(3, SIGKILL, SignalSource::user, 2);
    const Record& record = story.exit(3, SIGKILL);
    EXPECT_EQ(record.death.signal, SIGKILL);
    ASSERT_TRUE(record.death.prior);
    EXPECT_EQ(record.death.prior->number, SIGTERM);
    EXPECT_EQ(record.death.prior->sender->pid, Story::nobody + 2);
    EXPECT_EQ(record.death.prior->parent_pid, Story::nobody + 1);
    EXPECT_EQ(record.death.prior->unix_ns, *record.death.signal_unix_ns - 1'000'000);
}

// node, make, gcc, bash with a trap: the one who asked is the killer.
TEST(DeathRecorder, ASignalThatTheProcessRaisesAgainHidesNoSender) {
    for (const SignalSource own : {SignalSource::self, SignalSource::queue}) {
        Story story;
        story.fork(1, 0, "victim");
        story.signal(1, SIGTERM, SignalSource::user, 2);
        story.pass(40'000'000);
        story.signal(1, SIGTERM, own, 1);
        const Record& told = story.exit(1, SIGTERM);
        EXPECT_EQ(told.death.source, SignalSource::user);
        ASSERT_TRUE(told.death.killer);
        EXPECT_EQ(told.death.killer->pid, Story::nobody + 2);
        ASSERT_TRUE(told.death.response);
        EXPECT_EQ(told.death.response->number, SIGTERM);
        EXPECT_EQ(told.death.response->unix_ns, *told.death.signal_unix_ns + 41'000'000);
        EXPECT_FALSE(told.death.prior);
    }
    Story story;
    story.fork(1, 0, "victim");
    story.signal(1, SIGINT, SignalSource::terminal);
    story.signal(1, SIGINT, SignalSource::self, 1);
    EXPECT_EQ(story.exit(1, SIGINT).death.source, SignalSource::terminal);
}

TEST(DeathRecorder, ASignalOfItsOwnLongAfterwardsIsItsOwn) {
    Story story;
    story.fork(1, 0, "victim");
    story.signal(1, SIGTERM, SignalSource::user, 2);
    story.pass(121'000'000'000);
    story.signal(1, SIGTERM, SignalSource::self, 1);
    const Record& told = story.exit(1, SIGTERM);
    EXPECT_EQ(told.death.source, SignalSource::self);
    EXPECT_FALSE(told.death.response);
}

TEST(DeathRecorder, AnotherSenderAfterItsOwnIsTheOne) {
    Story story;
    story.fork(1, 0, "victim");
    story.signal(1, SIGTERM, SignalSource::user, 2);
    story.signal(1, SIGTERM, SignalSource::self, 1);
    story.signal(1, SIGTERM, SignalSource::user, 3);
    const Record& told = story.exit(1, SIGTERM);
    EXPECT_EQ(told.death.killer->pid, Story::nobody + 3);
    EXPECT_FALSE(told.death.response);
}

// Handlers raise the signal again (python -X faulthandler), or abort (the JVM, node).
TEST(DeathRecorder, ACrashHandlerHidesNoFault) {
    for (const int response : {SIGSEGV, SIGABRT, SIGKILL}) {
        Story story;
        story.fork(1, 0, "victim");
        story.signal(1, SIGQUIT, SignalSource::user, 2);
        story.pass(60'000'000'000);
        story.signal(1, SIGSEGV, SignalSource::fault);
        story.pass(2'000'000'000);
        story.signal(1, response, SignalSource::self, 1);
        const Record& told = story.exit(1, static_cast<uint32_t>(response));
        EXPECT_EQ(told.death.signal, SIGSEGV);
        EXPECT_EQ(told.death.source, SignalSource::fault);
        EXPECT_FALSE(told.death.killer);
        ASSERT_TRUE(told.death.response);
        EXPECT_EQ(told.death.response->number, response);
        EXPECT_FALSE(told.death.prior) << "a thread dump a minute ago";
    }
}

TEST(DeathRecorder, ACrashHandlerHidesNoSender) {
    Story story;
    story.fork(1, 0, "victim");
    story.signal(1, SIGBUS, SignalSource::user, 2);
    story.signal(1, SIGABRT, SignalSource::self, 1);
    const Record& told = story.exit(1, SIGABRT);
    EXPECT_EQ(told.death.signal, SIGBUS);
    EXPECT_EQ(told.death.killer->pid, Story::nobody + 2);
}

// A runtime that uses faults as checks, and fails an assertion later.
TEST(DeathRecorder, AFaultLongBeforeAnAbortIsNotItsCause) {
    Story story;
    story.fork(1, 0, "victim");
    story.signal(1, SIGSEGV, SignalSource::fault);
    story.pass(11'000'000'000);
    story.signal(1, SIGABRT, SignalSource::self, 1);
    const Record& told = story.exit(1, SIGABRT);
    EXPECT_EQ(told.death.signal, SIGABRT);
    EXPECT_FALSE(told.death.response);
}

TEST(DeathRecorder, AFaultBeforeAnExitWithAnErrorIsThePriorSignal) {
    Story story;
    for (const uint32_t status : {2U << 8, 0U}) {
        story.fork(1, 0, "victim");
        story.signal(1, SIGSEGV, SignalSource::fault);
        const Record& told = story.exit(1, status);
        EXPECT_EQ(told.death.prior.has_value(), status != 0);
        story.pass(1'000'000'000);
    }
    story.fork(2, 0, "victim");
    story.signal(2, SIGTERM, SignalSource::user, 3);
    story.signal(2, SIGSEGV, SignalSource::fault);
    EXPECT_EQ(story.exit(2, 143 << 8).death.prior->number, SIGTERM) << "a request comes first";
}

TEST(DeathRecorder, AShellsExitCodeNamesTheChildThatItRepeats) {
    Story story;
    story.fork(1, 0, "sh");
    story.exec(1, "sh", "/bin/sh", "sh\0"s);
    for (const uint32_t child : {2, 3, 4}) {
        story.fork(child, 1, "sort");
    }
    story.exit(2, 3 << 8, "other", 1);
    story.signal(3, SIGKILL, SignalSource::oom);
    story.exit(3, SIGKILL, "sort", 1);
    story.exit(4, SIGTERM, "later", 1);
    story.pass(5'000'000'000);
    const Record& told = story.exit(1, 137 << 8, "sh");
    ASSERT_TRUE(told.death.child);
    EXPECT_EQ(told.death.child->pid, Story::nobody + 3);
    EXPECT_EQ(told.death.child->cause, Cause::oom);
    EXPECT_EQ(told.death.child->signal, SIGKILL);
}

TEST(DeathRecorder, AnotherProgramsExitCodeIsItsOwn) {
    Story story;
    for (const uint64_t wait_ns : {0ULL, 5'000'000'000ULL}) {
        story.fork(1, 0, "x");
        story.fork(2, 1, "x");
        story.exit(2, SIGKILL, "x", 1);
        story.pass(wait_ns);
        EXPECT_EQ(story.exit(1, 137 << 8).death.child.has_value(), wait_ns == 0);
        story.pass(1'000'000'000);
    }
    story.fork(3, 0, "java");
    story.fork(4, 3, "java");
    story.signal(3, SIGTERM, SignalSource::user, 5);
    story.exit(4, SIGTERM, "java", 3);
    EXPECT_FALSE(story.exit(3, 143 << 8, "java").death.child) << "it was asked to end itself";
}

TEST(DeathRecorder, AWrapperThatRepeatsASignalNamesItsChild) {
    Story story;
    story.fork(1, 0, "sudo");
    story.fork(2, 1, "sleep");
    story.signal(2, SIGTERM, SignalSource::user, 3);
    story.exit(2, SIGTERM, "sleep", 1);
    story.signal(1, SIGTERM, SignalSource::self, 1);
    const Record& told = story.exit(1, SIGTERM, "sudo");
    ASSERT_TRUE(told.death.child);
    EXPECT_EQ(told.death.child->pid, Story::nobody + 2);
}

void timeout_kills_its_command(Story& story, int number) {
    model::Signal signal;
    signal.number = number;
    signal.source = SignalSource::user;
    signal.sender = model::Sender{.pid = Story::nobody + 1,
                                  .tid = Story::nobody + 1,
                                  .uid = 0,
                                  .start_ns = Story::start_ns(1),
                                  .comm = test::comm("timeout")};
    story.take(model::Kind::signal, Story::process(2, "sleep", 1), signal);
}

// `timeout -s KILL` kills its command and then itself, and may end before its command does.
TEST(DeathRecorder, AWrapperThatKillsItselfNamesTheChildThatItKilled) {
    Story story;
    story.fork(1, 9, "timeout");
    story.fork(2, 1, "sleep");
    timeout_kills_its_command(story, SIGTERM);
    timeout_kills_its_command(story, SIGKILL);
    story.signal(1, SIGKILL, SignalSource::self, 1);
    const Record& told = story.exit(1, SIGKILL, "timeout");
    ASSERT_TRUE(told.death.child);
    EXPECT_EQ(told.death.child->pid, Story::nobody + 2);
    EXPECT_EQ(told.death.child->comm.view(), "sleep");
    EXPECT_EQ(told.death.child->signal, SIGKILL);
    EXPECT_EQ(told.death.child->cause, Cause::signal);
}

// The signal came while the command was exiting by itself.
TEST(DeathRecorder, AChildThatExitsDespiteSigkillWasNotKilled) {
    Story story;
    story.fork(1, 9, "timeout");
    story.fork(2, 1, "sleep");
    timeout_kills_its_command(story, SIGKILL);
    story.exit(2, 0, "sleep", 1);
    story.signal(1, SIGKILL, SignalSource::self, 1);
    EXPECT_FALSE(story.exit(1, SIGKILL, "timeout").death.child);
}

TEST(DeathRecorder, ATracerGivesASignalThatNobodySent) {
    Story story;
    story.fork(1, 9, "gdb");
    story.fork(2, 8, "victim");
    const auto exit_traced = [&](uint32_t number, uint32_t status) {
        model::Exit exit;
        exit.status = status;
        exit.tracer_pid = Story::nobody + 1;
        story.take(model::Kind::exit, Story::process(number, "victim"), exit);
        return story.records.back().death;
    };
    const model::Death death = exit_traced(2, SIGTERM);
    EXPECT_EQ(death.source, SignalSource::tracer);
    ASSERT_TRUE(death.killer);
    EXPECT_EQ(death.killer->pid, Story::nobody + 1);
    EXPECT_EQ(death.killer->comm.view(), "gdb");
    story.fork(3, 8, "victim");
    EXPECT_EQ(exit_traced(3, SIGSYS).source, SignalSource::fault) << "of a filter";
    story.fork(4, 8, "victim");
    story.signal(4, SIGTERM, SignalSource::user, 9);
    EXPECT_EQ(exit_traced(4, SIGTERM).source, SignalSource::user) << "that one was seen";
    story.fork(5, 8, "victim");
    story.lose(model::Kind::signal);
    EXPECT_EQ(exit_traced(5, SIGTERM).source, SignalSource::unknown);
    EXPECT_FALSE(story.records.back().death.killer);
}

// The clock is set back by an hour between the two.
TEST(DeathRecorder, ASetClockLosesNoPriorSignal) {
    for (const int64_t step_ns : {3'600'000'000'000, -3'600'000'000'000}) {
        Story story;
        story.fork(1, 0, "victim");
        model::Violation violation;
        violation.limit = 200;
        story.take(model::Kind::violation, Story::process(1, "x"), violation);
        story.signal(1, SIGTERM, SignalSource::user, 2);
        story.set_clock(step_ns);
        story.signal(1, SIGKILL, SignalSource::user, 2);
        const Record& told = story.exit(1, SIGKILL);
        ASSERT_TRUE(told.death.prior);
        EXPECT_EQ(told.death.prior->number, SIGTERM);
        EXPECT_EQ(told.death.prior->unix_ns, *told.death.signal_unix_ns - 1'000'000)
            << "in the clock of the exit";
        EXPECT_EQ(told.death.limits.since_unix_ns.at(0), *told.death.signal_unix_ns - 2'000'000);
    }
}

TEST(DeathRecorder, AnExitAfterSigtermTellsOfIt) {
    Story story;
    story.fork(1, 0, "server");
    story.signal(1, SIGTERM, SignalSource::user, 2);
    const Record& record = story.exit(1, 0);
    EXPECT_EQ(record.death.cause, Cause::exit);
    ASSERT_TRUE(record.death.prior);
    EXPECT_EQ(record.death.prior->number, SIGTERM);
}

TEST(DeathRecorder, WhatWasLongBeforeIsNotReportedOf) {
    Story story;
    story.fork(1, 0, "server");
    story.signal(1, SIGHUP, SignalSource::user, 2);
    story.pass(601'000'000'000);
    EXPECT_FALSE(story.exit(1, 0).death.prior);
}

TEST(DeathRecorder, AKillDuringADumpDoesNotReplaceTheCause) {
    Story story;
    story.fork(1, 0, "victim");
    story.signal(1, SIGSEGV, SignalSource::fault);
    story.signal(1, SIGKILL, SignalSource::user, 2, SignalResult::delivered, true);
    const Record& record = story.exit(1, SIGKILL);
    EXPECT_EQ(record.death.signal, SIGSEGV);
    EXPECT_EQ(record.death.source, SignalSource::fault);
    EXPECT_FALSE(record.death.killer);
    EXPECT_EQ(record.death.exit.signal(), SIGKILL);
}

// Also if the kernel named the victim too late for the signal's own source.
TEST(DeathRecorder, AnOomKillTellsOfTheMemory) {
    for (const SignalSource source : {SignalSource::oom, SignalSource::kernel}) {
        Story story;
        story.fork(1, 0, "victim");
        story.signal(1, SIGKILL, source);
        model::Oom oom;
        oom.rss_bytes = 1 << 20;
        oom.trigger_pid = 7;
        oom.trigger_comm = test::comm("hungry");
        story.take(model::Kind::oom, Story::process(1, "victim"), oom);
        const Record& record = story.exit(1, SIGKILL);
        EXPECT_EQ(record.death.cause, Cause::oom);
        EXPECT_EQ(record.death.source, SignalSource::oom);
        ASSERT_TRUE(record.death.oom);
        EXPECT_EQ(record.death.oom->rss_bytes, 1U << 20);
        EXPECT_EQ(record.death.oom->trigger_pid, 7U);
        EXPECT_FALSE(record.death.killer);
    }
}

TEST(DeathRecorder, AParentWhoseDeathIsTheReasonIsNamed) {
    Story story;
    story.fork(1, 0, "init");
    story.fork(2, 1, "parent");
    story.exec(2, "parent", "/bin/parent", "parent\0"s);
    story.fork(3, 2, "child");
    story.exit(2, 0);
    story.signal(3, SIGTERM, SignalSource::parent_death, 2);
    const Record& record = story.exit(3, SIGTERM);
    EXPECT_EQ(record.killer_executable, "/bin/parent");
    EXPECT_EQ(record.killer_ancestors, Names{"init " + pid(1)});
}

TEST(DeathRecorder, ALossOfSignalsMakesWhoSentThemUnknown) {
    for (const std::optional<model::Kind> kind : {std::optional(model::Kind::signal), {}}) {
        Story story;
        story.fork(1, 0, "victim");
        story.signal(1, SIGTERM, SignalSource::user, 2);
        story.lose(kind);
        EXPECT_EQ(story.exit(1, SIGTERM).death.source, SignalSource::unknown);
    }
    Story story;
    story.fork(1, 0, "victim");
    story.signal(1, SIGTERM, SignalSource::user, 2);
    story.lose(model::Kind::exec);
    EXPECT_EQ(story.exit(1, SIGTERM).death.source, SignalSource::user);
}

TEST(DeathRecorder, AnotherProcessOfTheSamePidIsAnother) {
    Story story;
    story.fork(1, 0, "old");
    story.signal(1, SIGTERM, SignalSource::user, 2);
    model::Process again = Story::process(1, "new");
    again.start_ns += 50'000'000;
    story.take(model::Kind::fork, again, model::Fork{});
    model::Exit exit;
    exit.status = SIGTERM;
    story.take(model::Kind::exit, again, exit);
    ASSERT_EQ(story.records.size(), 1U);
    EXPECT_EQ(story.records[0].death.source, SignalSource::unknown);
}

TEST(DeathRecorder, AnExitWithoutAForkHasARecordToo) {
    Story story;
    const Record& record = story.exit(1, 0, "stranger");
    EXPECT_EQ(record.process.comm.view(), "stranger");
    EXPECT_EQ(record.executable, "-");
    EXPECT_TRUE(record.ancestors.empty());
}

TEST(DeathRecorder, LimitsOfTheLastTenMinutes) {
    Story story;
    story.fork(1, 0, "x");
    model::Violation violation;
    violation.metric = model::Metric::memory;
    violation.limit = 200;
    violation.peak = 212;
    violation.duration_ns = 5'000'000;
    story.take(model::Kind::violation, Story::process(1, "x"), violation);
    violation.metric = model::Metric::cpu;
    violation.limit = 50;
    violation.state = model::ViolationState::cleared;
    story.take(model::Kind::violation, Story::process(1, "x"), violation);
    story.pass(601'000'000'000);
    violation.metric = model::Metric::disk;
    story.take(model::Kind::violation, Story::process(1, "x"), violation);
    const Record& record = story.exit(1, 0);
    const model::LimitViolations& limits = record.death.limits;
    ASSERT_EQ(limits.metrics.size(), 2U) << "that of CPU is long over";
    EXPECT_EQ(limits.metrics[0], "memory");
    EXPECT_EQ(limits.limits[0], 200);
    EXPECT_EQ(limits.peaks[0], 212);
    EXPECT_EQ(limits.metrics[1], "disk");
}

TEST(DeathRecorder, LoadsTheLivingFromProc) {
    Story story;
    story.updater().load_from_proc();
    EXPECT_GT(story.living(), 1U);
    model::Process self;
    self.pid = static_cast<uint32_t>(::getpid());
    self.start_ns = host::read_stat(self.pid)->start_ns;
    model::Signal signal;
    signal.number = SIGTERM;
    signal.source = SignalSource::user;
    signal.sender = model::Sender{};
    signal.sender->pid = self.pid;
    signal.sender->start_ns = self.start_ns;
    story.fork(1, 0, "victim");
    story.take(model::Kind::signal, Story::process(1, "victim"), signal);
    const Record& record = story.exit(1, SIGTERM);
    EXPECT_EQ(record.killer_executable, host::read_executable(self.pid));
    ASSERT_FALSE(record.killer_ancestors.empty());
    EXPECT_TRUE(record.killer_ancestors[0].ends_with(' ' + std::to_string(::getppid())));
}

TEST(DeathRecorder, ALostExecMakesAnImageOfAnotherNameUnknown) {
    Story story;
    story.fork(1, 0, "bash");
    story.exec(1, "bash", "/bin/bash", "bash\0"s);
    story.fork(2, 1, "bash");
    story.fork(3, 1, "bash");
    story.lose(model::Kind::exec);
    EXPECT_EQ(story.exit(2, 0, "nginx").executable, "-");
    EXPECT_EQ(story.exit(3, 0, "bash").executable, "/bin/bash") << "it still has that name";
}

TEST(DeathRecorder, ASignalBeforeTheForkIsKept) {
    Story story;
    story.fork(1, 0, "parent");
    story.exec(1, "parent", "/bin/parent", "parent\0"s);
    story.signal(2, SIGKILL, SignalSource::user, 1);
    story.fork(2, 1, "parent");
    const Record& record = story.exit(2, SIGKILL);
    EXPECT_EQ(record.death.source, SignalSource::user);
    EXPECT_EQ(record.executable, "/bin/parent");
    EXPECT_EQ(record.ancestors, Names{"parent " + pid(1)});
}

TEST(DeathRecorder, ASignalToTheDeadMakesNoLife) {
    Story story;
    story.fork(1, 0, "victim");
    story.exit(1, 0);
    story.signal(1, SIGTERM, SignalSource::user, 2);
    EXPECT_EQ(story.living(), 0U);
}

// A slow stop: the first signal is still reported.
TEST(DeathRecorder, ManySignalsInBetweenHideNothing) {
    Story story;
    story.fork(1, 0, "victim");
    story.signal(1, SIGTERM, SignalSource::user, 2);
    for (const int number : {SIGALRM, SIGUSR1, SIGUSR2, SIGPIPE, SIGPROF, SIGIO}) {
        story.signal(1, number, SignalSource::kernel);
    }
    story.signal(1, SIGKILL, SignalSource::user, 3);
    const Record& record = story.exit(1, SIGKILL);
    ASSERT_TRUE(record.death.prior);
    EXPECT_EQ(record.death.prior->number, SIGTERM);
}

// A daemon that forks and exits for ever.
TEST(DeathRecorder, ALineWithoutEndIsBounded) {
    Story story;
    story.fork(1, 0, "d");
    size_t max_bytes = 0;
    for (uint32_t each = 2; each < 10'000; each++) {
        story.fork(each, each - 1, "d");
        const Record& record = story.exit(each - 1, 0);
        ASSERT_LE(record.ancestors.size(), process::max_ancestors);
        max_bytes = std::max(max_bytes, story.updater().bytes());
        story.records.clear();
    }
    EXPECT_LT(max_bytes, 128U << 10);
    const Record& last = story.exit(9'999, 0);
    EXPECT_EQ(last.ancestors.size(), process::max_ancestors);
    EXPECT_TRUE(last.death.ancestry.cut);
    EXPECT_EQ(last.ancestors[0], "d " + pid(9'998));
}

}  // namespace
}  // namespace vigil::deaths
