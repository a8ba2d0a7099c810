// SPDX-License-Identifier: Apache-2.0
#include "process/ancestry.h"

#include <gtest/gtest.h>

#include <vector>

namespace vigil::process {
namespace {

model::Process process(uint32_t pid) {
    model::Process result;
    result.pid = pid;
    result.start_ns = pid;
    return result;
}

TEST(AncestryStore, ANodeHoldsItsAncestors) {
    AncestryStore store(1 << 20);
    NodePtr last = store.add(process(1), nullptr, nullptr);
    for (uint32_t pid = 2; pid <= 5; pid++) {
        last = store.add(process(pid), nullptr, last);
    }
    model::Ancestry listed;
    list_ancestors(*last, listed);
    EXPECT_EQ(listed.pids, (std::vector<uint64_t>{4, 3, 2, 1}));
    EXPECT_EQ(listed.start_ns, (std::vector<uint64_t>{4, 3, 2, 1}));
    EXPECT_FALSE(listed.cut);
    EXPECT_GT(store.bytes(), 5 * sizeof(ProcessNode) - 1);
    last.reset();
    EXPECT_EQ(store.bytes(), 0U);
}

TEST(AncestryStore, AnExecMakesAnotherAndTheOldOneStaysAsItWas) {
    AncestryStore store(1 << 20);
    const NodePtr parent = store.add(process(1), nullptr, nullptr);
    const NodePtr before = store.add(process(2), nullptr, parent);
    const auto image = std::make_shared<const model::ExecImage>();
    const NodePtr after = store.replace_image(*before, process(2), image);
    EXPECT_EQ(before->image, nullptr);
    EXPECT_EQ(after->image, image);
    EXPECT_EQ(after->parent, parent);
}

TEST(AncestryStore, ALongChainIsTruncatedFromAbove) {
    AncestryStore store(1 << 20);
    NodePtr last = store.add(process(1), nullptr, nullptr);
    for (uint32_t pid = 2; pid <= 64; pid++) {
        last = store.add(process(pid), nullptr, last);
        EXPECT_EQ(store.truncate(last), last);
    }
    last = store.add(process(65), nullptr, last);
    model::Ancestry whole;
    list_ancestors(*last, whole);
    last = store.truncate(last);
    EXPECT_EQ(last->depth, max_ancestors - 1);
    model::Ancestry listed;
    list_ancestors(*last, listed);
    EXPECT_EQ(listed.pids.size(), max_ancestors - 1);
    EXPECT_TRUE(listed.cut);
    EXPECT_EQ(listed.pids.front(), 64U);
    EXPECT_EQ(whole.pids.size(), max_ancestors);
    EXPECT_TRUE(whole.cut);
    EXPECT_LE(store.bytes(), max_ancestors * (sizeof(ProcessNode) + 64))
        << "the upper part is gone";
}

TEST(AncestryStore, AtTheMemoryLimitTheParentLinkIsDropped) {
    AncestryStore store(sizeof(ProcessNode));
    const NodePtr first = store.add(process(1), nullptr, nullptr);
    const NodePtr second = store.add(process(2), nullptr, first);
    EXPECT_EQ(second->parent, nullptr);
    EXPECT_TRUE(second->truncated);
}

}  // namespace
}  // namespace vigil::process
