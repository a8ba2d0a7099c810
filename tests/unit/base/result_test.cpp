// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>

namespace vigil {
namespace {

Result<int> half(int number) {
    if (number % 2 != 0) {
        return Error{ErrorCode::usage, "odd"};
    }
    return number / 2;
}

Result<int> quarter(int number) {
    TRY_ASSIGN(const int once, half(number));
    TRY_ASSIGN(const int twice, half(once));
    return twice;
}

Result<void> check_even(int number) {
    TRY(half(number));
    return {};
}

TEST(Result, HoldsAValueOrAnError) {
    EXPECT_TRUE(half(4).has_value());
    EXPECT_EQ(*half(4), 2);
    const auto failed = half(3);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::usage);
    EXPECT_EQ(failed.error().context, "odd");
}

TEST(Result, TryReturnsTheError) {
    EXPECT_EQ(*quarter(8), 2);
    EXPECT_FALSE(quarter(7));
    EXPECT_FALSE(quarter(6));
    EXPECT_EQ(quarter(6).error().context, "odd");
    EXPECT_TRUE(check_even(2));
    EXPECT_FALSE(check_even(1));
    EXPECT_EQ(check_even(1).error().code, ErrorCode::usage);
}

TEST(Result, AcceptsMoveOnlyTypes) {
    const auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(5); };
    const auto forward = [&]() -> Result<std::unique_ptr<int>> {
        TRY_ASSIGN(auto pointer, make());
        return pointer;
    };
    EXPECT_EQ(**forward(), 5);
}

TEST(Result, AnEmptyOptionalIsAValue) {
    const Result<std::optional<int>> result = std::optional<int>{};
    ASSERT_TRUE(result);
    EXPECT_FALSE(result.value().has_value());
}

TEST(Result, ExitCodesAreFixed) {
    EXPECT_EQ(static_cast<int>(ErrorCode::failed), 1);
    EXPECT_EQ(static_cast<int>(ErrorCode::usage), 2);
    EXPECT_EQ(static_cast<int>(ErrorCode::unsupported), 3);
}

TEST(ResultDeathTest, CheckPrintsThePositionAndAborts) {
    const bool holds = false;
    EXPECT_DEATH(CHECK(holds), "vigil: bug: holds \\(.*result_test.cpp:");
}

}  // namespace
}  // namespace vigil
