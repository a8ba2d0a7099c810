// SPDX-License-Identifier: Apache-2.0
#include "base/fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cerrno>
#include <type_traits>

namespace vigil {
namespace {

int open_null() { return ::open("/dev/null", O_RDWR | O_CLOEXEC); }

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) != -1; }

bool is_mapped(void* address, size_t size_bytes) {
    return ::msync(address, size_bytes, MS_ASYNC) == 0 || errno != ENOMEM;
}

TEST(Fd, ClosesOnceAtTheEnd) {
    int raw = -1;
    {
        const Fd fd(open_null());
        raw = fd.get();
        EXPECT_TRUE(fd);
        EXPECT_TRUE(is_open(raw));
    }
    EXPECT_FALSE(is_open(raw));
}

TEST(Fd, EmptyIsFalse) {
    EXPECT_FALSE(Fd());
    EXPECT_FALSE(Fd(-1));
    EXPECT_TRUE(Fd(::dup(0)));
}

TEST(Fd, MovesOwnership) {
    Fd first(open_null());
    const int raw = first.get();
    Fd second(std::move(first));
    EXPECT_EQ(first.get(), -1);
    EXPECT_EQ(second.get(), raw);
    Fd third;
    third = std::move(second);
    EXPECT_EQ(third.get(), raw);
    third.reset();
    EXPECT_FALSE(third);
    EXPECT_FALSE(is_open(raw));
    third.reset();
    static_assert(!std::is_copy_constructible_v<Fd> && !std::is_copy_assignable_v<Fd>);
}

TEST(Fd, AssignmentClosesTheOldDescriptor) {
    const int old_raw = open_null();
    const int new_raw = open_null();
    {
        Fd target(old_raw);
        target = Fd(new_raw);
        EXPECT_EQ(target.get(), new_raw);
        EXPECT_FALSE(is_open(old_raw));
    }
    EXPECT_FALSE(is_open(new_raw));
}

TEST(Mapping, UnmapsAtTheEndAndMoves) {
    const auto page = static_cast<size_t>(::getpagesize());
    void* address =
        ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(address, MAP_FAILED);
    {
        Mapping first(address, page);
        *first.as<int>() = 42;
        Mapping second(std::move(first));
        EXPECT_EQ(first.as<int>(), nullptr);
        Mapping third;
        third = std::move(second);
        EXPECT_EQ(*third.as<int>(), 42);
        EXPECT_TRUE(is_mapped(address, page));
    }
    EXPECT_FALSE(is_mapped(address, page));
}

}  // namespace
}  // namespace vigil
