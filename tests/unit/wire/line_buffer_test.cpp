// SPDX-License-Identifier: Apache-2.0
#include "wire/line_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "wire/protocol.h"

namespace vigil::wire {
namespace {

using Lines = std::vector<std::string>;

constexpr size_t longest = 100;
constexpr size_t first_bytes = 4 << 10;  // it never has less room than that in all

// Hands over at most `most` bytes, less if there is less room; how many.
size_t give(LineBuffer& buffer, std::string_view bytes, size_t most) {
    char* const room = buffer.room();
    EXPECT_GT(buffer.room_bytes(), 0U);
    const size_t count = std::min({bytes.size(), most, buffer.room_bytes()});
    std::memcpy(room, bytes.data(), count);
    buffer.add(count);
    return count;
}

Lines take_all(LineBuffer& buffer) {
    Lines lines;
    while (const auto line = buffer.next()) {
        // What the parser may read behind a line.
        volatile char last = line->data()[line->size() + Parser::padding - 1];
        (void)last;
        lines.emplace_back(*line);
    }
    return lines;
}

// All lines of the bytes, in pieces of that size, until one is too long.
Lines lines_of(LineBuffer& buffer, std::string_view bytes, size_t piece) {
    Lines lines;
    while (!bytes.empty() && !buffer.is_too_long()) {
        bytes.remove_prefix(give(buffer, bytes, piece));
        for (std::string& line : take_all(buffer)) {
            lines.push_back(std::move(line));
        }
    }
    return lines;
}

TEST(LineBuffer, PiecesOfEverySizeMakeTheSameLines) {
    Lines lines;
    std::string bytes;
    for (size_t i = 0; i < 300; i++) {
        lines.push_back(std::string(i * 7 % (longest + 1), static_cast<char>('a' + i % 26)));
        bytes += lines.back() + (i % 3 == 0 ? "\r\n" : "\n");
    }
    for (size_t piece = 1; piece < 300; piece++) {
        LineBuffer buffer(longest);
        EXPECT_EQ(lines_of(buffer, bytes + "rest", piece), lines) << piece;
        EXPECT_FALSE(buffer.is_too_long()) << piece;
        EXPECT_EQ(lines_of(buffer, "\n", 1), Lines{"rest"}) << piece;
    }
}

TEST(LineBuffer, OnlyTheEndOfALineIsTakenAway) {
    LineBuffer buffer(longest);
    using namespace std::string_view_literals;
    EXPECT_EQ(lines_of(buffer, "\n\r\n\r\r\na\rb\n \0 \n"sv, 1000),
              (Lines{"", "", "\r", "a\rb", std::string(" \0 ", 3)}));
}

TEST(LineBuffer, ALineMayBeExactlySoLong) {
    const std::string line(longest, 'x');
    for (const char* end : {"\n", "\r\n"}) {
        for (const size_t piece : {size_t{1}, size_t{50}, size_t{1000}}) {
            LineBuffer buffer(longest);
            EXPECT_EQ(lines_of(buffer, line + end + line + end, piece), (Lines{line, line}));
            EXPECT_FALSE(buffer.is_too_long());
        }
    }
}

TEST(LineBuffer, OneByteMoreIsTooMuch) {
    const std::string line(longest + 1, 'x');
    for (const char* end : {"\n", "\r\n", "yy"}) {
        for (const size_t piece : {size_t{1}, size_t{50}, size_t{1000}}) {
            LineBuffer buffer(longest);
            EXPECT_EQ(lines_of(buffer, "good\n" + line + end + "later\n", piece), Lines{"good"});
            EXPECT_TRUE(buffer.is_too_long());
            EXPECT_EQ(buffer.next(), std::nullopt) << "nothing after it can be read";
        }
    }
}

// Nobody can make it keep more than a line and a piece of the next one.
TEST(LineBuffer, ItGrowsToItsBoundOnly) {
    for (const size_t most : {longest, longest_agent_line}) {
        LineBuffer buffer(most);
        size_t kept = 0;
        size_t largest = 0;
        for (int i = 0; i < 1000 && !buffer.is_too_long(); i++) {
            (void)buffer.room();
            largest = std::max(largest, kept + buffer.room_bytes());
            kept += give(buffer, std::string(1 << 20, 'x'), SIZE_MAX);
            (void)take_all(buffer);
        }
        EXPECT_TRUE(buffer.is_too_long());
        EXPECT_LE(largest, most + first_bytes);
        EXPECT_LE(kept, most + first_bytes);
    }
}

TEST(LineBuffer, AnIdleOneIsSmall) {
    LineBuffer buffer(longest_server_line);
    (void)buffer.room();
    EXPECT_EQ(buffer.room_bytes(), first_bytes);
    for (int i = 0; i < 100; i++) {
        EXPECT_EQ(lines_of(buffer, std::string(200, 'x') + '\n', SIZE_MAX).size(), 1U);
    }
    (void)buffer.room();
    EXPECT_EQ(buffer.room_bytes(), first_bytes) << "short lines need no more";
}

TEST(LineBuffer, WhatWasNotTakenStaysAcrossRoom) {
    LineBuffer buffer(longest);
    give(buffer, "one\ntwo\nthr", SIZE_MAX);
    EXPECT_EQ(buffer.next(), "one");
    give(buffer, "ee\n", SIZE_MAX);
    EXPECT_EQ(take_all(buffer), (Lines{"two", "three"}));
    (void)buffer.room();
    (void)buffer.room();
    EXPECT_EQ(take_all(buffer), Lines());
    EXPECT_EQ(lines_of(buffer, "four\n", 1), Lines{"four"});
}

// Who was refused is read on, so that the reason reaches him. For that there must be room,
// wherever in the buffer the long line began.
TEST(LineBuffer, ThereIsRoomBehindALineThatIsTooLong) {
    for (size_t before = 0; before < 70'000; before += 997) {
        LineBuffer buffer(longest_agent_line);
        std::string bytes;
        for (size_t left = before; left > 1; left -= std::min<size_t>(left, 50'000)) {
            bytes += std::string(std::min<size_t>(left, 50'000) - 1, 'a') + '\n';
        }
        bytes += std::string(200'000, 'x');
        (void)lines_of(buffer, bytes, SIZE_MAX);
        ASSERT_TRUE(buffer.is_too_long());
        (void)buffer.room();
        ASSERT_GT(buffer.room_bytes(), 0U) << before;
        EXPECT_EQ(buffer.next(), std::nullopt);
    }
}

}  // namespace
}  // namespace vigil::wire
