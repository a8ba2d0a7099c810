// SPDX-License-Identifier: Apache-2.0
#include "journal/reader.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <thread>

#include "base/clock.h"
#include "journal/segments.h"
#include "journal/writer.h"
#include "support/journal.h"
#include "support/processes.h"

namespace vigil::journal {
namespace {

using test::numbered_line;
using test::numbered_lines;

constexpr size_t all = SIZE_MAX;
constexpr uint64_t long_ns = 10 * ns_per_s;

class JournalReaderTest : public testing::Test {
 protected:
    std::string path() const { return directory_.path("events.log"); }
    // Content of one read, or its error.
    static std::string read(Reader& reader, size_t max_bytes = all, uint64_t last = UINT64_MAX) {
        std::string out;
        const auto count = reader.read(out, max_bytes, last);
        if (!count) {
            EXPECT_EQ(out, "");
            return count.error().context;
        }
        EXPECT_EQ(*count, static_cast<size_t>(std::count(out.begin(), out.end(), '\n')));
        return out;
    }
    void append(const std::string& text) const { std::ofstream(path(), std::ios::app) << text; }
    void three_segments() const {
        directory_.write("events.log.1", numbered_lines(1, 10));
        directory_.write("events.log.11", numbered_lines(11, 20));
        directory_.write("events.log", numbered_lines(21, 30));
    }

    test::TempDirectory directory_;
};

TEST_F(JournalReaderTest, AllSegmentsInOrder) {
    three_segments();
    Reader reader(path(), 1);
    EXPECT_EQ(read(reader), numbered_lines(1, 30));
    EXPECT_EQ(reader.next_sequence(), 31U);
    EXPECT_EQ(read(reader), "");
    append(numbered_lines(31, 32));
    EXPECT_EQ(read(reader), numbered_lines(31, 32));
}

TEST_F(JournalReaderTest, FromAnyLineToAnyLine) {
    three_segments();
    for (uint64_t first = 1; first <= 31; first++) {
        for (uint64_t last = 0; last <= 31; last++) {
            Reader reader(path(), first);
            ASSERT_EQ(read(reader, all, last), numbered_lines(first, std::min<uint64_t>(last, 30)));
            ASSERT_EQ(reader.next_sequence(), std::max(first, std::min<uint64_t>(last, 30) + 1));
        }
    }
}

TEST_F(JournalReaderTest, ReadsUpToMaxBytesButAtLeastALine) {
    three_segments();
    for (size_t byte_limit = 0; byte_limit < 100; byte_limit++) {
        Reader reader(path(), 5);
        const uint64_t lines = std::max<size_t>(1, byte_limit / 20);
        ASSERT_EQ(read(reader, byte_limit), numbered_lines(5, 4 + lines));
        ASSERT_EQ(read(reader, byte_limit), numbered_lines(5 + lines, 4 + 2 * lines));
    }
}

TEST_F(JournalReaderTest, AppendsToExistingContent) {
    three_segments();
    Reader reader(path(), 1);
    std::string out = "before\n";
    ASSERT_TRUE(reader.read(out, 40));
    EXPECT_EQ(out, "before\n" + numbered_lines(1, 2));
}

TEST_F(JournalReaderTest, ATornLineIsReadWhenItIsWhole) {
    const std::string line = numbered_line(1);
    directory_.write("events.log", "");
    Reader reader(path(), 1);
    for (const char byte : line) {
        ASSERT_EQ(read(reader), "");
        append(std::string(1, byte));
    }
    EXPECT_EQ(read(reader), line);
}

TEST_F(JournalReaderTest, AnEmptyJournal) {
    Reader nowhere(directory_.path("none/events.log"), 1);
    EXPECT_EQ(read(nowhere),
              "opening '" + directory_.path("none") + "': No such file or directory");
    Reader reader(path(), 3);
    EXPECT_EQ(read(reader), "");
    directory_.write("events.log", numbered_lines(1, 2));
    EXPECT_EQ(read(reader), "");
    EXPECT_EQ(reader.next_sequence(), 3U);
    append(numbered_lines(3, 4));
    EXPECT_EQ(read(reader), numbered_lines(3, 4));
}

TEST_F(JournalReaderTest, SkipsDeletedLines) {
    directory_.write("events.log.11", numbered_lines(11, 20));
    directory_.write("events.log", numbered_lines(21, 30));
    Reader reader(path(), 1);
    EXPECT_EQ(read(reader, 40), numbered_lines(11, 12));
    EXPECT_EQ(reader.next_sequence(), 13U);
}

TEST_F(JournalReaderTest, NeverSkipsWithinACall) {
    directory_.write("events.log.1", numbered_lines(1, 3));
    directory_.write("events.log.11", "");
    directory_.write("events.log", numbered_lines(11, 12));
    Reader reader(path(), 2);
    EXPECT_EQ(read(reader), numbered_lines(2, 3));
    EXPECT_EQ(reader.next_sequence(), 4U);
    EXPECT_EQ(read(reader), numbered_lines(11, 12));
    EXPECT_EQ(reader.next_sequence(), 13U);
    Reader bounded(path(), 4);
    EXPECT_EQ(read(bounded, all, 10), "");
}

TEST_F(JournalReaderTest, IgnoresLinesAfterASegmentsEnd) {
    directory_.write("events.log.1", numbered_lines(1, 5));
    directory_.write("events.log.4", "");
    directory_.write("events.log", numbered_lines(4, 6));
    Reader reader(path(), 1);
    EXPECT_EQ(read(reader), numbered_lines(1, 6));
}

TEST_F(JournalReaderTest, ASegmentIsReadToItsEndAfterItsRotation) {
    directory_.write("events.log", numbered_lines(1, 3));
    Reader reader(path(), 1);
    EXPECT_EQ(read(reader, 40), numbered_lines(1, 2));
    append(numbered_line(4));
    ASSERT_EQ(::rename(path().c_str(), (path() + ".1").c_str()), 0);
    EXPECT_EQ(read(reader), numbered_lines(3, 4));
    EXPECT_EQ(read(reader), "");  // the new one does not exist yet
    directory_.write("events.log", numbered_line(5));
    EXPECT_EQ(read(reader), numbered_line(5));
    // Also if it is deleted immediately.
    append(numbered_line(6));
    ASSERT_EQ(::rename(path().c_str(), (path() + ".5").c_str()), 0);
    directory_.write("events.log", numbered_lines(7, 8));
    ASSERT_EQ(::unlink((path() + ".1").c_str()), 0);
    EXPECT_EQ(read(reader), numbered_lines(6, 8));
}

TEST_F(JournalReaderTest, AFileThatReplacesAnotherAtTheSameNumberIsRead) {
    directory_.write("events.log.4", "");
    directory_.write("events.log", numbered_lines(4, 5));
    Reader reader(path(), 4);
    EXPECT_EQ(read(reader), numbered_lines(4, 5));
    ASSERT_EQ(::unlink(path().c_str()), 0);
    directory_.write("events.log", numbered_lines(4, 6));
    EXPECT_EQ(read(reader), numbered_line(6));
}

TEST_F(JournalReaderTest, LongLinesAreReadWhole) {
    std::string lines;
    for (const size_t size : {20U, 16U << 10, (16U << 10) + 1, 70'000U, 300'000U, 1U << 20, 30U}) {
        lines += numbered_line(1, size);
    }
    directory_.write("events.log", lines);
    for (const size_t byte_limit : {size_t{1}, size_t{100'000}, all}) {
        Reader reader(path(), 1);
        std::string out;
        while (true) {
            const auto count = reader.read(out, byte_limit);
            ASSERT_TRUE(count);
            if (*count == 0) {
                break;
            }
        }
        EXPECT_EQ(out, lines);
        EXPECT_EQ(reader.next_sequence(), 8U);
    }
}

TEST_F(JournalReaderTest, LinesThatAreTooLongAreReportedAndSkipped) {
    const size_t size = max_line_bytes + 1;
    directory_.write("events.log", numbered_line(1) + numbered_line(2, size) +
                                       numbered_line(3, 3 * size) + numbered_line(4));
    const auto error = [&](uint64_t at, size_t bytes) {
        return "'" + path() + "': the line at byte " + std::to_string(at) + " is too long (" +
               std::to_string(bytes) + " bytes): skipped";
    };
    Reader reader(path(), 1);
    EXPECT_EQ(read(reader), numbered_line(1));
    EXPECT_EQ(read(reader), error(20, size));
    EXPECT_EQ(reader.next_sequence(), 3U);
    EXPECT_EQ(read(reader), error(20 + size, 3 * size));
    EXPECT_EQ(read(reader), numbered_line(4));
    EXPECT_EQ(reader.next_sequence(), 5U);
    // Damaged lines before the first requested one are not reported.
    Reader later(path(), 4);
    EXPECT_EQ(read(later), numbered_line(4));
    Reader earlier(path(), 1);
    EXPECT_EQ(read(earlier, all, 1), numbered_line(1));
    EXPECT_EQ(read(earlier, all, 1), "");
    // A line without an end may still get one.
    append(std::string(size, 'x'));
    EXPECT_EQ(read(later), "");
    append("\n");
    EXPECT_EQ(read(later), error(40 + 4 * size, size + 1));
}

TEST_F(JournalReaderTest, ReadsEveryLineOnceDuringWrites) {
    constexpr uint64_t lines = 20'000;
    for (const bool only_synced : {false, true}) {
        const test::TempDirectory directory;
        test::TestFileSystem file_system;
        file_system.skips_sync = true;
        WriterOptions options;
        options.path = directory.path("events.log");
        options.segment_bytes = 2000;
        const auto writer = Writer::open(options, {}, file_system);
        ASSERT_TRUE(writer);
        std::jthread appends([&] {
            for (uint64_t next = 1; next <= lines; next++) {
                EXPECT_TRUE((*writer)->append(numbered_line(next)));
                if (next % 500 == 0) {
                    EXPECT_TRUE((*writer)->wait_synced(next, long_ns));
                }
            }
        });
        Reader reader(options.path, 1);
        std::string out;
        EXPECT_TRUE(test::becomes_true([&] {
            const uint64_t last = only_synced ? (*writer)->synced() : UINT64_MAX;
            const auto count = reader.read(out, 1000, last);
            EXPECT_TRUE(count) << count.error().context;
            EXPECT_LE(reader.next_sequence() - 1, last);
            return !count || reader.next_sequence() > lines;
        })) << reader.next_sequence();
        appends.join();
        EXPECT_TRUE(out == numbered_lines(1, lines));
    }
}

TEST_F(JournalReaderTest, ReadsInOrderDuringRemovals) {
    const test::TempDirectory directory;
    test::TestFileSystem file_system;
    file_system.skips_sync = true;
    WriterOptions options;
    options.path = directory.path("events.log");
    options.segment_bytes = 400;
    const auto writer = Writer::open(options, {}, file_system);
    ASSERT_TRUE(writer);
    std::atomic<bool> done{false};
    std::jthread appends([&] {
        for (uint64_t next = 1; next <= 4000; next++) {
            EXPECT_TRUE((*writer)->append(numbered_line(next)));
            if (next % 20 == 0) {
                (*writer)->rotate();
                (*writer)->remove_before(next);
                EXPECT_TRUE((*writer)->wait_synced(next - 20, long_ns));
            }
        }
        done = true;
    });
    while (!done) {
        Reader reader(options.path, 1);
        for (uint64_t before = 0;;) {
            std::string out;
            const auto count = reader.read(out, 100);
            ASSERT_TRUE(count) << count.error().context;
            if (*count == 0) {
                break;
            }
            const uint64_t first = reader.next_sequence() - *count;
            ASSERT_GT(first, before);
            ASSERT_EQ(out, numbered_lines(first, first + *count - 1));
            before = first;
        }
    }
    appends.join();
}

}  // namespace
}  // namespace vigil::journal
