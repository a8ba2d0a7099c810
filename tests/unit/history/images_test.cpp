// SPDX-License-Identifier: Apache-2.0
#include "history/images.h"

#include <gtest/gtest.h>

#include <string>

namespace vigil::history {
namespace {

model::ImagePtr image(const std::string& file, const std::string& argv) {
    auto made = std::make_shared<model::Image>();
    made->file = file;
    made->argv = argv;
    return made;
}

TEST(Images, EachIsKeptOnce) {
    Images images(1 << 20);
    const model::ImagePtr first = images.keep(image("/a", "a"));
    EXPECT_EQ(images.keep(image("/a", "a")), first);
    EXPECT_NE(images.keep(image("/a", "b")), first);
    EXPECT_NE(images.keep(image("/b", "a")), first);
}

TEST(Images, WhatNobodyHoldsIsForgotten) {
    Images images(1 << 20);
    const model::ImagePtr held = images.keep(image("/held", "x"));
    for (int i = 0; i < 100'000; i++) {
        images.keep(image("/gone", std::to_string(i)));
        ASSERT_LT(images.bytes(), 1U << 20);
    }
    EXPECT_EQ(images.keep(image("/held", "x")), held);
}

TEST(Images, BeyondTheBoundArgumentsAreLeftOut) {
    Images images(1000);
    const model::ImagePtr large = images.keep(image("/a", std::string(1000, 'x')));
    EXPECT_TRUE(large->argv);
    EXPECT_EQ(images.keep(image("/a", std::string(1000, 'x'))), large) << "it is there already";
    const model::ImagePtr next = images.keep(image("/b", "b"));
    EXPECT_EQ(next->file, "/b");
    EXPECT_FALSE(next->argv);
}

}  // namespace
}  // namespace vigil::history
