// SPDX-License-Identifier: Apache-2.0
#include "deaths/death_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "journal/segments.h"
#include "model/death.h"
#include "support/events.h"
#include "support/processes.h"

namespace vigil::deaths {
namespace {

constexpr uint64_t timeout_ns = 10 * ns_per_s;

// A store takes up only files whose lines are events.
constexpr std::string_view event_start = R"({"time":")";
std::string as_event(const std::string& line) { return std::string(event_start) + line + "}\n"; }

class DeathStoreTest : public ::testing::Test {
 protected:
    void open(uint64_t keep_bytes = 1 << 20, uint64_t keep_ns = 3600 * ns_per_s) {
        store_.reset();
        DeathStoreOptions options;
        options.directory = directory_.path("deaths");
        options.max_bytes = keep_bytes;
        options.max_age_ns = keep_ns;
        auto opened = DeathStore::open(options);
        ASSERT_TRUE(opened) << opened.error().context;
        store_ = std::move(*opened);
    }
    void add(uint32_t status, const std::string& line) {
        model::Death death;
        death.exit.status = status;
        model::Event event = test::event(model::Kind::death, &death);
        store_->add(event, as_event(line));
    }
    std::string path(std::string_view file) const {
        return directory_.path("deaths/" + std::string(file));
    }
    std::string text(std::string_view file) const {
        std::ostringstream text;
        const auto segments = journal::list_segments(path(file));
        EXPECT_TRUE(segments);
        for (const auto& segment : *segments) {
            text << std::ifstream(segment.path).rdbuf();
        }
        std::string lines;
        std::istringstream events(text.str());
        for (std::string line; std::getline(events, line);) {
            EXPECT_TRUE(line.starts_with(event_start) && line.ends_with('}')) << line;
            lines += line.substr(event_start.size(), line.size() - event_start.size() - 1) + '\n';
        }
        return lines;
    }

    const test::TempDirectory directory_;
    std::unique_ptr<DeathStore> store_;
};

TEST_F(DeathStoreTest, AbnormalDeathsAndReceiptsLieApart) {
    open();
    add(0, "clean");
    add(9, "killed");
    add(1 << 8, "failed");
    store_->add(test::loss_event(), as_event("loss"));
    store_->add(test::unobserved_event(), as_event("unobserved"));
    store_->wait_durable(timeout_ns);
    EXPECT_EQ(text(clean_file), "clean\n");
    EXPECT_EQ(text(abnormal_file), "killed\nfailed\nloss\nunobserved\n");
}

TEST_F(DeathStoreTest, IsForItsOwnerAlone) {
    open();
    add(9, "killed");
    store_->wait_durable(timeout_ns);
    struct stat info {};
    ASSERT_EQ(::stat(path(abnormal_file).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600U);
    ASSERT_EQ(::stat(directory_.path("deaths").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0700U);
}

TEST_F(DeathStoreTest, CleanExitsNeverPushOutTheOthers) {
    open(1 << 20);
    add(9, "killed");
    const std::string line(1000, 'x');
    for (int i = 0; i < 5'000; i++) {
        add(0, line);
        if (i % 100 == 0) {
            store_->wait_durable(timeout_ns);
        }
    }
    store_->wait_durable(timeout_ns);
    EXPECT_EQ(text(abnormal_file), "killed\n");
    EXPECT_LE(text(clean_file).size(), 1U << 19);
    EXPECT_GE(text(clean_file).size(), 1U << 18);
}

TEST_F(DeathStoreTest, WhatIsTooOldGoesWithItsFile) {
    constexpr uint64_t keep_ns = 3600 * ns_per_s;
    open(1 << 20, keep_ns);
    add(9, "old");
    store_->wait_durable(timeout_ns);
    const int64_t now = unix_now_ns();
    store_->enforce_retention(now + static_cast<int64_t>(keep_ns) / 2);  // starts a new file
    add(9, "new");
    store_->wait_durable(timeout_ns);
    EXPECT_EQ(text(abnormal_file), "old\nnew\n");
    const auto before = journal::list_segments(path(abnormal_file));
    ASSERT_TRUE(before);
    ASSERT_EQ(before->size(), 2U);
    const timespec long_ago[2] = {{.tv_sec = 1, .tv_nsec = 0}, {.tv_sec = 1, .tv_nsec = 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, before->front().path.c_str(), long_ago, 0), 0);
    store_->enforce_retention(now);
    add(9, "newer");
    store_->wait_durable(timeout_ns);
    store_.reset();
    EXPECT_EQ(text(abnormal_file), "new\nnewer\n");
}

TEST_F(DeathStoreTest, AnotherRunGoesOn) {
    open();
    add(9, "one");
    open();
    add(9, "two");
    store_->wait_durable(timeout_ns);
    EXPECT_EQ(text(abnormal_file), "one\ntwo\n");
}

}  // namespace
}  // namespace vigil::deaths
