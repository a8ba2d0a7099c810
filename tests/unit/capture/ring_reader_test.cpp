// SPDX-License-Identifier: Apache-2.0
// The reader on a real ring that the test fills itself.
#include "capture/ring_reader.h"

#include <gtest/gtest.h>

#include <csignal>

#include "base/clock.h"
#include "support/fake_kernel.h"

namespace vigil::capture {
namespace {

using model::Kind;
using test::bytes_of;
using test::FakeKernel;

constexpr size_t plenty = 1 << 20;

class RingReaderTest : public ::testing::Test {
 protected:
    void SetUp() override {
        kernel_ = FakeKernel::create(16'384, 2);
        if (!kernel_) {
            GTEST_SKIP() << "this kernel or these privileges give no BPF ring";
        }
    }

    RingReader open() {
        auto reader = RingReader::open(kernel_->fds());
        EXPECT_TRUE(reader) << reader.error().context;
        return std::move(*reader);
    }

    // Forks that are distinguishable by pid and time.
    test::Bytes fork(uint32_t pid) {
        auto record = test::fork_record();
        record.header.pid = pid;
        record.header.time_ns = 5'000'000'000 + pid;
        return bytes_of(record);
    }

    static test::Bytes kill_by_kernel(uint32_t pid, uint64_t time_ns) {
        auto record = test::signal_record(SIGKILL);
        record.origin = VIGIL_ORIGIN_PRIV;
        record.header.pid = pid;
        record.header.time_ns = time_ns;
        return bytes_of(record);
    }

    static test::Bytes oom(uint32_t pid) {
        auto record = test::oom_record();
        record.header.pid = pid;
        return bytes_of(record);
    }

    // "fork 1", "loss fork 3", "signal 7 oom": one string per event.
    std::vector<std::string> drain(RingReader& reader, size_t budget_bytes = plenty,
                                   size_t max_events = SIZE_MAX) {
        std::vector<std::string> seen;
        drained_ = reader.drain(budget_bytes, [&](const model::Event& event) {
            std::string line(to_string(event.kind));
            if (const auto* loss = std::get_if<model::Loss>(&event.body)) {
                line += ' ' + std::string(to_string(loss->kind.value())) + ' ' +
                        std::to_string(loss->count);
                losses_.push_back(*loss);
            } else {
                line += ' ' + std::to_string(event.process.pid);
            }
            if (const auto* signal = std::get_if<model::Signal>(&event.body)) {
                line += ' ' + std::string(to_string(signal->source));
            }
            seen.push_back(line);
            return seen.size() < max_events;
        });
        return seen;
    }

    using Lines = std::vector<std::string>;
    std::unique_ptr<FakeKernel> kernel_;
    RingReader::Drained drained_{};
    std::vector<model::Loss> losses_;
};

TEST_F(RingReaderTest, HandsEventsOutInRingOrder) {
    RingReader reader = open();
    EXPECT_EQ(drain(reader), Lines{});
    EXPECT_EQ(drained_, RingReader::Drained::empty);
    kernel_->send(fork(1), 0);
    kernel_->send(fork(2), 1);
    kernel_->send(fork(3), 0);
    EXPECT_EQ(drain(reader), (Lines{"fork 1", "fork 2", "fork 3"}));
    EXPECT_EQ(drained_, RingReader::Drained::empty);
    EXPECT_TRUE(reader.is_drained());
}

TEST_F(RingReaderTest, ReportsAGapBeforeTheRecordThatShowsIt) {
    RingReader reader = open();
    kernel_->send(fork(1));
    kernel_->drop(VIGIL_FORK);
    kernel_->drop(VIGIL_FORK);
    kernel_->send(fork(4));
    EXPECT_EQ(drain(reader), (Lines{"fork 1", "loss fork 2", "fork 4"}));
    ASSERT_EQ(losses_.size(), 1U);
    EXPECT_EQ(losses_[0].to_unix_ns - losses_[0].from_unix_ns, 3);
}

TEST_F(RingReaderTest, AnInitialLossBeginsAtAttach) {
    RingReader reader = open();
    kernel_->drop(VIGIL_FORK);
    kernel_->send(fork(2));
    EXPECT_EQ(drain(reader), (Lines{"loss fork 1", "fork 2"}));
    EXPECT_EQ(losses_[0].to_unix_ns - losses_[0].from_unix_ns, 4'000'000'002);
}

TEST_F(RingReaderTest, ReportsAFinalLossWithoutALaterRecord) {
    RingReader reader = open();
    kernel_->send(fork(1), 1);
    kernel_->drop(VIGIL_FORK, 1);
    kernel_->drop(VIGIL_EXIT, 0);
    EXPECT_EQ(drain(reader), (Lines{"fork 1", "loss exit 1", "loss fork 1"}));
    EXPECT_EQ(drain(reader), Lines{}) << "reported twice";
    kernel_->send(fork(3), 1);
    EXPECT_EQ(drain(reader), Lines{"fork 3"});
    EXPECT_TRUE(reader.is_drained());
}

TEST_F(RingReaderTest, AFullRingLosesExactlyWhatItDropped) {
    RingReader reader = open();
    uint32_t sent = 0;
    for (uint32_t i = 0; i < 500; i++) {
        sent += kernel_->send(fork(i)) ? 1 : 0;
    }
    ASSERT_LT(sent, 500U);
    const auto seen = drain(reader);
    ASSERT_EQ(seen.size(), sent + 1);
    EXPECT_EQ(seen.back(), "loss fork " + std::to_string(500 - sent));
    const Totals totals = reader.totals(reader.cursor());
    EXPECT_EQ(totals[VIGIL_FORK].seen, 500U);
    EXPECT_EQ(totals[VIGIL_FORK].read, sent);
    EXPECT_EQ(totals[VIGIL_FORK].dropped, 500 - sent);
    EXPECT_EQ(totals[VIGIL_FORK].unread, 0U);
}

TEST_F(RingReaderTest, StopsAtTheBudgetAndOnTheHandlersRequest) {
    RingReader reader = open();
    for (uint32_t pid = 1; pid <= 4; pid++) {
        kernel_->send(fork(pid));
    }
    EXPECT_EQ(drain(reader, 100), (Lines{"fork 1", "fork 2"}));  // 96 bytes each
    EXPECT_EQ(drained_, RingReader::Drained::more);
    EXPECT_EQ(drain(reader, plenty, 1), Lines{"fork 3"});
    EXPECT_EQ(drained_, RingReader::Drained::more);
    EXPECT_EQ(drain(reader), Lines{"fork 4"});
    EXPECT_EQ(drained_, RingReader::Drained::empty);
}

TEST_F(RingReaderTest, TheNextReaderContinuesWhereThisOneConfirmed) {
    for (uint32_t pid = 1; pid <= 4; pid++) {
        kernel_->send(fork(pid));
    }
    for (const Lines& expected : {Lines{"fork 1", "fork 2"}, Lines{"fork 3"}, Lines{"fork 4"}}) {
        RingReader reader = open();
        EXPECT_EQ(drain(reader, plenty, expected.size()), expected);
        reader.confirm(reader.cursor());
        (void)drain(reader, plenty, 1);  // read, but never confirmed: read again
    }
}

TEST_F(RingReaderTest, UnconfirmedRecordsAreReadAgainWithTheirLoss) {
    kernel_->drop(VIGIL_FORK);
    kernel_->send(fork(2));
    for (int i = 0; i < 3; i++) {
        RingReader reader = open();
        EXPECT_EQ(drain(reader), (Lines{"loss fork 1", "fork 2"}));
    }
    {
        RingReader reader = open();
        (void)drain(reader);
        reader.confirm(reader.cursor());
        EXPECT_EQ(reader.totals(reader.cursor())[VIGIL_FORK].read, 1U);
    }
    RingReader reader = open();
    EXPECT_EQ(drain(reader), Lines{});
    EXPECT_EQ(reader.totals(reader.cursor())[VIGIL_FORK].read, 1U);
}

TEST_F(RingReaderTest, AReaderKilledInConfirmLeavesTheOldCursor) {
    kernel_->send(fork(1));
    kernel_->send(fork(2));
    {
        RingReader reader = open();
        (void)drain(reader, plenty, 1);
        reader.confirm(reader.cursor());
    }
    // Everything that confirm() does before its final store: the other cursor is garbage.
    const uint32_t other = (kernel_->control().active_cursor & 1) ^ 1;
    kernel_->control().consumed[other] = 12'345;
    RingReader reader = open();
    EXPECT_EQ(drain(reader), Lines{"fork 2"});
}

TEST_F(RingReaderTest, AnOomKillIsNamedByTheRecordAfterIt) {
    RingReader reader = open();
    const uint64_t now = boot_now_ns();
    kernel_->send(kill_by_kernel(7, now));
    EXPECT_EQ(drain(reader), Lines{});
    EXPECT_EQ(drained_, RingReader::Drained::pending) << "the OOM record may still come";
    kernel_->send(fork(1));
    kernel_->send(oom(7));
    EXPECT_EQ(drain(reader), (Lines{"signal 7 oom", "fork 1", "oom 7"}));
}

TEST_F(RingReaderTest, AnotherVictimsRecordExplainsNothing) {
    RingReader reader = open();
    kernel_->send(kill_by_kernel(7, 1));  // long ago: no reason to wait
    kernel_->send(oom(8));
    kernel_->send(kill_by_kernel(8, 1));
    EXPECT_EQ(drain(reader), (Lines{"signal 7 kernel", "oom 8", "signal 8 kernel"}));
    EXPECT_EQ(drained_, RingReader::Drained::empty);
}

TEST_F(RingReaderTest, DiscardedRecordsAreSkipped) {
    RingReader reader = open();
    ASSERT_TRUE(kernel_->put_discarded(sizeof(vigil_fork)));
    kernel_->send(fork(1));
    EXPECT_EQ(drain(reader), Lines{"fork 1"});
}

TEST_F(RingReaderTest, AnUnknownRecordIsALoss) {
    RingReader reader = open();
    auto malformed = fork(1);
    test::patch_header(malformed, &vigil_header::size, 5);
    kernel_->send(malformed);
    kernel_->send(fork(2));
    EXPECT_EQ(drain(reader), (Lines{"loss fork 1", "fork 2"}));
}

TEST_F(RingReaderTest, IgnoresAnInvalidStream) {
    RingReader reader = open();
    auto record = fork(1);
    test::patch_header(record, &vigil_header::stream, 2);
    ASSERT_TRUE(kernel_->put(record));
    test::patch_header(record, &vigil_header::stream, 65'535);
    ASSERT_TRUE(kernel_->put(record));
    EXPECT_EQ(drain(reader), Lines{});
}

TEST_F(RingReaderTest, EachLaneOfACpuIsAStreamOfItsOwn) {
    kernel_ = FakeKernel::create(16'384, 2, 4);
    RingReader reader = open();
    std::vector<std::pair<int, uint64_t>> positions;
    for (const uint16_t stream : std::initializer_list<uint16_t>{0, 2, 1, 7, 0}) {
        kernel_->send(fork(1), stream);
    }
    kernel_->drop(VIGIL_FORK, 7);
    (void)reader.drain(plenty, [&](const model::Event& event) {
        positions.emplace_back(event.cpu, event.sequence);
        return true;
    });
    // The loss comes last. A sequence number is unique per CPU across lanes.
    EXPECT_EQ(positions, (std::vector<std::pair<int, uint64_t>>{
                             {0, 4}, {0, 5}, {1, 4}, {1, 7}, {0, 8}, {1, 0}}));
    EXPECT_TRUE(reader.is_drained());
}

TEST_F(RingReaderTest, BeginsAndEndsTheKernelSide) {
    RingReader reader = open();
    kernel_->control().filter.kinds = 0x1f;
    reader.begin(42);
    EXPECT_EQ(kernel_->control().attached_ns, 42U);
    reader.end();
    EXPECT_EQ(kernel_->control().filter.kinds, 0U);
}

TEST_F(RingReaderTest, DrainedOnlyWhenEverySeenEventIsAccountedFor) {
    RingReader reader = open();
    EXPECT_TRUE(reader.is_drained());
    kernel_->filter(VIGIL_SIGNAL, 1);
    EXPECT_TRUE(reader.is_drained());
    kernel_->drop(VIGIL_EXIT);
    EXPECT_FALSE(reader.is_drained());
    kernel_->send(fork(1));
    (void)drain(reader);
    EXPECT_TRUE(reader.is_drained());
    const Totals totals = reader.totals(reader.cursor());
    EXPECT_EQ(totals[VIGIL_SIGNAL].seen, 1U);
    EXPECT_EQ(totals[VIGIL_SIGNAL].filtered, 1U);
    EXPECT_EQ(totals[VIGIL_EXIT].dropped, 1U);
    EXPECT_EQ(totals[VIGIL_FORK].read, 1U);
}

TEST_F(RingReaderTest, TotalsIncludeUnreadRecords) {
    RingReader reader = open();
    for (uint32_t pid = 1; pid <= 3; pid++) {
        kernel_->send(fork(pid));
    }
    (void)drain(reader, plenty, 1);
    const Totals totals = reader.totals(reader.cursor());
    EXPECT_EQ(totals[VIGIL_FORK].seen, 3U);
    EXPECT_EQ(totals[VIGIL_FORK].read, 1U);
    EXPECT_EQ(totals[VIGIL_FORK].unread, 2U);
}

TEST_F(RingReaderTest, TheKernelSideSeesTheReadersState) {
    RingReader reader = open();
    for (const uint32_t state : {VIGIL_READER_IDLE, VIGIL_READER_BATCHING, VIGIL_READER_AWAKE}) {
        reader.set_state(state);
        EXPECT_EQ(kernel_->control().reader_state, state);
    }
}

}  // namespace
}  // namespace vigil::capture
