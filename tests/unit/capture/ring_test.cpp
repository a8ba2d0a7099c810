// SPDX-License-Identifier: Apache-2.0
#include "capture/ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "support/fake_kernel.h"

namespace vigil::capture {
namespace {

using test::Bytes;
using test::FakeKernel;

constexpr size_t ring_bytes = 4096;

Bytes pattern(size_t size_bytes, size_t salt) {
    Bytes bytes(size_bytes);
    for (size_t i = 0; i < size_bytes; i++) {
        bytes[i] = static_cast<std::byte>(i * 7 + salt);
    }
    return bytes;
}

bool same(std::span<const std::byte> a, const Bytes& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

class RingTest : public ::testing::Test {
 protected:
    void SetUp() override {
        kernel_ = FakeKernel::create(ring_bytes, 1);
        if (!kernel_) {
            GTEST_SKIP() << "this kernel or these privileges give no BPF ring";
        }
    }

    Ring open() {
        auto ring = Ring::open(kernel_->ring_fd(), ring_bytes);
        EXPECT_TRUE(ring) << ring.error().context;
        return std::move(*ring);
    }

    std::unique_ptr<FakeKernel> kernel_;
};

TEST_F(RingTest, EmptyHasNothingToRead) {
    Ring ring = open();
    EXPECT_EQ(ring.producer_position(), 0U);
    EXPECT_EQ(ring.consumer_position(), 0U);
    EXPECT_FALSE(ring.read(0).has_value());
}

TEST_F(RingTest, ReadsWithoutFreeing) {
    Ring ring = open();
    ASSERT_TRUE(kernel_->put(pattern(13, 1)));
    ASSERT_TRUE(kernel_->put(pattern(16, 2)));
    const auto first = ring.read(0);
    ASSERT_TRUE(first);
    EXPECT_TRUE(same(first->bytes, pattern(13, 1)));
    EXPECT_EQ(first->next, 24U);  // 8 bytes of header, 13 of data, padded to a multiple of 8
    const auto second = ring.read(first->next);
    ASSERT_TRUE(second);
    EXPECT_TRUE(same(second->bytes, pattern(16, 2)));
    EXPECT_FALSE(ring.read(second->next).has_value());
    EXPECT_EQ(ring.consumer_position(), 0U);
    EXPECT_TRUE(same(ring.read(0)->bytes, pattern(13, 1)));
}

TEST_F(RingTest, ReleaseFreesSpace) {
    Ring ring = open();
    int fitted = 0;
    while (kernel_->put(pattern(1000, 5))) {
        fitted++;
    }
    EXPECT_EQ(fitted, 4);
    EXPECT_FALSE(kernel_->put(pattern(1000, 6)));
    ring.release(ring.read(0)->next);
    EXPECT_EQ(ring.consumer_position(), 1008U);
    EXPECT_TRUE(kernel_->put(pattern(1000, 6)));
}

TEST_F(RingTest, WrapsAroundManyTimes) {
    Ring ring = open();
    uint64_t position = 0;
    size_t joined = 0;
    for (size_t i = 0; i < 300; i++) {
        const Bytes bytes = pattern(100 + i * 37 % 900, i);
        ASSERT_TRUE(kernel_->put(bytes));
        const auto record = ring.read(position);
        ASSERT_TRUE(record);
        ASSERT_TRUE(same(record->bytes, bytes)) << i;
        joined += position % ring_bytes + 8 + bytes.size() > ring_bytes ? 1 : 0;
        position = record->next;
        ring.release(position);
    }
    EXPECT_GT(joined, 10U);
    EXPECT_EQ(position, ring.producer_position());
}

TEST_F(RingTest, MarksDiscardedRecords) {
    Ring ring = open();
    ASSERT_TRUE(kernel_->put_discarded(40));
    ASSERT_TRUE(kernel_->put(pattern(8, 3)));
    const auto discarded = ring.read(0);
    ASSERT_TRUE(discarded);
    EXPECT_TRUE(discarded->discarded);
    EXPECT_EQ(discarded->next, 48U);
    const auto record = ring.read(48);
    ASSERT_TRUE(record);
    EXPECT_FALSE(record->discarded);
    EXPECT_TRUE(same(record->bytes, pattern(8, 3)));
}

TEST_F(RingTest, AnotherReaderContinues) {
    {
        Ring first = open();
        ASSERT_TRUE(kernel_->put(pattern(8, 1)));
        ASSERT_TRUE(kernel_->put(pattern(8, 2)));
        first.release(16);
    }
    Ring second = open();
    EXPECT_EQ(second.consumer_position(), 16U);
    EXPECT_TRUE(same(second.read(16)->bytes, pattern(8, 2)));
}

TEST(Ring, RejectsOtherMaps) {
    const auto ring = Ring::open(-1, ring_bytes);
    ASSERT_FALSE(ring);
    EXPECT_EQ(ring.error().code, ErrorCode::failed);
    EXPECT_NE(ring.error().context.find("mapping"), std::string::npos);
}

}  // namespace
}  // namespace vigil::capture
