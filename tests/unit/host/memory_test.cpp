// SPDX-License-Identifier: Apache-2.0
#include "host/memory.h"

#include <gtest/gtest.h>

namespace vigil::host {
namespace {

TEST(Memory, TotalAndAvailable) {
    const auto memory = parse_meminfo(
        "MemTotal:       16303268 kB\nMemFree:          123 kB\nMemAvailable:    9 kB\n");
    ASSERT_TRUE(memory);
    EXPECT_EQ(memory->total_bytes, 16'303'268ULL << 10);
    EXPECT_EQ(memory->available_bytes, 9ULL << 10);
    EXPECT_FALSE(parse_meminfo("MemTotal: 5 kB\n"));
    EXPECT_FALSE(parse_meminfo("MemTotal: x kB\nMemAvailable: 1 kB\n"));
    EXPECT_FALSE(parse_meminfo(""));
}

TEST(Memory, OfThisMachine) {
    const auto memory = read_memory();
    ASSERT_TRUE(memory);
    EXPECT_GT(memory->available_bytes, 0U);
    EXPECT_LE(memory->available_bytes, memory->total_bytes);
}

}  // namespace
}  // namespace vigil::host
