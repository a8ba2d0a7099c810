// SPDX-License-Identifier: Apache-2.0
#include "history/lines.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "journal/segments.h"
#include "support/journal.h"
#include "support/processes.h"

namespace vigil::history {
namespace {

using test::numbered_line;
using test::numbered_lines;

// The rest, in the order of the file and with their ends; or what went wrong.
std::string oldest_first(Lines& lines) {
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
    auto lines = Lines::open(path);
    return lines ? oldest_first(*lines) : lines.error().context;
}

std::string next_of(Lines& lines) {
    const auto line = lines.next();
    return !line ? line.error().context : *line ? std::string(**line) : "(none)";
}

TEST(Lines, NewestFirstAcrossSegments) {
    const test::Folder folder;
    folder.write("x.log.1", numbered_lines(1, 5));
    folder.write("x.log.10", numbered_lines(10, 12));
    folder.write("x.log.6", numbered_lines(6, 9));
    folder.write("x.log.10.gz", "foreign\n");
    folder.write("x.log", numbered_lines(13, 14) + "torn");
    auto lines = Lines::open(folder.path("x.log"));
    ASSERT_TRUE(lines);
    EXPECT_EQ(next_of(*lines) + '\n', numbered_line(14));
    EXPECT_EQ(next_of(*lines) + '\n', numbered_line(13));
    EXPECT_EQ(oldest_first(*lines), numbered_lines(1, 12));
    EXPECT_EQ(next_of(*lines), "(none)");
    EXPECT_EQ(next_of(*lines), "(none)");
}

TEST(Lines, OfAnySizeAcrossBlocks) {
    const test::Folder folder;
    for (const size_t size : {21U, 999U, 70'000U, 262'143U, 262'144U, 262'145U, 1U << 20}) {
        const uint64_t count = 700'000 / size + 3;
        const std::string path = folder.write("x.log", numbered_lines(1, count, size));
        EXPECT_TRUE(oldest_first(path) == numbered_lines(1, count, size)) << size;
    }
    // Of sizes that fall on a block's border in every way.
    std::string content;
    for (size_t i = 0; content.size() < 800'000; i++) {
        content += std::string(i * 7919 % 5000, 'x') + '\n';
    }
    EXPECT_TRUE(oldest_first(folder.write("x.log", content)) == content);
}

TEST(Lines, TornEndsOfAnyLength) {
    const test::Folder folder;
    for (const size_t torn : {1U, 1000U, 262'143U, 262'144U, 600'000U, 3U << 20}) {
        folder.write("x.log.1", numbered_lines(1, 3) + std::string(torn, 'y'));
        const std::string path =
            folder.write("x.log", numbered_lines(4, 5) + std::string(torn, 'y'));
        EXPECT_TRUE(oldest_first(path) == numbered_lines(1, 5)) << torn;
        folder.write("x.log", std::string(torn, 'y'));
        EXPECT_TRUE(oldest_first(path) == numbered_lines(1, 3)) << torn;
    }
}

TEST(Lines, ThatAreTooLongArePassedOver) {
    const test::Folder folder;
    constexpr size_t longest = journal::longest_line_bytes;
    for (const size_t size : {longest + 1, longest + 2, 5 * longest}) {
        const std::string path =
            folder.write("x.log", numbered_line(1) + numbered_line(2, size) + numbered_lines(3, 4));
        EXPECT_EQ(oldest_first(path), numbered_line(1) + numbered_lines(3, 4)) << size;
        folder.write("x.log", numbered_line(2, size));
        EXPECT_EQ(oldest_first(path), "") << size;
    }
    const std::string path = folder.write("x.log", numbered_lines(1, 2, longest));
    EXPECT_TRUE(oldest_first(path) == numbered_lines(1, 2, longest)) << "the longest that is good";
}

TEST(Lines, EmptyOnesAreLinesToo) {
    const test::Folder folder;
    EXPECT_EQ(oldest_first(folder.write("x.log", "\n\na\n\n")), "\n\na\n\n");
    EXPECT_EQ(oldest_first(folder.write("x.log", "\n")), "\n");
}

TEST(Lines, OfNothingAreNone) {
    const test::Folder folder;
    EXPECT_EQ(oldest_first(folder.path("x.log")), "");
    EXPECT_EQ(oldest_first(folder.path("none/x.log")), "");
    EXPECT_EQ(oldest_first(folder.write("x.log", "")), "");
    EXPECT_EQ(oldest_first(folder.path("x.log") + "/under/a/file"), "");
    folder.write("x.log.7", "");  // a mark
    EXPECT_EQ(oldest_first(folder.path("x.log")), "");
    std::filesystem::create_directory(folder.path("y.log"));
    std::filesystem::create_symlink("x.log", folder.path("z.log"));
    EXPECT_EQ(oldest_first(folder.path("y.log")), "");
    EXPECT_EQ(oldest_first(folder.path("z.log")), "");
}

TEST(Lines, ASegmentThatIsDeletedMeanwhileIsMissingAndNoMore) {
    const test::Folder folder;
    for (uint64_t first = 1; first <= 21; first += 5) {
        folder.write(first == 21 ? "x.log" : "x.log." + std::to_string(first),
                     numbered_lines(first, first + 4));
    }
    auto lines = Lines::open(folder.path("x.log"));
    ASSERT_TRUE(lines);
    EXPECT_EQ(next_of(*lines) + '\n', numbered_line(25));
    std::filesystem::remove(folder.path("x.log"));  // it is open
    std::filesystem::remove(folder.path("x.log.11"));
    std::filesystem::remove(folder.path("x.log.1"));
    EXPECT_EQ(oldest_first(*lines),
              numbered_lines(6, 10) + numbered_lines(16, 20) + numbered_lines(21, 24));
}

TEST(Lines, ARotationMeanwhileTakesNothingAway) {
    const test::Folder folder;
    folder.write("x.log.1", numbered_lines(1, 2));
    const std::string path = folder.write("x.log", numbered_lines(3, 5));
    auto lines = Lines::open(path);
    ASSERT_TRUE(lines);
    EXPECT_EQ(next_of(*lines) + '\n', numbered_line(5));
    std::filesystem::rename(path, folder.path("x.log.3"));
    folder.write("x.log", numbered_lines(6, 8));
    EXPECT_EQ(oldest_first(*lines), numbered_lines(1, 4));
}

TEST(Lines, WhatIsAppendedMeanwhileIsNotSeen) {
    const test::Folder folder;
    const std::string path = folder.write("x.log", numbered_lines(1, 2) + "half");
    auto lines = Lines::open(path);
    ASSERT_TRUE(lines);
    std::ofstream(path, std::ios::app) << " a line\n" << numbered_lines(4, 5);
    EXPECT_EQ(oldest_first(*lines), numbered_lines(1, 2));
}

TEST(Lines, AFileThatIsCutOffMeanwhileEndsThere) {
    const test::Folder folder;
    constexpr size_t size = 1000;
    const std::string path = folder.write("x.log", numbered_lines(1, 1000, size));
    auto lines = Lines::open(path);
    ASSERT_TRUE(lines);
    EXPECT_EQ(next_of(*lines) + '\n', numbered_line(1000, size));
    std::filesystem::resize_file(path, 10 * size + 500);
    // What was read before is told; behind it the file ends with a torn line.
    std::string line = next_of(*lines) + '\n';
    uint64_t number = 999;
    while (line == numbered_line(number, size)) {
        line = next_of(*lines) + '\n';
        number--;
    }
    EXPECT_GT(number, 500U) << "as much as a block";
    EXPECT_EQ(line, numbered_line(10, size));
    EXPECT_TRUE(oldest_first(*lines) == numbered_lines(1, 9, size));
    auto emptied = Lines::open(folder.write("x.log", numbered_lines(1, 9, size)));
    ASSERT_TRUE(emptied);
    std::filesystem::resize_file(path, 0);
    EXPECT_EQ(oldest_first(*emptied), "");
}

}  // namespace
}  // namespace vigil::history
