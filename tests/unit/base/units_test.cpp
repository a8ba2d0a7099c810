// SPDX-License-Identifier: Apache-2.0
#include "base/units.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

namespace vigil {
namespace {

using namespace std::string_view_literals;

void expect_wrong(const Result<uint64_t>& result, std::string_view text,
                  std::string_view expected) {
    ASSERT_FALSE(result) << '\'' << text << "' was parsed as " << *result;
    EXPECT_EQ(result.error().code, ErrorCode::usage);
    EXPECT_EQ(result.error().context, fmt::format("'{}': expected {}", text, expected));
}

TEST(Units, GoodDurations) {
    const std::pair<std::string_view, uint64_t> cases[] = {
        {"1ns", 1},
        {"7us", 7'000},
        {"250ms", 250'000'000},
        {"10s", 10'000'000'000},
        {"5m", 300'000'000'000},
        {"2h", 7'200'000'000'000},
        {"1d", 86'400'000'000'000},
        {"366d", 31'622'400'000'000'000},
        {"1.5s", 1'500'000'000},
        {"0.001s", 1'000'000},
        {"0.5ms", 500'000},
        {"010s", 10'000'000'000},
    };
    for (const auto& [text, expected] : cases) {
        const auto result = parse_duration_ns(text);
        ASSERT_TRUE(result) << text;
        EXPECT_EQ(*result, expected) << text;
    }
}

TEST(Units, DecimalsOfASecondAreExact) {
    for (uint64_t ms = 1; ms < 5000; ms++) {
        const std::string text = fmt::format("{}.{:03}s", ms / 1000, ms % 1000);
        ASSERT_EQ(*parse_duration_ns(text), ms * 1'000'000) << text;
    }
}

TEST(Units, BadDurations) {
    for (const std::string_view text : {""sv,      "10"sv,
                                        "s"sv,     "10 s"sv,
                                        " 10s"sv,  "10s "sv,
                                        "-1s"sv,   "-0s"sv,
                                        "+1s"sv,   "0s"sv,
                                        "0.1ns"sv, "10S"sv,
                                        "10sec"sv, "1e3s"sv,
                                        "0x10s"sv, "1,5s"sv,
                                        "infs"sv,  "nans"sv,
                                        "inf"sv,   "367d"sv,
                                        "1w"sv,    "9999999999999999999999d"sv,
                                        "1s\0"sv,  "1s1"sv}) {
        expect_wrong(parse_duration_ns(text), text, "a duration such as 500ms, 10s, 5m or 2h");
    }
}

TEST(Units, GoodSizes) {
    const std::pair<std::string_view, uint64_t> cases[] = {
        {"0", 0},
        {"4096", 4096},
        {"512B", 512},
        {"64K", 65'536},
        {"64k", 65'536},
        {"8M", 8'388'608},
        {"8m", 8'388'608},
        {"8MB", 8'388'608},
        {"8MiB", 8'388'608},
        {"1G", 1'073'741'824},
        {"1.5G", 1'610'612'736},
        {"2T", 2'199'023'255'552},
    };
    for (const auto& [text, expected] : cases) {
        const auto result = parse_size_bytes(text);
        ASSERT_TRUE(result) << text;
        EXPECT_EQ(*result, expected) << text;
    }
}

TEST(Units, BadSizes) {
    for (const std::string_view text :
         {""sv, "K"sv, "B"sv, "-1"sv, "-8M"sv, "+8M"sv, "8 M"sv, " 8M"sv, "8M "sv, "8X"sv, "8KK"sv,
          "8BB"sv, "1e3"sv, "0x1000"sv, "inf"sv, "nan"sv, "99999999T"sv, "9999999999999999999"sv,
          "8MiBs"sv}) {
        expect_wrong(parse_size_bytes(text), text, "a size such as 4096, 64K, 8M or 1G");
    }
}

TEST(Units, RejectsBlanksSignsAndNulsInASize) {
    for (const std::string_view text : {"4096 "sv, "4096 B"sv, "4096\0"sv, "-0"sv}) {
        expect_wrong(parse_size_bytes(text), text, "a size such as 4096, 64K, 8M or 1G");
    }
}

TEST(Units, Numbers) {
    EXPECT_EQ(*parse_number("0", 0, 10), 0U);
    EXPECT_EQ(*parse_number("10", 0, 10), 10U);
    EXPECT_EQ(*parse_number("007", 1, 10), 7U);
    EXPECT_EQ(*parse_number("18446744073709551615", 1, UINT64_MAX), UINT64_MAX);
    for (const std::string_view text :
         {""sv, "11"sv, "0"sv, "-1"sv, "+1"sv, " 1"sv, "1 "sv, "1.0"sv, "0x1"sv, "1a"sv, "a"sv,
          "18446744073709551616"sv, "1\0"sv}) {
        expect_wrong(parse_number(text, 1, 10), text, "a whole number from 1 to 10");
    }
}

std::string seconds(uint64_t ns) {
    std::string out = ">";
    append_seconds(out, ns);
    return out;
}

std::string size(uint64_t bytes) {
    std::string out = ">";
    append_size(out, bytes);
    return out;
}

TEST(Units, TruncatesSecondsToMilliseconds) {
    EXPECT_EQ(seconds(0), ">0.000s");
    EXPECT_EQ(seconds(999'999), ">0.000s");
    EXPECT_EQ(seconds(1'203'999'999), ">1.203s");
    EXPECT_EQ(seconds(86'400'000'000'000), ">86400.000s");
    EXPECT_EQ(seconds(UINT64_MAX), ">18446744073.709s");
}

TEST(Units, HumanDurations) {
    EXPECT_EQ(human_duration(0), "0.0 s");
    EXPECT_EQ(human_duration(1), "< 0.1 ms");
    EXPECT_EQ(human_duration(99'999), "< 0.1 ms");
    EXPECT_EQ(human_duration(100'000), "0.1 ms");
    EXPECT_EQ(human_duration(449'999), "0.4 ms");
    EXPECT_EQ(human_duration(9'999'999), "9.9 ms");
    EXPECT_EQ(human_duration(10'000'000), "10 ms");
    EXPECT_EQ(human_duration(99'999'999), "99 ms");
    EXPECT_EQ(human_duration(100'000'000), "0.1 s");
    EXPECT_EQ(human_duration(59'999'999'999), "59.9 s");
    EXPECT_EQ(human_duration(60'000'000'000), "1 min 0 s");
    EXPECT_EQ(human_duration(7'980'000'000'000), "2 h 13 min");
    EXPECT_EQ(human_duration(172'800'000'000'000), "2 d 0 h");
    EXPECT_EQ(human_duration(UINT64_MAX), "213503 d 23 h");
}

TEST(Units, Counts) {
    EXPECT_EQ(count_of(0, "rule"), "0 rules");
    EXPECT_EQ(count_of(1, "rule"), "1 rule");
    EXPECT_EQ(count_of(2, "rule"), "2 rules");
}

TEST(Units, HumanSizes) {
    EXPECT_EQ(human_size(0), "0 B");
    EXPECT_EQ(human_size(1023), "1023 B");
    EXPECT_EQ(human_size(1024), "1.0 KB");
    EXPECT_EQ(human_size(10'188), "9.9 KB");
    EXPECT_EQ(human_size(10'189), "10 KB");
    EXPECT_EQ(human_size(212 << 20), "212 MB");
    EXPECT_EQ(human_size((1ULL << 30) - (1 << 19) - 1), "1023 MB");
    EXPECT_EQ(human_size((1ULL << 30) - (1 << 19)), "1.0 GB");
    EXPECT_EQ(human_size(UINT64_MAX), "16777216 TB");
}

TEST(Units, SizesUseTheLargestFittingUnit) {
    EXPECT_EQ(size(0), ">0B");
    EXPECT_EQ(size(1023), ">1023B");
    EXPECT_EQ(size(1024), ">1.0KB");
    EXPECT_EQ(size(1536), ">1.5KB");
    EXPECT_EQ(size(12'897'485), ">12.3MB");
    EXPECT_EQ(size(1ULL << 30), ">1.0GB");
    EXPECT_EQ(size(1ULL << 40), ">1.0TB");
    EXPECT_EQ(size(UINT64_MAX), ">16777216.0TB");
}

TEST(Units, ASizeIsNeverShownAs1024OfItsUnit) {
    EXPECT_EQ(size((1ULL << 20) - 1), ">1.0MB");
    EXPECT_EQ(size((1ULL << 30) - 1), ">1.0GB");
}

}  // namespace
}  // namespace vigil
