// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <filesystem>

#include "journal/segments.h"
#include "journal/tail.h"
#include "support/journal.h"
#include "support/processes.h"

namespace vigil::journal {
namespace {

using test::numbered_line;
using test::numbered_lines;

std::string joined_tail(const std::string& path, size_t n) {
    const auto lines = tail(path, n);
    if (!lines) {
        return lines.error().context;
    }
    std::string text;
    for (const std::string& line : *lines) {
        text += line;
    }
    return text;
}

TEST(Tail, AnyNumberOfLinesAcrossSegments) {
    const test::TempDirectory directory;
    const std::string path = directory.path("events.log");
    directory.write("events.log.1", numbered_lines(1, 5));
    directory.write("events.log.6", numbered_lines(6, 9));
    directory.write("events.log", numbered_lines(10, 12) + "torn");
    for (size_t n = 0; n <= 12; n++) {
        EXPECT_EQ(joined_tail(path, n), numbered_lines(13 - n, 12));
    }
    EXPECT_EQ(joined_tail(path, SIZE_MAX), numbered_lines(1, 12));
}

TEST(Tail, LinesThatCrossBlocks) {
    const test::TempDirectory directory;
    for (const size_t size : {999U, 70'000U, 1U << 20}) {
        const std::string path =
            directory.write("events.log", numbered_lines(1, 200'000 / size + 3, size));
        const uint64_t lines = 200'000 / size + 3;
        for (const uint64_t n : {uint64_t{1}, uint64_t{2}, lines - 1, lines, lines + 1}) {
            EXPECT_TRUE(joined_tail(path, n) ==
                        numbered_lines(n > lines ? 1 : lines - n + 1, lines, size))
                << size << ' ' << n;
        }
    }
}

TEST(Tail, IgnoresLinesAfterASegmentsEnd) {
    const test::TempDirectory directory;
    directory.write("events.log.1", numbered_lines(1, 5));
    directory.write("events.log.4", "");
    directory.write("events.log", numbered_lines(4, 6));
    EXPECT_EQ(joined_tail(directory.path("events.log"), 5), numbered_lines(2, 6));
    // Also if the active segment does not exist yet.
    directory.write("events.log.7", "");
    std::filesystem::rename(directory.path("events.log"), directory.path("events.log.4"));
    EXPECT_EQ(joined_tail(directory.path("events.log"), 4), numbered_lines(3, 6));
}

TEST(Tail, SkipsTooLongLines) {
    const test::TempDirectory directory;
    const std::string path = directory.write(
        "events.log", numbered_line(1) + numbered_line(2, max_line_bytes + 1) + numbered_line(3));
    EXPECT_EQ(joined_tail(path, 3), numbered_line(1) + numbered_line(3));
}

TEST(Tail, OfAnEmptyJournal) {
    const test::TempDirectory directory;
    EXPECT_EQ(joined_tail(directory.path("events.log"), 5), "");
    directory.write("events.log", "");
    EXPECT_EQ(joined_tail(directory.path("events.log"), 5), "");
    EXPECT_EQ(joined_tail(directory.path("none/events.log"), 5),
              "opening '" + directory.path("none") + "': No such file or directory");
}

}  // namespace
}  // namespace vigil::journal
