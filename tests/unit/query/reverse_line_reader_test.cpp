// SPDX-License-Identifier: Apache-2.0
#include "query/reverse_line_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "journal/segments.h"
#include "support/journal.h"
#include "support/processes.h"

namespace vigil::query {
namespace {

using test::numbered_line;
using test::numbered_lines;

// The remaining lines in the order of the file, with their line ends; or the error.
std::string oldest_first(ReverseLineReader& lines) {
    std::vector<std::string> all;
    while (true) {
        const auto line = lines.next();
        if (!line) {
            return line.error().context;
        }
        if (!*line) {
            break;
        }
        all.push_back(std::string(**line) + '\n');
    }
    std::reverse(all.begin(), all.end());
    std::string text;
    for (const std::string& each : all) {
        text += each;
    }
    return text;
}

std::string oldest_first(const std::string& path) {
    auto lines = ReverseLineReader::open(path);
    return lines ? oldest_first(*lines) : lines.error().context;
}

std::string next_of(ReverseLineReader& lines) {
    const auto line = lines.next();
    return !line ? line.error().context : *line ? std::string(**line) : "(none)";
}

TEST(ReverseLineReader, NewestFirstAcrossSegments) {
    const test::TempDirectory directory;
    directory.write("x.log.1", numbered_lines(1, 5));
    directory.write("x.log.10", numbered_lines(10, 12));
    directory.write("x.log.6", numbered_lines(6, 9));
    directory.write("x.log.10.gz", "foreign\n");
    directory.write("x.log", numbered_lines(13, 14) + "torn");
    auto lines = ReverseLineReader::open(directory.path("x.log"));
    ASSERT_TRUE(lines);
    EXPECT_EQ(next_of(*lines) + '\n', numbered_line(14));
    EXPECT_EQ(next_of(*lines) + '\n', numbered_line(13));
    EXPECT_EQ(oldest_first(*lines), numbered_lines(1, 12));
    EXPECT_EQ(next_of(*lines), "(none)");
    EXPECT_EQ(next_of(*lines), "(none)");
}

TEST(ReverseLineReader, LinesOfAnySizeAcrossBlocks) {
    const test::TempDirectory directory;
    for (const size_t size : {21U, 999U, 70'000U, 262'143U, 262'144U, 262'145U, 1U << 20}) {
        const uint64_t count = 700'000 / size + 3;
        const std::string path = directory.write("x.log", numbered_lines(1, count, size));
        EXPECT_TRUE(oldest_first(path) == numbered_lines(1, count, size)) << size;
    }
    // Sizes for which lines fall on block boundaries in every way.
    std::string content;
    for (size_t i = 0; content.size() < 800'000; i++) {
        content += std::string(i * 7919 % 5000, 'x') + '\n';
    }
    EXPECT_TRUE(oldest_first(directory.write("x.log", content)) == content);
}

TEST(ReverseLineReader, IgnoresTornEndsOfAnyLength) {
    const test::TempDirectory directory;
    for (const size_t torn : {1U, 1000U, 262'143U, 262'144U, 600'000U, 3U << 20}) {
        directory.write("x.log.1", numbered_lines(1, 3) + std::string(torn, 'y'));
        const std::string path =
            directory.write("x.log", numbered_lines(4, 5) + std::string(torn, 'y'));
        EXPECT_TRUE(oldest_first(path) == numbered_lines(1, 5)) << torn;
        directory.write("x.log", std::string(torn, 'y'));
        EXPECT_TRUE(oldest_first(path) == numbered_lines(1, 3)) << torn;
    }
}

TEST(ReverseLineReader, SkipsOversizedLines) {
    const test::TempDirectory directory;
    constexpr size_t max_size = journal::max_line_bytes;
    for (const size_t size : {max_size + 1, max_size + 2, 5 * max_size}) {
        const std::string path = directory.write(
            "x.log", numbered_line(1) + numbered_line(2, size) + numbered_lines(3, 4));
        EXPECT_EQ(oldest_first(path), numbered_line(1) + numbered_lines(3, 4)) << size;
        directory.write("x.log", numbered_line(2, size));
        EXPECT_EQ(oldest_first(path), "") << size;
    }
    const std::string path = directory.write("x.log", numbered_lines(1, 2, max_size));
    EXPECT_TRUE(oldest_first(path) == numbered_lines(1, 2, max_size)) << "the longest that is good";
}

TEST(ReverseLineReader, ReturnsEmptyLines) {
    const test::TempDirectory directory;
    EXPECT_EQ(oldest_first(directory.write("x.log", "\n\na\n\n")), "\n\na\n\n");
    EXPECT_EQ(oldest_first(directory.write("x.log", "\n")), "\n");
}

TEST(ReverseLineReader, MissingOrEmptyJournalHasNoLines) {
    const test::TempDirectory directory;
    EXPECT_EQ(oldest_first(directory.path("x.log")), "");
    EXPECT_EQ(oldest_first(directory.path("none/x.log")), "");
    EXPECT_EQ(oldest_first(directory.write("x.log", "")), "");
    EXPECT_EQ(oldest_first(directory.path("x.log") + "/under/a/file"), "");
    directory.write("x.log.7", "");  // a sequence marker
    EXPECT_EQ(oldest_first(directory.path("x.log")), "");
    std::filesystem::create_directory(directory.path("y.log"));
    std::filesystem::create_symlink("x.log", directory.path("z.log"));
    EXPECT_EQ(oldest_first(directory.path("y.log")), "");
    EXPECT_EQ(oldest_first(directory.path("z.log")), "");
}

TEST(ReverseLineReader, SkipsASegmentDeletedMeanwhile) {
    const test::TempDirectory directory;
    for (uint64_t first = 1; first <= 21; first += 5) {
        directory.write(first == 21 ? "x.log" : "x.log." + std::to_string(first),
                        numbered_lines(first, first + 4));
    }
    auto lines = ReverseLineReader::open(directory.path("x.log"));
    ASSERT_TRUE(lines);
    EXPECT_EQ(next_of(*lines) + '\n', numbered_line(25));
    std::filesystem::remove(directory.path("x.log"));  // already opened
    std::filesystem::remove(directory.path("x.log.11"));
    std::filesystem::remove(directory.path("x.log.1"));
    EXPECT_EQ(oldest_first(*lines),
              numbered_lines(6, 10) + numbered_lines(16, 20) + numbered_lines(21, 24));
}

TEST(ReverseLineReader, SurvivesARotation) {
    const test::TempDirectory directory;
    directory.write("x.log.1", numbered_lines(1, 2));
    const std::string path = directory.write("x.log", numbered_lines(3, 5));
    auto lines = ReverseLineReader::open(path);
    ASSERT_TRUE(lines);
    EXPECT_EQ(next_of(*lines) + '\n', numbered_line(5));
    std::filesystem::rename(path, directory.path("x.log.3"));
    directory.write("x.log", numbered_lines(6, 8));
    EXPECT_EQ(oldest_first(*lines), numbered_lines(1, 4));
}

TEST(ReverseLineReader, IgnoresLinesAppendedAfterOpen) {
    const test::TempDirectory directory;
    const std::string path = directory.write("x.log", numbered_lines(1, 2) + "half");
    auto lines = ReverseLineReader::open(path);
    ASSERT_TRUE(lines);
    std::ofstream(path, std::ios::app) << " a line\n" << numbered_lines(4, 5);
    EXPECT_EQ(oldest_first(*lines), numbered_lines(1, 2));
}

TEST(ReverseLineReader, StopsAtATruncation) {
    const test::TempDirectory directory;
    constexpr size_t size = 1000;
    const std::string path = directory.write("x.log", numbered_lines(1, 1000, size));
    auto lines = ReverseLineReader::open(path);
    ASSERT_TRUE(lines);
    EXPECT_EQ(next_of(*lines) + '\n', numbered_line(1000, size));
    std::filesystem::resize_file(path, 10 * size + 500);
    // Buffered lines are returned; after them the file ends with a torn line.
    std::string line = next_of(*lines) + '\n';
    uint64_t number = 999;
    while (line == numbered_line(number, size)) {
        line = next_of(*lines) + '\n';
        number--;
    }
    EXPECT_GT(number, 500U) << "as much as a block";
    EXPECT_EQ(line, numbered_line(10, size));
    EXPECT_TRUE(oldest_first(*lines) == numbered_lines(1, 9, size));
    auto emptied = ReverseLineReader::open(directory.write("x.log", numbered_lines(1, 9, size)));
    ASSERT_TRUE(emptied);
    std::filesystem::resize_file(path, 0);
    EXPECT_EQ(oldest_first(*emptied), "");
}

}  // namespace
}  // namespace vigil::query
