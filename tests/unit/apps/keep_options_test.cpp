// SPDX-License-Identifier: Apache-2.0
#include "apps/keep_options.h"

#include <gtest/gtest.h>

namespace vigil::apps {
namespace {

TEST(KeepOptions, ASizeATimeOrBoth) {
    constexpr uint64_t day_ns = 24 * 3600 * ns_per_s;
    const auto none = parse_keep(std::nullopt);
    ASSERT_TRUE(none);
    EXPECT_EQ(none->bytes, 256U << 20);
    EXPECT_EQ(none->ns, 7 * day_ns);
    const struct {
        const char* text;
        uint64_t bytes;
        uint64_t ns;
    } cases[] = {{"1G", 1 << 30, 7 * day_ns},
                 {"30d", 256 << 20, 30 * day_ns},
                 {"64M,1h", 64 << 20, 3600 * ns_per_s},
                 {"5m,2M", 2 << 20, 300 * ns_per_s}};
    for (const auto& each : cases) {
        const auto keep = parse_keep(each.text);
        ASSERT_TRUE(keep) << each.text << ": " << keep.error().context;
        EXPECT_EQ(keep->bytes, each.bytes) << each.text;
        EXPECT_EQ(keep->ns, each.ns) << each.text;
    }
}

TEST(KeepOptions, AnythingElseIsAnError) {
    for (const char* text : {"", ",", "x", "1K", "10s", "1G,2G", "1h,2h", "1G,1h,3", "1G;1h", "2T",
                             "400d", "-1M", "1M\x1b[31m"}) {
        const auto keep = parse_keep(text);
        ASSERT_FALSE(keep) << text;
        EXPECT_EQ(keep.error().code, ErrorCode::usage);
        EXPECT_EQ(keep.error().context.find('\x1b'), std::string::npos);
    }
}

TEST(KeepOptions, WhichDeathsAreSent) {
    model::Death clean;
    model::Death failed;
    failed.exit.status = 1 << 8;
    const struct {
        const char* text;
        bool sends_clean;
        bool sends_failed;
    } cases[] = {{"abnormal", false, true}, {"all", true, true}, {"none", false, false}};
    for (const auto& each : cases) {
        const auto which = parse_deaths(each.text);
        ASSERT_TRUE(which) << each.text;
        EXPECT_EQ(deaths::is_forwarded(*which, clean), each.sends_clean) << each.text;
        EXPECT_EQ(deaths::is_forwarded(*which, failed), each.sends_failed) << each.text;
    }
    EXPECT_FALSE(parse_deaths("some"));
    EXPECT_EQ(*parse_deaths(std::nullopt), DeathsSent::abnormal);
}

}  // namespace
}  // namespace vigil::apps
