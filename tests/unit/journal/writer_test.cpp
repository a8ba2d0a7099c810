// SPDX-License-Identifier: Apache-2.0
#include "journal/writer.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "support/journal.h"
#include "support/processes.h"

namespace vigil::journal {
namespace {

using test::content_of;
using test::names_in;
using test::numbered_line;
using test::numbered_lines;
using test::read_numbered;
using test::WriterEventLog;
using Names = std::vector<std::string>;

constexpr uint64_t long_ns = 10 * ns_per_s;

class WriterTest : public testing::Test {
 protected:
    std::string path() const { return directory_.path("events.log"); }
    std::string directory() const { return directory_.path(""); }
    WriterOptions options() const {
        WriterOptions options;
        options.path = path();
        return options;
    }
    std::unique_ptr<Writer> open(const WriterOptions& options) {
        auto writer = Writer::open(options, event_log_.events(), file_system_);
        EXPECT_TRUE(writer) << writer.error().context;
        return writer ? std::move(*writer) : nullptr;
    }
    // Appends numbered lines, and waits until they are on disk.
    static void add(Writer& writer, uint64_t count) {
        const uint64_t first = writer.next_sequence();
        for (uint64_t i = first; i < first + count; i++) {
            EXPECT_EQ(writer.append(numbered_line(i)), i);
        }
        EXPECT_TRUE(writer.wait_synced(first + count - 1, long_ns));
    }

    test::TempDirectory directory_;
    test::TestFileSystem file_system_;
    WriterEventLog event_log_;
};

TEST_F(WriterTest, NumberingContinuesAcrossReopenAndRotation) {
    auto options = this->options();
    options.segment_bytes = 100;
    for (uint64_t round = 0; round < 5; round++) {
        const auto writer = open(options);
        EXPECT_EQ(writer->next_sequence(), round * 12 + 1);
        EXPECT_EQ(writer->synced(), round * 12);
        EXPECT_EQ(writer->oldest_sequence(), 1U);
        add(*writer, 12);
        EXPECT_TRUE(test::becomes_true([&] { return event_log_.synced() == round * 12 + 12; }));
        EXPECT_EQ(writer->bytes_on_disk(), (round * 12 + 12) * 20);
        EXPECT_EQ(writer->pending_bytes(), 0U);
    }
    // Exactly five lines fill a segment.
    EXPECT_EQ(content_of(path() + ".51"), numbered_lines(51, 55));
    EXPECT_EQ(content_of(path()), numbered_lines(56, 60));
    const auto content = read_numbered(path());
    EXPECT_EQ(content.wrong, "");
    EXPECT_EQ(content.first, 1U);
    EXPECT_EQ(content.last, 60U);
    EXPECT_EQ(event_log_.errors(), Names{});
}

TEST_F(WriterTest, TruncatesATornLineOfAnyLength) {
    const std::string torn = numbered_line(3);
    for (size_t left = 0; left <= torn.size(); left++) {
        directory_.write("events.log", numbered_lines(1, 2) + torn.substr(0, left));
        const auto writer = open(options());
        const uint64_t next = left == torn.size() ? 4 : 3;
        ASSERT_EQ(writer->next_sequence(), next);
        ASSERT_EQ(content_of(path()), numbered_lines(1, next - 1));
        add(*writer, 1);
        ASSERT_EQ(content_of(path()), numbered_lines(1, next));
    }
}

TEST_F(WriterTest, AFileOfOneTornLineBecomesEmpty) {
    directory_.write("events.log.4", numbered_lines(4, 6));
    directory_.write("events.log", "torn");
    const auto writer = open(options());
    EXPECT_EQ(writer->next_sequence(), 7U);
    EXPECT_EQ(writer->oldest_sequence(), 4U);
    EXPECT_EQ(content_of(path()), "");
}

TEST_F(WriterTest, OpenMakesExistingLinesDurable) {
    directory_.write("events.log.1", numbered_lines(1, 3));
    directory_.write("events.log", numbered_lines(4, 5));
    const auto writer = open(options());
    EXPECT_EQ(file_system_.syncs, 2);
    EXPECT_EQ(writer->synced(), 5U);
    EXPECT_TRUE(writer->wait_synced(5, 0));
    EXPECT_FALSE(writer->wait_synced(6, ns_per_ms));
}

TEST_F(WriterTest, TheFirstNumberIsRecordedOnDisk) {
    auto options = this->options();
    options.first_sequence = 500;
    add(*open(options), 3);
    options.first_sequence = 1;
    const auto writer = open(options);
    EXPECT_EQ(writer->next_sequence(), 503U);
    add(*writer, 1);
    const auto content = read_numbered(path());
    EXPECT_EQ(content.wrong, "");
    EXPECT_EQ(content.first, 500U);
    EXPECT_EQ(content.last, 503U);
}

TEST_F(WriterTest, TheFirstNumberDoesNotApplyToExistingLines) {
    auto options = this->options();
    add(*open(options), 3);
    options.first_sequence = 3;
    EXPECT_EQ(open(options)->next_sequence(), 4U);
    const auto content = read_numbered(path());
    EXPECT_EQ(content.wrong, "");
    EXPECT_EQ(content.first, 1U);
    EXPECT_EQ(content.last, 3U);
}

TEST_F(WriterTest, AppendsSeveralLinesAtomically) {
    const auto writer = open(options());
    EXPECT_EQ(writer->append(numbered_lines(1, 10), 10), 1U);
    EXPECT_EQ(writer->append("", 0), 11U);
    EXPECT_EQ(writer->append(numbered_line(11)), 11U);
    EXPECT_TRUE(writer->wait_synced(11, long_ns));
    EXPECT_EQ(content_of(path()), numbered_lines(1, 11));
}

TEST_F(WriterTest, RejectsTextWithoutLineEnd) {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    const auto writer = open(options());
    EXPECT_DEATH((void)writer->append("no end"), "bug: are_lines");
    EXPECT_DEATH((void)writer->append("two\nlines\n"), "bug: are_lines");
    EXPECT_DEATH((void)writer->append("two\nlines\n", 3), "bug: are_lines");
}

TEST_F(WriterTest, ManyLinesAreFewCommits) {
    const auto writer = open(options());
    const int before = file_system_.syncs;
    const uint64_t begin_ns = boot_now_ns();
    add(*writer, 1000);
    // One per 20 ms, however slow this machine is; the first one may come immediately.
    const uint64_t max_syncs = (boot_now_ns() - begin_ns) / (20 * ns_per_ms) + 2;
    EXPECT_LE(file_system_.syncs - before, static_cast<int>(max_syncs));
    EXPECT_EQ(writer->stats().commits, static_cast<uint64_t>(file_system_.syncs - before));
    EXPECT_EQ(writer->stats().bytes, 20'000U);
}

TEST_F(WriterTest, CommitsAMegabyteImmediately) {
    file_system_.skips_sync = true;
    const auto writer = open(options());
    add(*writer, 1);  // the first cycle runs immediately anyway
    const std::string lines = numbered_lines(1, 1024, 1024);
    const bool at_once = test::becomes_true([&] {
        const uint64_t begin_ns = boot_now_ns();
        const auto first = writer->append(lines, 1024);
        EXPECT_TRUE(first && writer->wait_synced(*first + 1023, long_ns));
        return boot_now_ns() - begin_ns < 15 * ns_per_ms;  // the timer alone takes 20
    });
    EXPECT_TRUE(at_once);
}

TEST_F(WriterTest, ContinuousAppendsDelayNoCommit) {
    const auto writer = open(options());
    EXPECT_TRUE(test::becomes_true([&] {
        EXPECT_TRUE(writer->append(numbered_line(writer->next_sequence())));
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return writer->stats().commits >= 3;
    }));
}

TEST_F(WriterTest, RejectsLinesWhenTheBufferIsFull) {
    std::atomic<bool> stuck{true};
    file_system_.fails = [&](test::Step step) {
        return step == test::Step::write && stuck ? EIO : 0;
    };
    auto options = this->options();
    options.pending_bytes = 100;
    const auto writer = open(options);
    EXPECT_TRUE(writer->append(numbered_line(1, 200)));  // an empty buffer accepts any line
    EXPECT_FALSE(writer->append(numbered_line(2)));
    EXPECT_EQ(writer->next_sequence(), 2U);
    EXPECT_EQ(writer->pending_bytes(), 200U);
    EXPECT_TRUE(test::becomes_true([&] { return !event_log_.errors().empty(); }));
    EXPECT_EQ(writer->pending_bytes(), 200U);
    stuck = false;
    EXPECT_TRUE(writer->wait_synced(1, long_ns));
    EXPECT_EQ(writer->append(numbered_lines(2, 6), 5), 2U);
    EXPECT_TRUE(writer->wait_synced(6, long_ns));
    EXPECT_EQ(content_of(path()), numbered_line(1, 200) + numbered_lines(2, 6));
}

TEST_F(WriterTest, TheDestructorCommits) {
    for (uint64_t i = 1; i <= 20; i++) {
        ASSERT_EQ(open(options())->append(numbered_line(i)), i);
        ASSERT_EQ(event_log_.synced(), i);
    }
    EXPECT_EQ(content_of(path()), numbered_lines(1, 20));
}

TEST_F(WriterTest, RotatesAtTheNextLine) {
    {
        const auto writer = open(options());
        writer->rotate();  // an empty segment is not rotated
        add(*writer, 2);
        EXPECT_TRUE(writer->append(numbered_line(3)));
        writer->rotate();
        EXPECT_TRUE(writer->append(numbered_lines(4, 5), 2));
        writer->rotate();
        writer->rotate();
        EXPECT_TRUE(writer->append(numbered_line(6)));
    }
    EXPECT_EQ(names_in(directory()), (Names{"events.log", "events.log.1", "events.log.4"}));
    EXPECT_EQ(content_of(path() + ".1"), numbered_lines(1, 3));
    EXPECT_EQ(content_of(path() + ".4"), numbered_lines(4, 5));
    EXPECT_EQ(content_of(path()), numbered_line(6));
}

TEST_F(WriterTest, RotationNeedsNoNewLine) {
    const auto writer = open(options());
    add(*writer, 2);
    writer->rotate();
    EXPECT_TRUE(
        test::becomes_true([&] { return content_of(path() + ".1") == numbered_lines(1, 2); }));
}

TEST_F(WriterTest, ANewSegmentAtOpenIfTheOldOneHasLines) {
    auto options = this->options();
    options.new_segment = true;
    add(*open(options), 2);
    EXPECT_EQ(names_in(directory()), Names{"events.log"});
    const auto writer = open(options);
    EXPECT_EQ(writer->next_sequence(), 3U);
    EXPECT_EQ(names_in(directory()), (Names{"events.log", "events.log.1"}));
    EXPECT_EQ(content_of(path()), "");
}

TEST_F(WriterTest, BoundsRemoveAndReportTheOldest) {
    auto options = this->options();
    options.total_bytes = 1000;  // segments of 250 bytes: 12 lines
    const auto writer = open(options);
    for (int i = 0; i < 30; i++) {
        add(*writer, 7);
        const uint64_t oldest = writer->oldest_sequence();
        ASSERT_LE(writer->bytes_on_disk(), 1000U);
        ASSERT_EQ(event_log_.removed(), oldest - 1);
        ASSERT_EQ(writer->bytes_on_disk(), (writer->synced() - oldest + 1) * 20);
    }
    EXPECT_TRUE(event_log_.removed_in_order());
    EXPECT_GE(writer->bytes_on_disk(), 700U);  // only as much as necessary was removed
    const auto content = read_numbered(path());
    EXPECT_EQ(content.wrong, "");
    EXPECT_EQ(content.first, writer->oldest_sequence());
    EXPECT_EQ(content.last, 210U);
}

TEST_F(WriterTest, EnforcesBoundsAtOpen) {
    directory_.write("events.log.1", numbered_lines(1, 30));
    directory_.write("events.log.31", numbered_lines(31, 60));
    directory_.write("events.log", numbered_lines(61, 70));
    auto options = this->options();
    options.total_bytes = 900;
    const auto writer = open(options);
    EXPECT_TRUE(test::becomes_true([&] { return event_log_.removed() == 30; }));
    EXPECT_EQ(writer->oldest_sequence(), 31U);
    EXPECT_EQ(names_in(directory()), (Names{"events.log", "events.log.31"}));
}

TEST_F(WriterTest, TheNumberOutlivesTheLastRotatedSegment) {
    directory_.write("events.log.1", numbered_lines(1, 30));
    directory_.write("events.log", numbered_lines(31, 32));
    auto options = this->options();
    options.total_bytes = 100;
    {
        const auto writer = open(options);
        EXPECT_TRUE(test::becomes_true([&] { return event_log_.removed() == 30; }));
        EXPECT_EQ(writer->oldest_sequence(), 31U);
    }
    EXPECT_EQ(names_in(directory()), (Names{"events.log", "events.log.31"}));
    EXPECT_EQ(content_of(path() + ".31"), "");  // a sequence marker
    const auto writer = open(options);
    EXPECT_EQ(writer->next_sequence(), 33U);
    // A rotation uses the marker's name.
    writer->rotate();
    EXPECT_TRUE(
        test::becomes_true([&] { return content_of(path() + ".31") == numbered_lines(31, 32); }));
}

TEST_F(WriterTest, KeepsMaxRotatedSegments) {
    auto options = this->options();
    options.segment_bytes = 100;
    options.max_rotated = 2;
    const auto writer = open(options);
    add(*writer, 23);
    EXPECT_EQ(names_in(directory()), (Names{"events.log", "events.log.11", "events.log.16"}));
    EXPECT_EQ(event_log_.removed(), 10U);
    EXPECT_EQ(writer->oldest_sequence(), 11U);
}

TEST_F(WriterTest, RemovesAcknowledgedSegments) {
    auto options = this->options();
    options.segment_bytes = 100;
    const auto writer = open(options);
    add(*writer, 22);
    writer->remove_before(11);
    EXPECT_TRUE(test::becomes_true([&] { return writer->oldest_sequence() == 11; }));
    writer->remove_before(5);  // already reported
    writer->remove_before(15);
    EXPECT_EQ(names_in(directory()), (Names{"events.log", "events.log.11", "events.log.16"}));
    writer->remove_before(1000);  // later segments too
    EXPECT_TRUE(test::becomes_true([&] { return writer->oldest_sequence() == 21; }));
    add(*writer, 5);
    EXPECT_TRUE(test::becomes_true([&] { return writer->oldest_sequence() == 26; }));
    EXPECT_EQ(event_log_.removed(), 0U);
    EXPECT_EQ(writer->bytes_on_disk(), 40U);
    EXPECT_EQ(read_numbered(path()).last, 27U);
}

TEST_F(WriterTest, ASecondWriterIsRefused) {
    auto options = this->options();
    options.segment_bytes = 20;
    const auto writer = open(options);
    for (int i = 0; i < 2; i++) {
        const auto second = Writer::open(options, {});
        ASSERT_FALSE(second);
        EXPECT_EQ(second.error().context,
                  "'" + path() + "' is a journal that another process uses");
        add(*writer, 3);  // rotates
    }
    EXPECT_EQ(writer->next_sequence(), 7U);
}

TEST_F(WriterTest, ReportsOpenFailures) {
    auto options = this->options();
    options.path = directory_.path("none/events.log");
    EXPECT_EQ(Writer::open(options, {}).error().context,
              "opening '" + options.path + ".lock': No such file or directory");
    ASSERT_EQ(::mkdir(path().c_str(), 0700), 0);
    EXPECT_EQ(Writer::open(this->options(), {}).error().context,
              "opening '" + path() + "': Is a directory");
}

TEST_F(WriterTest, RejectsExhaustedNumbers) {
    directory_.write("events.log.9223372036854775807", "x\n");
    const auto writer = Writer::open(options(), {});
    ASSERT_FALSE(writer);
    EXPECT_EQ(writer.error().context, "'" + path() + "' can't go on at number 9223372036854775808");
}

TEST_F(WriterTest, AssignsUniqueNumbersToThreads) {
    auto options = this->options();
    options.segment_bytes = 10'000;
    {
        const auto writer = open(options);
        const auto work = [&](int thread) {
            uint64_t last = 0;
            for (int i = 0; i < 2000; i++) {
                const auto sequence = writer->append(std::to_string(thread) + '\n');
                ASSERT_TRUE(sequence);
                ASSERT_GT(*sequence, last);
                last = *sequence;
            }
        };
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; i++) {
            threads.emplace_back(work, i);
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
        EXPECT_EQ(writer->next_sequence(), 8001U);
        EXPECT_TRUE(writer->wait_synced(8000, long_ns));
    }
    std::string all = content_of(path() + ".1") + content_of(path());
    EXPECT_EQ(all.size(), 16'000U);
    for (const char thread : {'0', '1', '2', '3'}) {
        EXPECT_EQ(std::count(all.begin(), all.end(), thread), 2000);
    }
}

TEST_F(WriterTest, NewFilesHaveTheMode) {
    auto options = this->options();
    options.mode = 0600;
    const auto writer = open(options);
    struct stat info {};
    ASSERT_EQ(::stat(path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0600U);
}

}  // namespace
}  // namespace vigil::journal
