// SPDX-License-Identifier: Apache-2.0
// Parsing /proc texts, including ones that no kernel writes: processes choose their names.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/auxv.h>

#include <random>
#include <string>
#include <string_view>

#include "host/procfs.h"

namespace vigil::host {
namespace {

using namespace std::string_view_literals;

// on x86, arm64 and all other architectures that vigil supports
constexpr uint64_t tick_ns = 10'000'000;
constexpr int rounds = 50'000;

// In the format of proc_pid_stat(5): 1.5 s user, 0.5 s system, 3 threads, started at 90 s.
std::string stat_of(std::string_view comm) {
    return fmt::format(
        "4321 ({}) S 55 4321 4320 0 -1 4194304 11 12 13 14 150 50 17 18 20 0 3 0 9000 10000 200 "
        "18446744073709551615 1 1 0 0 0 0 0 4096 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
        comm);
}

void expect_usual(const std::optional<ProcStat>& stat, std::string_view comm) {
    ASSERT_TRUE(stat) << comm;
    EXPECT_EQ(stat->comm, comm);
    EXPECT_EQ(stat->state, 'S') << comm;
    EXPECT_EQ(stat->ppid, 55U) << comm;
    EXPECT_EQ(stat->threads, 3U) << comm;
    EXPECT_EQ(stat->cpu_ns, 2'000'000'000U) << comm;
    EXPECT_EQ(stat->start_ns, 90'000'000'000U) << comm;
}

// With field `number` of proc_pid_stat(5) replaced; only fields after the name.
std::string stat_with(int number, std::string_view value) {
    std::string line = stat_of("x");
    size_t begin = line.find(')') + 2;
    for (int field = 3; field < number; field++) {
        begin = line.find(' ', begin) + 1;
    }
    return line.replace(begin, line.find(' ', begin) - begin, value);
}

// Random text with many of the bytes that are special to the parser.
std::string random_text(std::mt19937_64& random, std::string_view spicy) {
    std::string text(random() % 200, '\0');
    for (char& c : text) {
        c = random() % 8 == 0 ? static_cast<char>(random()) : spicy[random() % spicy.size()];
    }
    return text;
}

TEST(ProcStatText, AnyNameInParentheses) {
    for (const std::string_view comm :
         {"bash"sv, "a) R 1 (b"sv, ""sv, "("sv, ")"sv, "()"sv, ")("sv, "(("sv, "))"sv, " "sv,
          "two\nlines"sv, ") S 1 1 1 0 -1"sv, "\xff\x01\x1b[31m"sv, "nul\0inside"sv}) {
        expect_usual(parse_stat(stat_of(comm)), comm);
    }
}

TEST(ProcStatText, TheClockTickIsThatOfTheAuxiliaryVector) {
    EXPECT_EQ(clock_tick_ns(), 1'000'000'000 / ::getauxval(AT_CLKTCK));
    EXPECT_EQ(clock_tick_ns(), tick_ns);
}

TEST(ProcStatText, AZombieHasNoRunningThread) {
    struct Case {
        const char* state;
        const char* threads;
        bool is_zombie;
    };
    // With Z and more than one thread, only the leader has exited.
    for (const Case& each : {Case{"Z", "1", true}, Case{"X", "1", true}, Case{"Z", "0", true},
                             Case{"Z", "2", false}, Case{"S", "1", false}, Case{"D", "1", false}}) {
        auto line = stat_with(20, each.threads);
        line.replace(line.find(" S "), 3, fmt::format(" {} ", each.state));
        const auto stat = parse_stat(line);
        ASSERT_TRUE(stat) << line;
        EXPECT_EQ(stat->is_zombie(), each.is_zombie) << line;
    }
}

TEST(ProcStatText, TheFlagsShowAnExitingProcess) {
    EXPECT_FALSE(parse_stat(stat_with(9, "4194304"))->exiting);
    EXPECT_TRUE(parse_stat(stat_with(9, "4194308"))->exiting);
    EXPECT_FALSE(parse_stat(stat_with(9, "4194560"))->exiting);
}

TEST(ProcStatText, RejectsNonNumericFields) {
    for (const int field : {4, 9, 14, 15, 20, 22}) {
        for (const char* value :
             {"", "-1", "+1", "1x", "x", "0x10", "1.5", "99999999999999999999999"}) {
            EXPECT_FALSE(parse_stat(stat_with(field, value))) << field << ' ' << value;
        }
    }
    EXPECT_FALSE(parse_stat(stat_with(20, "4294967296"))) << "too large for a count";
    EXPECT_FALSE(parse_stat(stat_with(3, "SS")));
    EXPECT_FALSE(parse_stat(stat_with(3, "")));
    EXPECT_TRUE(parse_stat(stat_with(7, "-1"))) << "other fields are not read";
}

TEST(ProcStatText, RejectsTruncatedText) {
    const std::string line = stat_of("a) R 1 (b");
    const size_t start_at = line.find(" 9000 ") + 1;
    for (size_t length = 0; length <= start_at; length++) {
        EXPECT_FALSE(parse_stat(line.substr(0, length))) << length;
    }
    for (size_t length = start_at + 4; length <= line.size(); length++) {
        expect_usual(parse_stat(line.substr(0, length)), "a) R 1 (b");
    }
}

TEST(ProcStatText, RejectsGarbage) {
    for (const std::string_view text : {""sv, "("sv, ")"sv, "()"sv, ")("sv, "1 () "sv, "1 (a)"sv,
                                        "1 (a) S"sv, "1 a S 1 1"sv, "\n"sv}) {
        EXPECT_FALSE(parse_stat(text)) << text;
    }
    std::mt19937_64 random(42);
    for (int i = 0; i < rounds; i++) {
        EXPECT_FALSE(parse_stat(random_text(random, "() 0123456789SZ\n-"))) << "random text";
    }
}

TEST(ProcStatText, SurvivesADamagedLine) {
    std::mt19937_64 random(43);
    for (int i = 0; i < rounds; i++) {
        std::string line = stat_of("name");
        for (uint64_t left = random() % 4; left > 0; left--) {
            line[random() % line.size()] = static_cast<char>(random());
        }
        const auto stat = parse_stat(line);
        if (stat) {
            ASSERT_LT(stat->comm.size(), line.size());
        }
    }
}

void expect_io(std::string_view text, uint64_t read_bytes, uint64_t write_bytes) {
    const auto io = parse_io(text);
    ASSERT_TRUE(io) << text;
    EXPECT_EQ(io->read_bytes, read_bytes) << text;
    EXPECT_EQ(io->write_bytes, write_bytes) << text;
}

TEST(ProcIoText, ReadsOnlyStorageBytes) {
    expect_io(
        "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 4096\nwrite_bytes: 8192\n"
        "cancelled_write_bytes: 7\n",
        4096, 8192);
    expect_io("cancelled_write_bytes: 7\nwrite_bytes: 8192\nread_bytes: 4096\nrchar: 1\n", 4096,
              8192);
    expect_io("write_bytes: 0\nread_bytes: 18446744073709551615", UINT64_MAX, 0);
}

TEST(ProcIoText, RequiresBothKeys) {
    for (const char* text :
         {"", "\n\n", "read_bytes: 1\n", "write_bytes: 1\n", "read_bytes: 1\nwrite_bytes:\n",
          "read_bytes: 1\nwrite_bytes: \n", "read_bytes: 1\nwrite_bytes: x\n",
          "read_bytes: 1\nwrite_bytes: -2\n", "read_bytes: 1\nwrite_bytes: 2 3\n",
          "read_bytes: 1\ncancelled_write_bytes: 2\n", "read_bytes 1\nwrite_bytes 2\n",
          "read_bytes: 1\nwrite_bytes: 18446744073709551616\n"}) {
        EXPECT_FALSE(parse_io(text)) << text;
    }
}

TEST(ProcIoText, SurvivesGarbage) {
    std::mt19937_64 random(44);
    for (int i = 0; i < rounds; i++) {
        EXPECT_FALSE(parse_io(random_text(random, "read_bytes: write_bytes: 0123\n")))
            << "random text";
    }
}

TEST(ProcCgroupText, ThePathInTheUsedHierarchy) {
    constexpr std::pair<const char*, const char*> cases[] = {
        // v2 only
        {"0::/user.slice/session-1.scope\n", "/user.slice/session-1.scope"},
        {"0::/\n", "/"},
        {"0::/a:b:c\n", "/a:b:c"},
        {"0::/no/line/end", "/no/line/end"},
        // Hybrid: v2 is mounted but only v1 is used; or systemd uses both.
        {"1:name=systemd:/x\n0::/\n", "/x"},
        {"0::/\n1:name=systemd:/x\n", "/x"},
        {"12:cpu,cpuacct:/y\n1:name=systemd:/x\n0::/x\n", "/x"},
        {"1:name=systemd:/x\n0::/z\n", "/z"},
        // v1 only
        {"2:memory:/y\n1:name=systemd:/x\n", "/x"},
        {"1:name=systemd:/\n", "/"},
    };
    for (const auto& [text, path] : cases) {
        EXPECT_EQ(parse_cgroup(text), path) << text;
    }
}

TEST(ProcCgroupText, EmptyWithoutAUsedHierarchy) {
    for (const char* text : {"", "\n", "2:memory:/y\n", "10:cpu:/y\n", "00::/y\n", "0:cpu:/y\n",
                             "1:name=other:/y\n", "garbage"}) {
        EXPECT_EQ(parse_cgroup(text), std::nullopt) << text;
    }
}

TEST(ProcCgroupText, SurvivesGarbage) {
    std::mt19937_64 random(45);
    for (int i = 0; i < rounds; i++) {
        const std::string text = random_text(random, "0::/1:name=systemd:/\n");
        const auto path = parse_cgroup(text);
        ASSERT_TRUE(!path || text.find(*path) != std::string::npos);
    }
}

}  // namespace
}  // namespace vigil::host
