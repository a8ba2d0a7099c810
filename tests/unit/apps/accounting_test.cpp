// SPDX-License-Identifier: Apache-2.0
#include "apps/accounting.h"

#include <gtest/gtest.h>

namespace vigil::apps {
namespace {

using model::Kind;

Accounts balanced() {
    Accounts accounts{};
    accounts.kinds[VIGIL_EXIT] = {
        .seen = 1000, .filtered = 10, .delivered = 988, .dropped = 0, .undelivered = 2};
    return accounts;
}

TEST(Accounting, SaysOneLineAKindThatWasWanted) {
    EXPECT_EQ(to_text(balanced(), model::kind_bit(Kind::fork)),
              "vigil: fork seen=0 filtered=0 delivered=0 dropped=0 undelivered=0\n");
    EXPECT_EQ(to_text(balanced(), model::kind_bit(Kind::exit)),
              "vigil: exit seen=1000 filtered=10 delivered=988 dropped=0 undelivered=2\n");
    EXPECT_EQ(to_text({}, 0), "");
}

TEST(Accounting, BalancesWhereEveryKindDoes) {
    EXPECT_TRUE(balances({}));
    EXPECT_TRUE(balances(balanced()));
    for (uint64_t Account::*member : {&Account::seen, &Account::filtered, &Account::delivered,
                                      &Account::dropped, &Account::undelivered}) {
        Accounts accounts = balanced();
        accounts.kinds[VIGIL_EXIT].*member += 1;
        EXPECT_FALSE(balances(accounts));
    }
    // One kind's surplus does not make up for another's lack.
    Accounts accounts = balanced();
    accounts.kinds[VIGIL_EXIT].seen += 1;
    accounts.kinds[VIGIL_FORK].delivered += 1;
    EXPECT_FALSE(balances(accounts));
}

TEST(Accounting, AnImbalanceIsSaidAloud) {
    Accounts accounts = balanced();
    accounts.kinds[VIGIL_EXIT].seen++;
    EXPECT_NE(to_text(accounts, 0).find("vigil: NOT every event is accounted for"),
              std::string::npos);
    EXPECT_EQ(to_text(balanced(), 0).find("NOT"), std::string::npos);
}

TEST(Accounting, SaysWhatHelpsAgainstLosses) {
    Accounts accounts = balanced();
    accounts.kinds[VIGIL_FORK] = {.seen = 7, .dropped = 7};
    accounts.kinds[VIGIL_EXEC] = {.seen = 3, .delivered = 1, .dropped = 2};
    const std::string text = to_text(accounts, 0);
    EXPECT_NE(text.find("vigil: fork seen=7 filtered=0 delivered=0 dropped=7 undelivered=0\n"),
              std::string::npos);
    EXPECT_NE(text.find("vigil: 9 events found no room in the ring: a larger --ring-size or a "
                        "narrower filter helps\n"),
              std::string::npos);
}

TEST(Accounting, SaysWhatTheKernelSkipped) {
    Accounts accounts = balanced();
    accounts.missed_at_most = 4;
    accounts.tree_overflow = 5;
    accounts.uncounted_calls = 6;
    const std::string text = to_text(accounts, 0);
    EXPECT_NE(text.find("vigil: up to 4 events were not seen: the kernel skipped programs"),
              std::string::npos);
    EXPECT_NE(text.find("vigil: 5 descendants did not fit into the tree"), std::string::npos);
    EXPECT_NE(text.find("vigil: the bytes of up to 6 socket calls are missing"), std::string::npos);
}

}  // namespace
}  // namespace vigil::apps
