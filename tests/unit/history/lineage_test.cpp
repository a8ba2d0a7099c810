// SPDX-License-Identifier: Apache-2.0
#include "history/lineage.h"

#include <gtest/gtest.h>

#include <vector>

namespace vigil::history {
namespace {

model::Process process(uint32_t pid) {
    model::Process made;
    made.pid = pid;
    made.start_ns = pid;
    return made;
}

TEST(Lineage, APersonHoldsItsLine) {
    Lineage lineage(1 << 20);
    PersonPtr last = lineage.add(process(1), nullptr, nullptr);
    for (uint32_t pid = 2; pid <= 5; pid++) {
        last = lineage.add(process(pid), nullptr, last);
    }
    model::Ancestry told;
    list_ancestors(*last, told);
    EXPECT_EQ(told.pids, (std::vector<uint64_t>{4, 3, 2, 1}));
    EXPECT_EQ(told.start_ns, (std::vector<uint64_t>{4, 3, 2, 1}));
    EXPECT_FALSE(told.cut);
    EXPECT_GT(lineage.bytes(), 5 * sizeof(Person) - 1);
    last.reset();
    EXPECT_EQ(lineage.bytes(), 0U);
}

TEST(Lineage, AnExecMakesAnotherAndTheOldOneStaysAsItWas) {
    Lineage lineage(1 << 20);
    const PersonPtr parent = lineage.add(process(1), nullptr, nullptr);
    const PersonPtr before = lineage.add(process(2), nullptr, parent);
    const auto image = std::make_shared<const model::Image>();
    const PersonPtr after = lineage.renew(*before, process(2), image);
    EXPECT_EQ(before->image, nullptr);
    EXPECT_EQ(after->image, image);
    EXPECT_EQ(after->parent, parent);
}

TEST(Lineage, ALongLineIsShortenedFromAbove) {
    Lineage lineage(1 << 20);
    PersonPtr last = lineage.add(process(1), nullptr, nullptr);
    for (uint32_t pid = 2; pid <= 64; pid++) {
        last = lineage.add(process(pid), nullptr, last);
        EXPECT_EQ(lineage.shorten(last), last);
    }
    last = lineage.add(process(65), nullptr, last);
    model::Ancestry whole;
    list_ancestors(*last, whole);
    last = lineage.shorten(last);
    EXPECT_EQ(last->depth, most_ancestors - 1);
    model::Ancestry told;
    list_ancestors(*last, told);
    EXPECT_EQ(told.pids.size(), most_ancestors - 1);
    EXPECT_TRUE(told.cut);
    EXPECT_EQ(told.pids.front(), 64U);
    EXPECT_EQ(whole.pids.size(), most_ancestors);
    EXPECT_TRUE(whole.cut);
    EXPECT_LE(lineage.bytes(), most_ancestors * (sizeof(Person) + 64)) << "the upper part is gone";
}

TEST(Lineage, WithoutRoomALineEnds) {
    Lineage lineage(sizeof(Person));
    const PersonPtr first = lineage.add(process(1), nullptr, nullptr);
    const PersonPtr second = lineage.add(process(2), nullptr, first);
    EXPECT_EQ(second->parent, nullptr);
    EXPECT_TRUE(second->cut);
}

}  // namespace
}  // namespace vigil::history
