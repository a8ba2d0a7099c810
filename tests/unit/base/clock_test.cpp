// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace vigil {
namespace {

constexpr int64_t second_ns = 1'000'000'000;
constexpr int64_t sample_ns = 1'795'214'029 * second_ns;  // 2026-11-20T22:33:49Z

std::string utc(TimeFormat& format, int64_t unix_ns) {
    std::string out = ">";
    format.append_utc(out, unix_ns);
    return out;
}

std::string local(TimeFormat& format, int64_t unix_ns) {
    std::string out = ">";
    format.append_local(out, unix_ns);
    return out;
}

// Sets the local time zone for one test. An explicit rule needs no zone files.
class Zone {
 public:
    explicit Zone(const char* name) { set(name); }
    ~Zone() { set("UTC"); }

 private:
    static void set(const char* name) {
        ::setenv("TZ", name, 1);
        ::tzset();
    }
};

TEST(Clock, UtcRoundTrips) {
    TimeFormat format;
    for (const int64_t unix_ns : {sample_ns, sample_ns + 123'456'000, int64_t{0},
                                  -second_ns + 1'000, 951'782'400 * second_ns}) {
        EXPECT_EQ(parse_utc(utc(format, unix_ns).substr(1)), unix_ns);
    }
    for (const char* bad :
         {"", "2026-11-20T22:33:49Z", "2026-11-20T22:33:49.123456", "2026-11-20 22:33:49.123456Z",
          "2026-02-30T22:33:49.123456Z", "2026-11-20T22:33:49.12345xZ",
          "2026-11-20T22:33:49.-12345Z", "2026-11-20T24:33:49.123456Z",
          "2026-11-20T22:33:49.123456Z ", " 026-11-20T22:33:49.123456Z"}) {
        EXPECT_FALSE(parse_utc(bad)) << bad;
    }
}

TEST(Clock, UtcIsTruncatedToMicroseconds) {
    TimeFormat format;
    EXPECT_EQ(utc(format, sample_ns), ">2026-11-20T22:33:49.000000Z");
    EXPECT_EQ(utc(format, sample_ns + 123'456'789), ">2026-11-20T22:33:49.123456Z");
    EXPECT_EQ(utc(format, sample_ns + 999'999'999), ">2026-11-20T22:33:49.999999Z");
    EXPECT_EQ(utc(format, sample_ns + second_ns), ">2026-11-20T22:33:50.000000Z");
}

TEST(Clock, LocalHasMilliseconds) {
    TimeFormat format;
    EXPECT_EQ(local(format, sample_ns + 123'999'999), ">22:33:49.123");
    EXPECT_EQ(local(format, sample_ns + 7'000'000), ">22:33:49.007");
}

TEST(Clock, LocalFollowsTheZone) {
    const Zone zone("XST-5:30");
    TimeFormat format;
    EXPECT_EQ(local(format, sample_ns), ">04:03:49.000");
    EXPECT_EQ(utc(format, sample_ns), ">2026-11-20T22:33:49.000000Z");
}

TEST(Clock, AlternatesBetweenSeconds) {
    TimeFormat format;
    for (int round = 0; round < 3; round++) {
        EXPECT_EQ(utc(format, sample_ns), ">2026-11-20T22:33:49.000000Z");
        EXPECT_EQ(utc(format, sample_ns - 1), ">2026-11-20T22:33:48.999999Z");
        EXPECT_EQ(local(format, sample_ns + 61 * second_ns), ">22:34:50.000");
    }
}

TEST(Clock, ExtremeTimes) {
    TimeFormat format;
    EXPECT_EQ(utc(format, 0), ">1970-01-01T00:00:00.000000Z");
    EXPECT_EQ(utc(format, -1), ">1969-12-31T23:59:59.999999Z");
    EXPECT_EQ(utc(format, -second_ns), ">1969-12-31T23:59:59.000000Z");
    EXPECT_EQ(utc(format, INT64_MAX), ">2262-04-11T23:47:16.854775Z");
    EXPECT_EQ(utc(format, INT64_MIN), ">1677-09-21T00:12:43.145224Z");
    EXPECT_EQ(local(format, INT64_MIN), ">00:12:43.145");
}

TEST(Clock, BootTimeRunsAndFitsTheWallClock) {
    const uint64_t before = boot_now_ns();
    const int64_t offset = unix_minus_boot_ns();
    const uint64_t after = boot_now_ns();
    EXPECT_GT(before, 0U);
    EXPECT_GE(after, before);
    const int64_t now = static_cast<int64_t>(after) + offset;
    EXPECT_NEAR(static_cast<double>(now) / 1e9, static_cast<double>(std::time(nullptr)), 2.0);
}

// As /proc/PID/timens_offsets prints them, and with numbers, as it also accepts them.
TEST(BootClockOffset, Parse) {
    EXPECT_EQ(parse_boot_offset_ns("monotonic           5         0\n"
                                   "boottime        97200       300\n"),
              97'200'000'000'300);
    EXPECT_EQ(parse_boot_offset_ns("boottime -2 500000000\n"), -1'500'000'000);
    EXPECT_EQ(parse_boot_offset_ns("1 5 0\n7 6 1\n"), 6'000'000'001);
    EXPECT_EQ(parse_boot_offset_ns(""), 0);
    EXPECT_EQ(parse_boot_offset_ns("boottime soon 0\n"), 0);
}

}  // namespace
}  // namespace vigil
