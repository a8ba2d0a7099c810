// SPDX-License-Identifier: Apache-2.0
#include "model/signals.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <string>

namespace vigil::model {
namespace {

using namespace std::string_view_literals;

// Compares with the C library's own table.
TEST(Signals, NamesAgreeWithTheCLibrary) {
    for (int number = 1; number < 32; number++) {
        if (number == SIGIO) {
            continue;  // the C library uses the alias POLL
        }
        const char* name = ::sigabbrev_np(number);
        ASSERT_NE(name, nullptr) << number;
        EXPECT_EQ(signal_name(number), std::string("SIG") + name);
        EXPECT_EQ(*parse_signal(name), number);
    }
}

TEST(Signals, RealTimeNamesCountFromSigrtmin) {
    EXPECT_EQ(SIGRTMIN, 34);
    EXPECT_EQ(signal_name(34), "SIGRTMIN");
    EXPECT_EQ(signal_name(37), "SIGRTMIN+3");
    EXPECT_EQ(signal_name(63), "SIGRTMIN+29");
    EXPECT_EQ(signal_name(64), "SIGRTMAX");
    EXPECT_EQ(signal_name(32), "SIG32");
    EXPECT_EQ(signal_name(33), "SIG33");
}

TEST(Signals, InvalidSignalsHaveNoNumberInTheirName) {
    EXPECT_EQ(signal_name(0), "SIG0");
    for (const int number : {-1, 65, 1000, INT32_MIN, INT32_MAX}) {
        EXPECT_EQ(signal_name(number), "SIG?") << number;
    }
}

TEST(Signals, ParsesEverySpelling) {
    const std::pair<std::string_view, int> cases[] = {
        {"15", 15},    {"015", 15},        {"1", 1},         {"64", 64},         {"32", 32},
        {"TERM", 15},  {"SIGTERM", 15},    {"sigterm", 15},  {"term", 15},       {"SigTerm", 15},
        {"KILL", 9},   {"STKFLT", 16},     {"IOT", 6},       {"SIGPOLL", 29},    {"CLD", 17},
        {"RTMIN", 34}, {"SIGRTMIN", 34},   {"rtmin+3", 37},  {"SIGRTMIN+0", 34}, {"RTMIN+30", 64},
        {"RTMAX", 64}, {"SIGRTMAX-1", 63}, {"rtmax-30", 34}, {"RTMAX-0", 64},
    };
    for (const auto& [text, number] : cases) {
        const auto result = parse_signal(text);
        ASSERT_TRUE(result) << text;
        EXPECT_EQ(*result, number) << text;
    }
}

TEST(Signals, RejectsOtherTextWithAHint) {
    for (const std::string_view text :
         {""sv,         "0"sv,      "65"sv,       "-1"sv,         "+15"sv,
          "15 "sv,      " TERM"sv,  "TERM "sv,    "SIGSIGTERM"sv, "SIG"sv,
          "SIG15"sv,    "TERMX"sv,  "RTMIN+31"sv, "RTMIN-1"sv,    "RTMAX+1"sv,
          "RTMAX-31"sv, "RTMIN+"sv, "RTMIN+-1"sv, "RTMIN3"sv,     "RTMIN+99999999999"sv,
          "9.0"sv,      "TERM\0"sv, "\xff"sv}) {
        const auto result = parse_signal(text);
        ASSERT_FALSE(result) << text << " is parsed as " << *result;
        EXPECT_EQ(result.error().code, ErrorCode::usage);
        const std::string& message = result.error().context;
        EXPECT_EQ(message.find('\'' + std::string(text) + "' is no signal: expected a number"), 0U);
        EXPECT_NE(message.find("from 1 to 64"), std::string::npos);
        EXPECT_NE(message.find("RTMIN+N or RTMAX-N"), std::string::npos);
    }
}

TEST(Signals, SuggestsSimilarNames) {
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"TREM", "SIGTERM"},    {"SIGTREM", "SIGTERM"},  {"SIGKIL", "SIGKILL"},
        {"kil", "SIGKILL"},     {"SEGFAULT", "SIGSEGV"}, {"HUB", "SIGHUP"},
        {"SIGUSR3", "SIGUSR1"}, {"SIGUSR3", "SIGUSR2"},  {"SIGCHILD", "SIGCHLD"},
        {"ABORT", "SIGABRT"},   {"PIP", "SIGPIPE"},      {"SIGSOTP", "SIGSTOP"},
    };
    for (const auto& [text, near] : cases) {
        const auto result = parse_signal(text);
        ASSERT_FALSE(result) << text;
        EXPECT_NE(result.error().context.find(near), std::string::npos)
            << text << ": " << result.error().context;
    }
    EXPECT_EQ(parse_signal("SIGKIL").error().context,
              "'SIGKIL' is no signal: expected a number from 1 to 64, a name (near: SIGKILL, "
              "SIGILL, SIGIO), RTMIN+N or RTMAX-N");
}

TEST(Signals, ParsesEveryNameItPrints) {
    for (int number = 1; number <= signal_max; number++) {
        if (number == 32 || number == 33) {
            continue;  // reserved by the C library: only as a number
        }
        EXPECT_EQ(*parse_signal(signal_name(number)), number);
    }
}

TEST(Signals, Sets) {
    EXPECT_EQ(signal_bit(1), 1U);
    EXPECT_EQ(signal_bit(64), uint64_t{1} << 63);
    SignalSet every = 0;
    for (int number = 1; number <= signal_max; number++) {
        every |= signal_bit(number);
    }
    EXPECT_EQ(every, all_signals);
    EXPECT_EQ(all_signals & ~default_signals(),
              signal_bit(SIGCHLD) | signal_bit(SIGURG) | signal_bit(SIGWINCH));
}

}  // namespace
}  // namespace vigil::model
