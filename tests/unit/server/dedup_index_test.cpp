// SPDX-License-Identifier: Apache-2.0
#include "server/dedup_index.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "wire/protocol.h"

namespace vigil::server {
namespace {

std::string uuid(int number) { return fmt::format("00000000-0000-4000-8000-{:012x}", number); }

// The durable sequences of the entries that synced() reports.
std::vector<uint64_t> synced(DedupIndex& index, uint64_t log_sequence) {
    std::vector<uint64_t> durable;
    index.synced(log_sequence,
                 [&](const DedupIndex::Entry& entry) { durable.push_back(entry.durable); });
    return durable;
}

DedupIndex::LogRange one_line(uint64_t number) { return {number, number}; }

using Durable = std::vector<uint64_t>;

TEST(DedupIndex, AppendedLinesAreDurableOnceTheLogIs) {
    DedupIndex index;
    DedupIndex::Entry& entry = index.use("a", uuid(1));
    EXPECT_EQ(entry.appended, 0U);
    index.appended(entry, 10, one_line(105));
    EXPECT_EQ(entry.appended, 10U);
    EXPECT_EQ(entry.durable, 0U);
    EXPECT_EQ(synced(index, 104), Durable{});
    EXPECT_EQ(entry.durable, 0U);
    EXPECT_EQ(synced(index, 105), Durable{10});
    EXPECT_EQ(entry.durable, 10U);
    EXPECT_EQ(synced(index, 200), Durable{}) << "reported once";
}

TEST(DedupIndex, TracksEachBatch) {
    DedupIndex index;
    DedupIndex::Entry& one = index.use("a", uuid(1));
    DedupIndex::Entry& two = index.use("b", uuid(2));
    index.appended(one, 3, one_line(3));
    index.appended(two, 50, one_line(5));
    index.appended(one, 7, one_line(9));
    index.appended(one, 8, one_line(10));
    EXPECT_EQ(synced(index, 2), Durable{});
    EXPECT_EQ(synced(index, 4), Durable{3});
    Durable both = synced(index, 9);
    std::sort(both.begin(), both.end());
    EXPECT_EQ(both, (Durable{7, 50}));
    EXPECT_EQ(one.durable, 7U);
    EXPECT_EQ(two.durable, 50U);
    EXPECT_EQ(synced(index, 11), Durable{8});
    EXPECT_TRUE(one.undurable.empty());
}

// A commit that ends within a batch, as at a full segment, and a crash before the next one: the
// batch's durable lines are found in the log, because the text does not claim to cover them.
TEST(DedupIndex, CoversNoPartOfABatch) {
    DedupIndex index;
    DedupIndex::Entry& one = index.use("a", uuid(1));
    index.appended(one, 7, {1, 7});
    index.appended(index.use("b", uuid(2)), 3, {8, 10});
    index.appended(one, 17, {11, 20});
    EXPECT_EQ(synced(index, 15), (Durable{7, 3}));
    DedupIndex after;
    const auto covered = after.load(index.text(15));
    ASSERT_TRUE(covered) << covered.error().context;
    EXPECT_EQ(*covered, 10U);
    EXPECT_EQ(after.use("a", uuid(1)).appended, 7U);

    EXPECT_EQ(synced(index, 20), (Durable{17}));
    EXPECT_EQ(*after.load(index.text(20)), 20U);
    EXPECT_EQ(after.use("a", uuid(1)).appended, 17U);
}

TEST(DedupIndex, SameNamesShareAnEntry) {
    DedupIndex index;
    DedupIndex::Entry& entry = index.use("a", uuid(1));
    EXPECT_EQ(&index.use("a", uuid(1)), &entry);
    EXPECT_NE(&index.use("a", uuid(2)), &entry);
    EXPECT_NE(&index.use("b", uuid(1)), &entry) << "a cloned agent has a journal of its own";
    EXPECT_EQ(index.agents(), 2U);
}

TEST(DedupIndex, RoundTripsAsText) {
    DedupIndex index;
    DedupIndex::Entry& one = index.use("a", uuid(1));
    index.appended(one, 10, one_line(100));
    index.appended(index.use("b.c-d_e", uuid(2)), 20, one_line(101));
    (void)synced(index, 101);
    index.appended(one, 15, one_line(110));
    (void)index.use("c", uuid(3));
    const std::string text = index.text(101);

    DedupIndex again;
    const auto place = again.load(text);
    ASSERT_TRUE(place) << place.error().context;
    EXPECT_EQ(*place, 101U);
    EXPECT_EQ(again.agents(), 2U) << "of whom nothing is durable there is nothing to know";
    EXPECT_EQ(again.use("a", uuid(1)).appended, 10U) << "15 is not durable: it must come again";
    EXPECT_EQ(again.use("a", uuid(1)).durable, 10U);
    EXPECT_EQ(again.use("b.c-d_e", uuid(2)).durable, 20U);
    EXPECT_EQ(DedupIndex().load(DedupIndex().text(0)).value(), 0U);
}

TEST(DedupIndex, DamagedTextLeavesAnEmptyIndex) {
    const std::string good = "vigil ledger 1 7\na " + uuid(1) + " 5 7\n";
    DedupIndex index;
    ASSERT_TRUE(index.load(good));
    ASSERT_EQ(index.agents(), 1U);
    for (const std::string& bad :
         {std::string(), std::string("\n"), std::string("vigil ledger 2 7\n"),
          std::string("vigil ledger 1 \n"), std::string("vigil ledger 1 x\n"),
          std::string("vigil ledger 1 -7\n"), std::string("vigil ledger 1 7 8\n"), good + "\n",
          good + "a\n", good + "a " + uuid(2) + "\n", good + "a " + uuid(2) + " 5\n",
          good + "a " + uuid(2) + " 0 7\n", good + "a " + uuid(2) + " x 7\n",
          good + "a " + uuid(2) + " 5 x\n", good + "a " + uuid(2) + " 5 7 8\n",
          good + "a " + uuid(2) + "x 5 7\n", good + "-a " + uuid(2) + " 5 7\n",
          good + "a  " + uuid(2) + " 5 7\n", good + std::string(100, '\0')}) {
        ASSERT_TRUE(index.load(good));
        const auto loaded = index.load(bad);
        EXPECT_FALSE(loaded) << bad;
        EXPECT_EQ(index.agents(), 0U) << bad;
    }
    const auto loaded = index.load(good + "x\n");
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().context, "line 3: expected AGENT JOURNAL SEQUENCE PLACE");
    EXPECT_EQ(index.use("a", uuid(1)).durable, 0U);
}

TEST(DedupIndex, RecoversFromTheLog) {
    DedupIndex index;
    std::string line;
    const auto find = [&](uint64_t sequence, uint64_t place) {
        line.clear();
        wire::append_logged(line,
                            {sequence, R"({"a":1,"journal_seq":)" + std::to_string(sequence) + '}'},
                            "web-1", uuid(1));
        index.recover(line, place);
    };
    find(3, 1);
    find(4, 2);
    DedupIndex::Entry& entry = index.use("web-1", uuid(1));
    EXPECT_EQ(entry.durable, 4U);
    EXPECT_EQ(entry.appended, 4U);
    EXPECT_EQ(entry.logged_at, 2U);
    find(2, 3);
    EXPECT_EQ(entry.durable, 4U) << "it never goes back";
    index.recover("a line of somebody else", 4);
    index.recover("", 5);
    EXPECT_EQ(index.agents(), 1U);
}

// Each start of an agent begins a new journal: after years there would be many.
TEST(DedupIndex, EvictsTheLeastRecentlyUsedJournal) {
    DedupIndex index;
    const auto add = [&](int number) {
        DedupIndex::Entry& entry = index.use("a", uuid(number));
        index.appended(entry, 1, one_line(static_cast<uint64_t>(number)));
        (void)synced(index, static_cast<uint64_t>(number));
        index.release("a", uuid(number));
    };
    const int max_journals = static_cast<int>(DedupIndex::max_journals);
    for (int i = 1; i <= max_journals + 10; i++) {
        add(i);
    }
    const std::string text = index.text(1000);
    for (int i = 1; i <= max_journals + 10; i++) {
        EXPECT_EQ(text.find(uuid(i)) == std::string::npos, i <= 10) << i;
    }
    // Other agents don't count, and the text of that many entries is read back unchanged.
    (void)index.use("b", uuid(1));
    index.release("b", uuid(1));
    DedupIndex again;
    ASSERT_TRUE(again.load(text));
    EXPECT_EQ(again.text(1000), text);
}

// Any local client can send a hello with any name.
TEST(DedupIndex, ForgetsAnUnusedNameOnRelease) {
    DedupIndex index;
    DedupIndex::Entry& first = index.use("a", uuid(1));
    EXPECT_EQ(&index.use("a", uuid(1)), &first);
    (void)index.use("b", uuid(2));
    index.release("a", uuid(1));
    EXPECT_EQ(index.agents(), 2U) << "one more uses it";
    index.release("a", uuid(1));
    index.release("b", uuid(2));
    EXPECT_EQ(index.agents(), 0U);
}

TEST(DedupIndex, KeepsEntriesInUse) {
    DedupIndex index;
    DedupIndex::Entry& used = index.use("a", uuid(1));
    index.appended(used, 7, one_line(1));
    (void)synced(index, 1);
    DedupIndex::Entry& waiting = index.use("a", uuid(2));
    index.appended(waiting, 8, one_line(5000));
    index.release("a", uuid(2));
    for (int i = 3; i < 1000; i++) {
        DedupIndex::Entry& entry = index.use("a", uuid(i));
        index.appended(entry, 1, one_line(static_cast<uint64_t>(i)));
        (void)synced(index, static_cast<uint64_t>(i));
        index.release("a", uuid(i));
    }
    EXPECT_EQ(&index.use("a", uuid(1)), &used);
    EXPECT_EQ(used.durable, 7U);
    EXPECT_EQ(&index.use("a", uuid(2)), &waiting) << "entries with undurable lines must be kept";
    EXPECT_EQ(synced(index, 5000), Durable{8});

    // If all are in use the limit is exceeded.
    std::vector<DedupIndex::Entry*> all;
    for (int i = 2000; i < 2000 + 2 * static_cast<int>(DedupIndex::max_journals); i++) {
        all.push_back(&index.use("a", uuid(i)));
        all.back()->appended = static_cast<uint64_t>(i);
    }
    for (size_t i = 0; i < all.size(); i++) {
        EXPECT_EQ(&index.use("a", uuid(2000 + static_cast<int>(i))), all[i]);
        EXPECT_EQ(all[i]->appended, 2000 + i);
    }
}

}  // namespace
}  // namespace vigil::server
