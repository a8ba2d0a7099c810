// SPDX-License-Identifier: Apache-2.0
#include "cli/common_options.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace vigil::cli {
namespace {

TEST(CommonOptions, AcceptsSizeTimeOrBoth) {
    constexpr uint64_t day_ns = 24 * 3600 * ns_per_s;
    const auto none = parse_retention(std::nullopt);
    ASSERT_TRUE(none);
    EXPECT_EQ(none->max_bytes, 256U << 20);
    EXPECT_EQ(none->max_age_ns, 7 * day_ns);
    const struct {
        const char* text;
        uint64_t bytes;
        uint64_t ns;
    } cases[] = {{"1G", 1 << 30, 7 * day_ns},
                 {"30d", 256 << 20, 30 * day_ns},
                 {"64M,1h", 64 << 20, 3600 * ns_per_s},
                 {"5m,2M", 2 << 20, 300 * ns_per_s}};
    for (const auto& each : cases) {
        const auto retention = parse_retention(each.text);
        ASSERT_TRUE(retention) << each.text << ": " << retention.error().context;
        EXPECT_EQ(retention->max_bytes, each.bytes) << each.text;
        EXPECT_EQ(retention->max_age_ns, each.ns) << each.text;
    }
}

TEST(CommonOptions, RejectsAnythingElse) {
    for (const char* text : {"", ",", "x", "1K", "10s", "1G,2G", "1h,2h", "1G,1h,3", "1G;1h", "2T",
                             "400d", "-1M", "1M\x1b[31m"}) {
        const auto retention = parse_retention(text);
        ASSERT_FALSE(retention) << text;
        EXPECT_EQ(retention.error().code, ErrorCode::usage);
        EXPECT_EQ(retention.error().context.find('\x1b'), std::string::npos);
    }
}

TEST(CommonOptions, SelectsForwardedDeaths) {
    model::Death clean;
    model::Death failed;
    failed.exit.status = 1 << 8;
    const struct {
        const char* text;
        bool sends_clean;
        bool sends_failed;
    } cases[] = {{"abnormal", false, true}, {"all", true, true}, {"none", false, false}};
    for (const auto& each : cases) {
        const auto which = parse_death_forwarding(each.text);
        ASSERT_TRUE(which) << each.text;
        EXPECT_EQ(deaths::is_forwarded(*which, clean), each.sends_clean) << each.text;
        EXPECT_EQ(deaths::is_forwarded(*which, failed), each.sends_failed) << each.text;
    }
    EXPECT_FALSE(parse_death_forwarding("some"));
    EXPECT_EQ(*parse_death_forwarding(std::nullopt), deaths::DeathForwarding::abnormal);
}

TEST(CommonOptions, IntervalFromATenthOfASecondToAnHour) {
    EXPECT_EQ(*parse_interval(std::nullopt), ns_per_s);
    EXPECT_EQ(*parse_interval("100ms"), 100 * ns_per_ms);
    EXPECT_EQ(*parse_interval("1h"), 3600 * ns_per_s);
    for (const char* text : {"", "99ms", "61m", "x"}) {
        const auto interval = parse_interval(text);
        ASSERT_FALSE(interval) << text;
        EXPECT_EQ(interval.error().code, ErrorCode::usage);
        EXPECT_NE(interval.error().context.find("--interval"), std::string::npos);
    }
}

TEST(CommonOptions, RingSizeFrom4KTo1G) {
    EXPECT_EQ(*parse_ring_size(std::nullopt), 8U << 20);
    EXPECT_EQ(*parse_ring_size("4K"), 4096U);
    EXPECT_EQ(*parse_ring_size("1G"), 1U << 30);
    for (const char* text : {"", "4095", "2G", "x"}) {
        const auto size = parse_ring_size(text);
        ASSERT_FALSE(size) << text;
        EXPECT_EQ(size.error().code, ErrorCode::usage);
        EXPECT_NE(size.error().context.find("--ring-size"), std::string::npos);
    }
}

TEST(CommonOptions, RingSizeIsAPowerOfTwo) {
    for (const auto& [text, nearest] :
         std::vector<std::pair<std::string, std::string>>{{"3M", "2M or 4M"},
                                                          {"5000", "4K or 8K"},
                                                          {"700M", "512M or 1G"},
                                                          {"1023K", "512K or 1M"}}) {
        const auto size = parse_ring_size(text);
        ASSERT_FALSE(size) << text;
        EXPECT_EQ(size.error().context,
                  "--ring-size '" + text + "': expected a power of two: " + nearest);
    }
}

}  // namespace
}  // namespace vigil::cli
