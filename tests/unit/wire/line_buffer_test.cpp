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

constexpr size_t max_line_bytes = 100;
constexpr size_t first_bytes = 4 << 10;  // minimum size of the buffer

// Writes at most `max_piece_bytes` bytes, fewer if fewer are writable; returns their number.
size_t feed(LineBuffer& buffer, std::string_view bytes, size_t max_piece_bytes) {
    char* const writable = buffer.writable();
    EXPECT_GT(buffer.writable_bytes(), 0U);
    const size_t count = std::min({bytes.size(), max_piece_bytes, buffer.writable_bytes()});
    std::memcpy(writable, bytes.data(), count);
    buffer.add(count);
    return count;
}

Lines take_all(LineBuffer& buffer) {
    Lines lines;
    while (const auto line = buffer.next()) {
        // The parser may read these bytes after a line.
        volatile char last = line->data()[line->size() + MessageParser::padding - 1];
        (void)last;
        lines.emplace_back(*line);
    }
    return lines;
}

// Feeds the bytes in pieces of that size and returns all lines, until one is too long.
Lines lines_of(LineBuffer& buffer, std::string_view bytes, size_t piece) {
    Lines lines;
    while (!bytes.empty() && !buffer.is_too_long()) {
        bytes.remove_prefix(feed(buffer, bytes, piece));
        for (std::string& line : take_all(buffer)) {
            lines.push_back(std::move(line));
        }
    }
    return lines;
}

TEST(LineBuffer, AnyChunkSizeYieldsTheSameLines) {
    Lines lines;
    std::string bytes;
    for (size_t i = 0; i < 300; i++) {
        lines.push_back(std::string(i * 7 % (max_line_bytes + 1), static_cast<char>('a' + i % 26)));
        bytes += lines.back() + (i % 3 == 0 ? "\r\n" : "\n");
    }
    for (size_t piece = 1; piece < 300; piece++) {
        LineBuffer buffer(max_line_bytes);
        EXPECT_EQ(lines_of(buffer, bytes + "rest", piece), lines) << piece;
        EXPECT_FALSE(buffer.is_too_long()) << piece;
        EXPECT_EQ(lines_of(buffer, "\n", 1), Lines{"rest"}) << piece;
    }
}

TEST(LineBuffer, StripsOnlyTheLineEnd) {
    LineBuffer buffer(max_line_bytes);
    using namespace std::string_view_literals;
    EXPECT_EQ(lines_of(buffer, "\n\r\n\r\r\na\rb\n \0 \n"sv, 1000),
              (Lines{"", "", "\r", "a\rb", std::string(" \0 ", 3)}));
}

TEST(LineBuffer, AcceptsALineOfMaximumLength) {
    const std::string line(max_line_bytes, 'x');
    for (const char* end : {"\n", "\r\n"}) {
        for (const size_t piece : {size_t{1}, size_t{50}, size_t{1000}}) {
            LineBuffer buffer(max_line_bytes);
            EXPECT_EQ(lines_of(buffer, line + end + line + end, piece), (Lines{line, line}));
            EXPECT_FALSE(buffer.is_too_long());
        }
    }
}

TEST(LineBuffer, RejectsOneByteMore) {
    const std::string line(max_line_bytes + 1, 'x');
    for (const char* end : {"\n", "\r\n", "yy"}) {
        for (const size_t piece : {size_t{1}, size_t{50}, size_t{1000}}) {
            LineBuffer buffer(max_line_bytes);
            EXPECT_EQ(lines_of(buffer, "good\n" + line + end + "later\n", piece), Lines{"good"});
            EXPECT_TRUE(buffer.is_too_long());
            EXPECT_EQ(buffer.next(), std::nullopt) << "nothing after it can be read";
        }
    }
}

// No input makes it store more than a line and a piece of the next one.
TEST(LineBuffer, GrowsToItsBoundOnly) {
    for (const size_t max_piece_bytes : {max_line_bytes, max_agent_line_bytes}) {
        LineBuffer buffer(max_piece_bytes);
        size_t kept = 0;
        size_t max_size = 0;
        for (int i = 0; i < 1000 && !buffer.is_too_long(); i++) {
            (void)buffer.writable();
            max_size = std::max(max_size, kept + buffer.writable_bytes());
            kept += feed(buffer, std::string(1 << 20, 'x'), SIZE_MAX);
            (void)take_all(buffer);
        }
        EXPECT_TRUE(buffer.is_too_long());
        EXPECT_LE(max_size, max_piece_bytes + first_bytes);
        EXPECT_LE(kept, max_piece_bytes + first_bytes);
    }
}

TEST(LineBuffer, IsSmallWhileIdle) {
    LineBuffer buffer(max_server_line_bytes);
    (void)buffer.writable();
    EXPECT_EQ(buffer.writable_bytes(), first_bytes);
    for (int i = 0; i < 100; i++) {
        EXPECT_EQ(lines_of(buffer, std::string(200, 'x') + '\n', SIZE_MAX).size(), 1U);
    }
    (void)buffer.writable();
    EXPECT_EQ(buffer.writable_bytes(), first_bytes) << "enough for short lines";
}

TEST(LineBuffer, KeepsUnreadBytesAcrossWritable) {
    LineBuffer buffer(max_line_bytes);
    feed(buffer, "one\ntwo\nthr", SIZE_MAX);
    EXPECT_EQ(buffer.next(), "one");
    feed(buffer, "ee\n", SIZE_MAX);
    EXPECT_EQ(take_all(buffer), (Lines{"two", "three"}));
    (void)buffer.writable();
    (void)buffer.writable();
    EXPECT_EQ(take_all(buffer), Lines());
    EXPECT_EQ(lines_of(buffer, "four\n", 1), Lines{"four"});
}

// After a refusal the peer's bytes are still read, so that the reason reaches it. This needs space,
// wherever in the buffer the long line began.
TEST(LineBuffer, StaysWritableAfterAnOversizedLine) {
    for (size_t before = 0; before < 70'000; before += 997) {
        LineBuffer buffer(max_agent_line_bytes);
        std::string bytes;
        for (size_t left = before; left > 1; left -= std::min<size_t>(left, 50'000)) {
            bytes += std::string(std::min<size_t>(left, 50'000) - 1, 'a') + '\n';
        }
        bytes += std::string(200'000, 'x');
        (void)lines_of(buffer, bytes, SIZE_MAX);
        ASSERT_TRUE(buffer.is_too_long());
        (void)buffer.writable();
        ASSERT_GT(buffer.writable_bytes(), 0U) << before;
        EXPECT_EQ(buffer.next(), std::nullopt);
    }
}

}  // namespace
}  // namespace vigil::wire
