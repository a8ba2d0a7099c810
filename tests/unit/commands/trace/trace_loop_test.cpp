// SPDX-License-Identifier: Apache-2.0
// The whole path of an event in user space: a ring that the test fills, and an output that it
// reads.
#include "commands/trace/trace_loop.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <thread>

#include "base/clock.h"
#include "host/process_lookup.h"
#include "pipeline/accounting.h"
#include "support/fake_kernel.h"

namespace vigil::commands {
namespace {

using model::Kind;
using test::FakeKernel;

class TraceLoopTest : public ::testing::Test {
 protected:
    void SetUp() override {
        ::sigprocmask(SIG_SETMASK, nullptr, &old_mask_);
        kernel_ = FakeKernel::create(1 << 20, 2);
        if (!kernel_) {
            GTEST_SKIP() << "this kernel or these privileges give no BPF ring";
        }
        reader_ = std::make_unique<capture::RingReader>(
            std::move(*capture::RingReader::open(kernel_->fds())));
        int ends[2];
        ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        read_ = Fd(ends[0]);
        write_ = Fd(ends[1]);
    }
    void TearDown() override { ::sigprocmask(SIG_SETMASK, &old_mask_, nullptr); }

    TraceLoop open(const TraceRequest& request, int output_fd, host::Child* child = nullptr,
                   pipeline::EndCondition* end = nullptr) {
        formatter_ = request.format == Format::table ? format::make_table_formatter()
                                                     : format::make_text_formatter(false, false);
        auto loop = TraceLoop::open(*reader_, request, *formatter_, output_fd, child, end);
        EXPECT_TRUE(loop) << loop.error().context;
        return std::move(*loop);
    }

    void send_fork(uint32_t pid, uint64_t time_ms = 0) {
        auto record = test::fork_record();
        record.header.pid = pid;
        record.header.time_ns += time_ms * 1'000'000;
        ASSERT_TRUE(kernel_->send(test::bytes_of(record)));
    }
    void send_exec(uint32_t pid, const char* comm) {
        auto record = test::exec_record("/bin/x", "");
        test::patch_header(record, &vigil_header::pid, pid);
        vigil_header header;
        std::memcpy(&header, record.data(), sizeof header);
        test::set_comm(header.comm, comm);
        std::memcpy(record.data(), &header, sizeof header);
        ASSERT_TRUE(kernel_->send(record));
    }

    std::string written() {
        write_.reset();
        std::string all(1 << 20, '\0');
        const ssize_t got = ::read(read_.get(), all.data(), all.size());
        all.resize(got > 0 ? static_cast<size_t>(got) : 0);
        return all;
    }

    // The totals as `vigil trace` computes them at its end.
    pipeline::RunTotals run_totals(const TraceLoop& loop) {
        pipeline::RunTotals result{};
        const auto totals = reader_->totals(reader_->cursor());
        for (size_t i = 0; i < totals.size(); i++) {
            const auto kind = static_cast<Kind>(i);
            result.kinds[i] = {.seen = totals[i].seen,
                               .filtered = totals[i].filtered + loop.filtered(kind),
                               .delivered = loop.delivered(kind),
                               .dropped = totals[i].dropped,
                               .undelivered = loop.undelivered(kind) + totals[i].unread};
        }
        return result;
    }
    static TraceRequest until_count(uint64_t count) {
        TraceRequest request;
        request.count = count;
        return request;
    }

    sigset_t old_mask_{};
    std::unique_ptr<FakeKernel> kernel_;
    std::unique_ptr<capture::RingReader> reader_;
    std::unique_ptr<format::Formatter> formatter_;
    Fd read_, write_;
};

TEST_F(TraceLoopTest, EndsAtTheCountAndAccountsForTheRest) {
    for (uint32_t pid = 1; pid <= 5; pid++) {
        send_fork(pid);
    }
    kernel_->filter(VIGIL_FORK);
    kernel_->drop(VIGIL_FORK);
    TraceLoop loop = open(until_count(2), write_.get());
    ASSERT_TRUE(loop.run());
    ASSERT_TRUE(loop.drain());
    const pipeline::RunTotals end = run_totals(loop);
    EXPECT_EQ(end.kinds[VIGIL_FORK].seen, 7U);
    EXPECT_EQ(end.kinds[VIGIL_FORK].filtered, 1U);
    EXPECT_EQ(end.kinds[VIGIL_FORK].delivered, 2U);
    EXPECT_EQ(end.kinds[VIGIL_FORK].dropped, 1U);
    EXPECT_EQ(end.kinds[VIGIL_FORK].undelivered, 3U);
    EXPECT_TRUE(pipeline::is_balanced(end));
    const std::string text = written();
    EXPECT_NE(text.find("FORK: myapp (pid=1, "), std::string::npos);
    EXPECT_NE(text.find("FORK: myapp (pid=2, "), std::string::npos);
    EXPECT_EQ(text.find("pid=3,"), std::string::npos);
}

TEST_F(TraceLoopTest, EndsOnASignalAndDrains) {
    TraceLoop loop = open({}, write_.get());
    send_fork(1);
    ::kill(::getpid(), SIGTERM);  // blocked: pending until the loop runs
    ASSERT_TRUE(loop.run());
    send_fork(2);
    ASSERT_TRUE(loop.drain());
    EXPECT_EQ(loop.delivered(Kind::fork), 2U);
    EXPECT_TRUE(pipeline::is_balanced(run_totals(loop)));
}

TEST_F(TraceLoopTest, EndsAfterTheDuration) {
    TraceRequest request;
    request.duration_ns = 20'000'000;
    TraceLoop loop = open(request, write_.get());
    send_fork(1);
    ASSERT_TRUE(loop.run());
    ASSERT_TRUE(loop.drain());
    EXPECT_EQ(loop.delivered(Kind::fork), 1U);
}

TEST_F(TraceLoopTest, EndsWhenTheOutputIsClosed) {
    TraceLoop loop = open({}, write_.get());
    read_.reset();
    send_fork(1);
    ASSERT_TRUE(loop.run());
    send_fork(2);
    ASSERT_TRUE(loop.drain());
    EXPECT_EQ(loop.delivered(Kind::fork), 0U);
    EXPECT_EQ(loop.undelivered(Kind::fork), 2U);
    EXPECT_TRUE(pipeline::is_balanced(run_totals(loop)));
}

TEST_F(TraceLoopTest, EndsWhenTheIdleOutputIsClosed) {
    TraceLoop loop = open({}, write_.get());
    read_.reset();
    EXPECT_TRUE(loop.run());
}

TEST_F(TraceLoopTest, WakesForAnEventWhenIdle) {
    TraceLoop loop = open(until_count(2), write_.get());
    std::thread later([&] {
        ::usleep(150'000);  // by then it sleeps until woken
        send_fork(1);
        ::usleep(150'000);
        send_fork(2);
    });
    EXPECT_TRUE(loop.run());
    later.join();
    EXPECT_EQ(loop.delivered(Kind::fork), 2U);
}

TEST_F(TraceLoopTest, ShowsALossWithoutCountingIt) {
    kernel_->drop(VIGIL_FORK);
    send_fork(2);
    TraceLoop loop = open(until_count(1), write_.get());
    ASSERT_TRUE(loop.run());
    ASSERT_TRUE(loop.drain());
    EXPECT_EQ(loop.delivered(Kind::fork), 1U);
    EXPECT_TRUE(pipeline::is_balanced(run_totals(loop)));
    EXPECT_NE(written().find("LOSS: fork (count=1)"), std::string::npos);
}

TEST_F(TraceLoopTest, TableNamesForksByTheirExec) {
    TraceRequest request = until_count(2);
    request.format = Format::table;
    request.filter.kinds = model::kind_bit(Kind::fork);
    send_fork(1);
    send_fork(2);
    send_exec(1, "ls");
    send_fork(3, 200);  // 200 ms of event time later
    TraceLoop loop = open(request, write_.get());
    ASSERT_TRUE(loop.run());
    ASSERT_TRUE(loop.drain());
    EXPECT_TRUE(pipeline::is_balanced(run_totals(loop)));
    const std::string text = written();
    EXPECT_NE(text.find("1        1234     ls\n2        1234     myapp\n"), std::string::npos)
        << text;
    EXPECT_EQ(loop.filtered(Kind::exec), 1U);
    EXPECT_EQ(loop.undelivered(Kind::fork), 1U);
}

TEST_F(TraceLoopTest, EndsWithTheWatchedProcess) {
    auto child = host::Child::start_suspended({"sh", "-c", "exit 3"});
    ASSERT_TRUE(child);
    auto found = host::find_process(static_cast<uint32_t>(child->pid()));
    ASSERT_TRUE(found);
    pipeline::EndCondition end;
    end.watch_process(std::move(found->pidfd), "the shell");
    send_fork(1);
    TraceLoop loop = open({}, write_.get(), nullptr, &end);
    EXPECT_FALSE(end.reached());
    std::thread later([&] { EXPECT_EQ(*child->resume(), 0); });
    EXPECT_TRUE(loop.run());
    later.join();
    EXPECT_EQ(loop.delivered(Kind::fork), 1U);
    EXPECT_EQ(end.reason(), "the shell has ended");
}

// The duration ends a run that does not end by itself.
TraceRequest table_of_forks() {
    TraceRequest request;
    request.format = Format::table;
    request.filter.kinds = model::kind_bit(Kind::fork);
    request.duration_ns = 20 * ns_per_s;
    return request;
}

// What names a fork can come from a process that outlives the watched one.
TEST_F(TraceLoopTest, EndsOnlyWhenTheForksHaveTheirNames) {
    const Fd wake(::eventfd(0, EFD_CLOEXEC));
    pipeline::EndCondition end;
    send_fork(1, boot_now_ns() / ns_per_ms + 100'000);  // no timeout during the test
    end.watch(wake.get(), [&] {
        send_exec(1, "ls");
        return "it has ended";
    });
    TraceLoop loop = open(table_of_forks(), write_.get(), nullptr, &end);
    EXPECT_TRUE(loop.run());
    EXPECT_NE(written().find(" ls\n"), std::string::npos);
}

TEST_F(TraceLoopTest, ChecksTheEndWhenItsDescriptorWakes) {
    const Fd wake(::eventfd(0, EFD_CLOEXEC));
    int calls = 0;
    pipeline::EndCondition end;
    end.watch(wake.get(), [&] { return ++calls == 1 ? "" : "woken"; });
    TraceRequest request;
    request.duration_ns = 100 * ns_per_ms;
    TraceLoop loop = open(request, write_.get(), nullptr, &end);
    EXPECT_TRUE(loop.run());
    EXPECT_LE(calls, 1) << "in several iterations";

    const uint64_t one = 1;
    ASSERT_EQ(::write(wake.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
    request.duration_ns = 20 * ns_per_s;
    TraceLoop next = open(request, write_.get(), nullptr, &end);
    EXPECT_TRUE(next.run());
    EXPECT_EQ(calls, 2);
    EXPECT_EQ(end.reason(), "woken");
}

// On a machine that never stops to fork, one or the other fork always waits for its name.
TEST_F(TraceLoopTest, LaterForksDoNotDelayTheEnd) {
    const uint64_t now_ms = boot_now_ns() / ns_per_ms;
    const Fd wake(::eventfd(0, EFD_CLOEXEC));
    pipeline::EndCondition end;
    send_fork(1, now_ms + 100'000);
    end.watch(wake.get(), [&] {
        send_fork(2, now_ms + 100'100);
        send_exec(1, "ls");
        return "it has ended";
    });
    TraceLoop loop = open(table_of_forks(), write_.get(), nullptr, &end);
    EXPECT_TRUE(loop.run());
    EXPECT_EQ(loop.delivered(Kind::fork), 1U);
    EXPECT_EQ(end.reason(), "it has ended");
}

TEST_F(TraceLoopTest, ConfirmsTheRingOnlyAfterTheWrite) {
    for (uint32_t pid = 1; pid <= 3; pid++) {
        send_fork(pid);
    }
    read_.reset();
    TraceLoop loop = open({}, write_.get());
    ASSERT_TRUE(loop.run());
    EXPECT_EQ(loop.confirmed().position, 0U);
    auto next = capture::RingReader::open(kernel_->fds());
    ASSERT_TRUE(next);
    EXPECT_EQ(next->cursor().position, 0U);
}

TEST_F(TraceLoopTest, PinnedRingKeepsForksWithPendingNames) {
    TraceRequest request = until_count(1);
    request.format = Format::table;
    request.filter.kinds = model::kind_bit(Kind::fork);
    request.pinned = true;
    send_fork(1);
    send_fork(2);
    send_exec(2, "ls");
    TraceLoop loop = open(request, write_.get());
    ASSERT_TRUE(loop.run());
    EXPECT_EQ(loop.delivered(Kind::fork), 1U);
    EXPECT_EQ(loop.confirmed().position, 0U) << "fork 1 was not written: it must come again";
}

TEST_F(TraceLoopTest, ReturnsTheCommandsExitCode) {
    auto child = host::Child::start_suspended({"sh", "-c", "exit 3"});
    ASSERT_TRUE(child);
    TraceLoop loop = open({}, write_.get(), &*child);
    ASSERT_EQ(*child->resume(), 0);
    ASSERT_TRUE(loop.run());
    EXPECT_EQ(loop.child_exit_code(), 3);
}

TEST_F(TraceLoopTest, ForwardsSigtermToTheCommand) {
    auto child = host::Child::start_suspended({"sleep", "100"});
    ASSERT_TRUE(child);
    TraceLoop loop = open({}, write_.get(), &*child);
    ASSERT_EQ(*child->resume(), 0);
    ::kill(::getpid(), SIGTERM);
    ASSERT_TRUE(loop.run());
    EXPECT_EQ(loop.child_exit_code(), 143);
}

// The disk is full while forks wait for their names: they must be counted too.
TEST_F(TraceLoopTest, AccountsForEventsOnAFullDisk) {
    const Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    TraceRequest request;
    request.format = Format::table;
    request.filter.kinds = model::kind_bit(Kind::fork);
    for (uint32_t pid = 1; pid <= 3; pid++) {
        send_fork(pid);
    }
    send_exec(1, "ls");
    TraceLoop loop = open(request, full.get());
    EXPECT_FALSE(loop.run());
    (void)loop.drain();
    EXPECT_EQ(run_totals(loop).kinds[VIGIL_FORK].undelivered, 3U);
    EXPECT_TRUE(pipeline::is_balanced(run_totals(loop)));
}

// After a termination signal the loop must not wait for a stalled reader of the pipe longer than
// its timeout. Without the timeout the watchdog ends it.
TEST_F(TraceLoopTest, SignalEndsDespiteAStalledReader) {
    ASSERT_EQ(::fcntl(write_.get(), F_SETPIPE_SZ, 4096), 4096);
    for (uint32_t pid = 1; pid <= 1000; pid++) {
        send_fork(pid);
    }
    TraceLoop loop = open({}, write_.get());
    ::raise(SIGTERM);  // blocked by now, so it is pending in the loop's descriptor
    std::atomic<bool> ended = false;
    bool timed_out = false;
    std::thread watchdog([&] {
        for (int i = 0; i < 100 && !ended; i++) {
            ::usleep(100'000);
        }
        if (!ended) {
            timed_out = true;
            read_.reset();
        }
    });
    EXPECT_TRUE(loop.run());
    EXPECT_TRUE(loop.drain());
    ended = true;
    watchdog.join();
    EXPECT_FALSE(timed_out);
    EXPECT_TRUE(pipeline::is_balanced(run_totals(loop)));
}

// Without a signal, at the end of the duration, a slow reader gets everything.
TEST_F(TraceLoopTest, DurationDoesNotCutOffASlowReader) {
    ASSERT_EQ(::fcntl(write_.get(), F_SETPIPE_SZ, 4096), 4096);
    for (uint32_t pid = 1; pid <= 1000; pid++) {
        send_fork(pid);
    }
    TraceRequest request;
    request.duration_ns = 1'000'000;
    TraceLoop loop = open(request, write_.get());
    std::thread reader([&] {
        ::usleep(200'000);  // long after the duration
        char bytes[4096];
        while (::read(read_.get(), bytes, sizeof bytes) > 0) {
        }
    });
    EXPECT_TRUE(loop.run());
    EXPECT_TRUE(loop.drain());
    write_.reset();
    reader.join();
    EXPECT_EQ(loop.delivered(model::Kind::fork), 1000U);
    EXPECT_TRUE(pipeline::is_balanced(run_totals(loop)));
}

}  // namespace
}  // namespace vigil::commands
