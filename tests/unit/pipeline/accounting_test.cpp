// SPDX-License-Identifier: Apache-2.0
#include "pipeline/accounting.h"

#include <gtest/gtest.h>

namespace vigil::pipeline {
namespace {

using model::Kind;

RunTotals balanced() {
    RunTotals run_totals{};
    run_totals.kinds[VIGIL_EXIT] = {
        .seen = 1000, .filtered = 10, .delivered = 988, .dropped = 0, .undelivered = 2};
    return run_totals;
}

TEST(Accounting, PrintsOneLinePerRequestedKind) {
    EXPECT_EQ(to_text(balanced(), model::kind_bit(Kind::fork)),
              "vigil: fork seen=0 filtered=0 delivered=0 dropped=0 undelivered=0\n");
    EXPECT_EQ(to_text(balanced(), model::kind_bit(Kind::exit)),
              "vigil: exit seen=1000 filtered=10 delivered=988 dropped=0 undelivered=2\n");
    EXPECT_EQ(to_text({}, 0), "");
}

TEST(Accounting, IsBalancedIfEveryKindIs) {
    EXPECT_TRUE(is_balanced({}));
    EXPECT_TRUE(is_balanced(balanced()));
    for (uint64_t EventTotals::*member :
         {&EventTotals::seen, &EventTotals::filtered, &EventTotals::delivered,
          &EventTotals::dropped, &EventTotals::undelivered}) {
        RunTotals run_totals = balanced();
        run_totals.kinds[VIGIL_EXIT].*member += 1;
        EXPECT_FALSE(is_balanced(run_totals));
    }
    // A surplus of one kind does not compensate a deficit of another.
    RunTotals run_totals = balanced();
    run_totals.kinds[VIGIL_EXIT].seen += 1;
    run_totals.kinds[VIGIL_FORK].delivered += 1;
    EXPECT_FALSE(is_balanced(run_totals));
}

TEST(Accounting, ReportsAnImbalance) {
    RunTotals run_totals = balanced();
    run_totals.kinds[VIGIL_EXIT].seen++;
    EXPECT_NE(to_text(run_totals, 0).find("vigil: NOT every event is accounted for"),
              std::string::npos);
    EXPECT_EQ(to_text(balanced(), 0).find("NOT"), std::string::npos);
}

TEST(Accounting, SuggestsARemedyForDrops) {
    RunTotals run_totals = balanced();
    run_totals.kinds[VIGIL_FORK] = {.seen = 7, .dropped = 7};
    run_totals.kinds[VIGIL_EXEC] = {.seen = 3, .delivered = 1, .dropped = 2};
    const std::string text = to_text(run_totals, 0);
    EXPECT_NE(text.find("vigil: fork seen=7 filtered=0 delivered=0 dropped=7 undelivered=0\n"),
              std::string::npos);
    EXPECT_NE(text.find("vigil: 9 events did not fit into the ring: a larger --ring-size or a "
                        "narrower filter helps\n"),
              std::string::npos);
}

TEST(Accounting, ReportsWhatTheKernelSkipped) {
    RunTotals run_totals = balanced();
    run_totals.max_missed = 4;
    run_totals.tree_overflow = 5;
    run_totals.uncounted_calls = 6;
    const std::string text = to_text(run_totals, 0);
    EXPECT_NE(text.find("vigil: up to 4 events were not seen: the kernel skipped programs"),
              std::string::npos);
    EXPECT_NE(text.find("vigil: 5 descendants did not fit into the tree"), std::string::npos);
    EXPECT_NE(text.find("vigil: the bytes of up to 6 socket calls are missing"), std::string::npos);
}

}  // namespace
}  // namespace vigil::pipeline
