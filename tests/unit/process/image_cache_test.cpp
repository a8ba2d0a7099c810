// SPDX-License-Identifier: Apache-2.0
#include "process/image_cache.h"

#include <gtest/gtest.h>

#include <string>

namespace vigil::process {
namespace {

model::ExecImagePtr image(const std::string& file, const std::string& argv) {
    auto result = std::make_shared<model::ExecImage>();
    result->file = file;
    result->argv = argv;
    return result;
}

TEST(ImageCache, EachIsStoredOnce) {
    ImageCache cache(1 << 20);
    const model::ExecImagePtr first = cache.intern(image("/a", "a"));
    EXPECT_EQ(cache.intern(image("/a", "a")), first);
    EXPECT_NE(cache.intern(image("/a", "b")), first);
    EXPECT_NE(cache.intern(image("/b", "a")), first);
}

TEST(ImageCache, UnreferencedImagesAreDropped) {
    ImageCache cache(1 << 20);
    const model::ExecImagePtr held = cache.intern(image("/held", "x"));
    for (int i = 0; i < 100'000; i++) {
        cache.intern(image("/gone", std::to_string(i)));
        ASSERT_LT(cache.bytes(), 1U << 20);
    }
    EXPECT_EQ(cache.intern(image("/held", "x")), held);
}

TEST(ImageCache, AtTheLimitArgumentsAreLeftOut) {
    ImageCache cache(1000);
    const model::ExecImagePtr large = cache.intern(image("/a", std::string(1000, 'x')));
    EXPECT_TRUE(large->argv);
    EXPECT_EQ(cache.intern(image("/a", std::string(1000, 'x'))), large) << "it is there already";
    const model::ExecImagePtr next = cache.intern(image("/b", "b"));
    EXPECT_EQ(next->file, "/b");
    EXPECT_FALSE(next->argv);
}

}  // namespace
}  // namespace vigil::process
