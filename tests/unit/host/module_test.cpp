// SPDX-License-Identifier: Apache-2.0
#include "host/module.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace vigil::host {
namespace {

const std::string whole =
    "process_exits 18446744073709551615\n"
    "thread_exits 7\n"
    "lines_suppressed 6\n"
    "kprobe_missed 5\n"
    "user_ns 4\n"
    "system_ns 3\n"
    "loaded_ns 2\n";

TEST(ModuleTotals, ReadsEveryKey) {
    const auto totals = parse_module_totals(whole);
    ASSERT_TRUE(totals);
    EXPECT_EQ(totals->process_exits, UINT64_MAX);
    EXPECT_EQ(totals->thread_exits, 7U);
    EXPECT_EQ(totals->lines_suppressed, 6U);
    EXPECT_EQ(totals->kprobe_missed, 5U);
    EXPECT_EQ(totals->user_ns, 4U);
    EXPECT_EQ(totals->system_ns, 3U);
    EXPECT_EQ(totals->loaded_ns, 2U);
}

TEST(ModuleTotals, IgnoresNewerKeys) {
    EXPECT_TRUE(parse_module_totals("kind_of_new -\nother 5 6\n\n" + whole));
}

TEST(ModuleTotals, RejectsMissingOrInvalidKeys) {
    for (size_t line = 0, begin = 0; begin < whole.size(); line++) {
        const size_t end = whole.find('\n', begin) + 1;
        std::string text = whole;
        text.erase(begin, end - begin);
        EXPECT_FALSE(parse_module_totals(text)) << "without line " << line;
        begin = end;
    }
    EXPECT_FALSE(parse_module_totals(""));
    EXPECT_FALSE(parse_module_totals(whole.substr(0, whole.size() - 2)));
    std::string negative = whole;
    negative.replace(negative.find(" 7"), 2, " -7");
    EXPECT_FALSE(parse_module_totals(negative));
    std::string too_large = whole;
    too_large.replace(too_large.find("5\nthread"), 1, "55");
    EXPECT_FALSE(parse_module_totals(too_large));
}

TEST(MissingSymbols, NamesWhatTheKernelLacks) {
    if (::access("/proc/kallsyms", R_OK) != 0) {
        GTEST_SKIP() << "no /proc/kallsyms";
    }
    EXPECT_EQ(missing_symbols({"do_exit", "no_such_function"}),
              std::optional(std::vector<std::string>{"no_such_function"}));
}

}  // namespace
}  // namespace vigil::host
