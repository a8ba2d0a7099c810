// SPDX-License-Identifier: Apache-2.0
// A full spool: dropped lines are counted exactly, and reported with their times.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <set>

#include "agent/spool_lines.h"
#include "support/journal.h"

namespace vigil::agent {
namespace {

constexpr uint64_t total_bytes = 1 << 20;  // in segments of 256 KiB
constexpr size_t line_bytes = 1000;

// Files of this process can't grow while this object exists, as if the disk was full.
class FullDisk {
 public:
    explicit FullDisk(rlim_t max_bytes) {
        before_ = std::signal(SIGXFSZ, SIG_IGN);
        ::getrlimit(RLIMIT_FSIZE, &limit_);
        const rlimit small{.rlim_cur = max_bytes, .rlim_max = limit_.rlim_max};
        EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    }
    FullDisk(const FullDisk&) = delete;
    FullDisk& operator=(const FullDisk&) = delete;
    ~FullDisk() {
        EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &limit_), 0);
        std::signal(SIGXFSZ, before_);
    }

 private:
    rlimit limit_{};
    void (*before_)(int) = nullptr;
};

// The loss reported now; count 0: none.
SpoolLoss reported(Spool& spool, uint64_t number, size_t size_bytes = line_bytes) {
    SpoolLoss reported;
    spool.report_loss([&](const SpoolLoss& loss) {
        reported = loss;
        return spool_line(number, size_bytes);
    });
    return reported;
}

class SpoolBoundsTest : public ::testing::Test {
 protected:
    std::string directory() const { return directory_.path("state"); }
    uint64_t size_of_journal() const {
        uint64_t bytes = 0;
        for (const auto& entry : std::filesystem::directory_iterator(directory())) {
            std::error_code error;  // the journal deletes files meanwhile
            const uint64_t size = entry.file_size(error);
            bytes += error || entry.path().filename() == "spool.state" ? 0 : size;
        }
        return bytes;
    }

    const test::TempDirectory directory_;
};

TEST_F(SpoolBoundsTest, DiscardsAndCountsTheOldest) {
    const auto spool = open_spool(directory(), total_bytes);
    uint64_t added = 0;
    for (int iteration = 0; iteration < 6; iteration++) {
        add_lines(*spool, added + 1, added + 500, line_bytes);
        added += 500;
        // As each second, and more often than needed.
        for (int i = 0; i < 3; i++) {
            spool->enforce_retention();
        }
        const auto lines = unsent(*spool);
        ASSERT_FALSE(lines.empty());
        EXPECT_EQ(numbers_of(lines), from_to(spool->lost() + 1, added));
        EXPECT_EQ(spool->queued(), added - spool->lost());
    }
    EXPECT_GT(spool->lost(), 0U);
    EXPECT_LT(spool->lost(), added - 300) << "no more than needed";
    EXPECT_TRUE(test::becomes_true([&] { return size_of_journal() <= total_bytes + 300'000; }));
    const uint64_t lost = spool->lost();
    const SpoolLoss loss = reported(*spool, added + 1);
    EXPECT_EQ(loss.count, lost);
    EXPECT_EQ(loss.from_unix_ns, time_of_line(1));
    EXPECT_EQ(loss.to_unix_ns, time_of_line(lost));
    EXPECT_EQ(reported(*spool, added + 2).count, 0U) << "once";
    spool->wait_durable(long_ns);
    EXPECT_EQ(numbers_of(unsent(*spool)), from_to(lost + 1, added + 1)) << "in its place";
    EXPECT_EQ(spool->lost(), lost) << "all that were lost since the start";
}

TEST_F(SpoolBoundsTest, AcknowledgedLinesAreNotLost) {
    const auto spool = open_spool(directory(), total_bytes);
    add_lines(*spool, 1, 2000, line_bytes);
    spool->acknowledge(spool->begin().journal, 100);
    spool->enforce_retention();
    const uint64_t lost = spool->lost();
    EXPECT_EQ(numbers_of(unsent(*spool)), from_to(100 + lost + 1, 2000));
    const SpoolLoss loss = reported(*spool, 2001);
    EXPECT_EQ(loss.count, lost);
    EXPECT_EQ(loss.from_unix_ns, time_of_line(101));
    EXPECT_EQ(loss.to_unix_ns, time_of_line(100 + lost));
}

TEST_F(SpoolBoundsTest, DiscardsEarlierJournalsFirst) {
    std::string first;
    {
        const auto spool = open_spool(directory(), 64 << 20);
        add_lines(*spool, 1, 100, line_bytes);
        first = spool->begin().journal;
    }
    const auto spool = open_spool(directory(), total_bytes);
    EXPECT_EQ(unsent(*spool).front().journal, first);
    add_lines(*spool, 101, 1500, line_bytes);
    spool->enforce_retention();
    const auto lines = unsent(*spool);
    EXPECT_EQ(numbers_of(lines), from_to(spool->lost() + 1, 1500));
    EXPECT_NE(lines.front().journal, first);
    EXPECT_EQ(spool->begin().journal, lines.front().journal);
    EXPECT_EQ(spool->begin().first_sequence, lines.front().sequence);
}

TEST_F(SpoolBoundsTest, BuffersOnAFullDiskThenCountsDrops) {
    const auto spool = open_spool(directory(), 64 << 20);
    add_lines(*spool, 1, 10, line_bytes);
    uint64_t added = 10;
    std::set<uint64_t> lost;
    {
        const FullDisk full(64 << 10);
        for (; lost.size() < 1000 && added < 20'000; added++) {
            if (!spool->add(spool_line(added + 1, line_bytes), time_of_line(added + 1))) {
                lost.insert(added + 1);
            }
        }
        ASSERT_EQ(lost.size(), 1000U);
        EXPECT_EQ(spool->lost(), 1000U);
        EXPECT_GT(*lost.begin(), 3000U) << "some MiB wait in memory";
        EXPECT_TRUE(test::becomes_true([&] { return !spool->last_error().empty(); }));
        // Longer than the remaining space of the files.
        EXPECT_EQ(reported(*spool, 1'000'000, 100'000).count, 1000U) << "it is tried";
        EXPECT_EQ(reported(*spool, 1'000'000, 100'000).count, 1000U) << "and was not taken";
    }
    EXPECT_TRUE(test::becomes_true([&] { return spool->last_error().empty(); }));
    spool->wait_durable(long_ns);
    const SpoolLoss loss = reported(*spool, added + 1);
    EXPECT_EQ(loss.count, 1000U);
    EXPECT_EQ(loss.from_unix_ns, time_of_line(*lost.begin()));
    EXPECT_EQ(loss.to_unix_ns, time_of_line(*lost.rbegin()));
    EXPECT_EQ(reported(*spool, added + 2).count, 0U);
    spool->wait_durable(long_ns);
    std::vector<uint64_t> expected;
    for (uint64_t i = 1; i <= added + 1; i++) {
        if (lost.count(i) == 0) {
            expected.push_back(i);
        }
    }
    EXPECT_EQ(numbers_of(unsent(*spool)), expected) << "all others are there, in order";
    EXPECT_EQ(spool->queued(), expected.size());
}

// Both kinds of loss before the first report fits.
TEST_F(SpoolBoundsTest, MergesLossesOverTheirWholeTime) {
    const auto spool = open_spool(directory(), total_bytes);
    add_lines(*spool, 1, 1500, line_bytes);
    spool->enforce_retention();
    const uint64_t first = spool->lost();
    ASSERT_GT(first, 0U);
    add_lines(*spool, 1501, 3000, line_bytes);
    spool->enforce_retention();
    const SpoolLoss loss = reported(*spool, 3001);
    EXPECT_EQ(loss.count, spool->lost());
    EXPECT_GT(loss.count, first);
    EXPECT_EQ(loss.from_unix_ns, time_of_line(1));
    EXPECT_EQ(loss.to_unix_ns, time_of_line(loss.count));
}

// The report of a loss is a line too. If it is dropped, its loss is reported again.
TEST_F(SpoolBoundsTest, ReportsALostLossReportAgain) {
    const auto spool = open_spool(directory(), total_bytes);
    add_lines(*spool, 1, 1500, line_bytes);
    spool->enforce_retention();
    const uint64_t first = spool->lost();
    ASSERT_GT(first, 0U);
    spool->report_loss([&](const SpoolLoss& loss) {
        TimeFormat times;
        std::string line = "{\"time\":\"";
        times.append_utc(line, time_of_line(1501));
        line += R"(","kind":"loss","host":"a\",\"kind\":\"loss","lost_kind":null,"count":)" +
                std::to_string(loss.count) + R"(,"place":"spool","from":")";
        times.append_utc(line, loss.from_unix_ns);
        line += R"(","to":")";
        times.append_utc(line, loss.to_unix_ns);
        return line + "\"}\n";
    });
    add_lines(*spool, 1502, 3200, line_bytes);
    spool->enforce_retention();
    const uint64_t left = unsent(*spool).front().number;
    ASSERT_GT(left, 1502U) << "the word has gone";
    EXPECT_EQ(spool->lost(), left - 1) << "lines that are lost are counted once";
    const SpoolLoss loss = reported(*spool, 3201);
    EXPECT_EQ(loss.count, left - 1);
    EXPECT_EQ(loss.from_unix_ns, time_of_line(1));
    EXPECT_EQ(loss.to_unix_ns, time_of_line(left - 1));
}

// A kill would forget the loss if lines were deleted before the state records it.
TEST_F(SpoolBoundsTest, DiscardsNothingBeforeTheStateIsWritten) {
    std::filesystem::path state = directory() + "/spool.state";
    const auto spool = open_spool(directory(), total_bytes);
    std::filesystem::remove(state);
    std::filesystem::create_directories(state / "in the way");
    add_lines(*spool, 1, 2000, line_bytes);
    const uint64_t before = size_of_journal();
    spool->enforce_retention();
    EXPECT_GT(spool->lost(), 0U);
    EXPECT_EQ(reported(*spool, 2001).count, 0U);
    spool->wait_durable(long_ns);
    EXPECT_EQ(size_of_journal(), before);
    std::filesystem::remove_all(state);
    spool->enforce_retention();
    EXPECT_TRUE(test::becomes_true([&] { return size_of_journal() <= total_bytes; }));
    EXPECT_EQ(reported(*spool, 2001).count, spool->lost());
}

// Acknowledged lines are deleted whatever the state says.
TEST_F(SpoolBoundsTest, DeletesAcknowledgedLinesWithoutAWritableState) {
    std::filesystem::path state = directory() + "/spool.state";
    const auto spool = open_spool(directory(), total_bytes);
    std::filesystem::remove(state);
    std::filesystem::create_directories(state / "in the way");
    add_lines(*spool, 1, 900, line_bytes);
    spool->acknowledge(spool->begin().journal, 900);
    spool->enforce_retention();
    EXPECT_TRUE(test::becomes_true([&] { return size_of_journal() <= total_bytes / 2; }));
    EXPECT_EQ(spool->lost(), 0U);
}

}  // namespace
}  // namespace vigil::agent
