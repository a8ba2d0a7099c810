// SPDX-License-Identifier: Apache-2.0
#include "rules/config_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "base/fd.h"
#include "support/processes.h"

namespace vigil::rules {
namespace {

const std::string one_rule = R"([{"process": "a", "cpu": 1}])";
const std::string two_rules = R"([{"process": "a", "cpu": 1}, {"process": "b", "cpu": 1}])";

class ConfigFileTest : public ::testing::Test {
 protected:
    void write(const std::string& content) const { directory_.write("limits.json", content); }
    // Sets the file's time, so that no test depends on the resolution of the file system's clock.
    void date(time_t seconds, const std::string& name = "limits.json") const {
        const timespec times[2] = {{.tv_sec = seconds, .tv_nsec = 0},
                                   {.tv_sec = seconds, .tv_nsec = 0}};
        EXPECT_EQ(::utimensat(AT_FDCWD, directory_.path(name).c_str(), times, 0), 0);
    }
    void rename(const std::string& from, const std::string& to) const {
        EXPECT_EQ(std::rename(directory_.path(from).c_str(), directory_.path(to).c_str()), 0);
    }
    size_t loaded() {
        const auto rules = file_.load();
        EXPECT_TRUE(rules) << rules.error().context;
        return rules ? rules->size() : 0;
    }
    // A change is reported by the second check after it, and by each further one until load().
    void expect_change() {
        EXPECT_FALSE(file_.has_changed()) << "may still be changing";
        EXPECT_TRUE(file_.has_changed());
        EXPECT_TRUE(file_.has_changed());
    }
    void expect_rest() {
        for (int i = 0; i < 3; i++) {
            EXPECT_FALSE(file_.has_changed());
        }
    }

    const test::TempDirectory directory_;
    ConfigFile file_{directory_.path("limits.json")};
};

TEST_F(ConfigFileTest, AnUnchangedFileHasNotChanged) {
    write(one_rule);
    EXPECT_EQ(loaded(), 1U);
    expect_rest();
    EXPECT_EQ(file_.path(), directory_.path("limits.json"));
}

TEST_F(ConfigFileTest, ReportsAChangeOnceTheFileIsAtRest) {
    write(one_rule);
    date(1000);
    loaded();
    expect_rest();
    write(two_rules);
    expect_change();
    EXPECT_EQ(loaded(), 2U);
    expect_rest();
}

TEST_F(ConfigFileTest, IgnoresAFileBeingWritten) {
    write(one_rule);
    loaded();
    for (size_t size = 1; size < two_rules.size(); size++) {
        write(two_rules.substr(0, size));
        date(static_cast<time_t>(1000 + size));
        EXPECT_FALSE(file_.has_changed()) << size;
    }
    write(two_rules);
    expect_change();
}

TEST_F(ConfigFileTest, TheSameSizeAtAnotherTime) {
    write(one_rule);
    date(1000);
    loaded();
    date(1001);
    expect_change();
    date(1000);
    expect_rest();
}

TEST_F(ConfigFileTest, AnotherSizeAtTheSameTime) {
    write(one_rule);
    date(1000);
    loaded();
    write(two_rules);
    date(1000);
    expect_change();
}

// As editors and configuration management do.
TEST_F(ConfigFileTest, ReplacedByRename) {
    write(one_rule);
    loaded();
    directory_.write("limits.json.new", two_rules);
    rename("limits.json.new", "limits.json");
    expect_change();
    EXPECT_EQ(loaded(), 2U);
    expect_rest();
}

TEST_F(ConfigFileTest, AnotherFileOfTheSameSizeAndTime) {
    write(one_rule);
    date(1000);
    loaded();
    directory_.write("other", one_rule);
    date(1000, "other");
    rename("other", "limits.json");
    expect_change();
}

TEST_F(ConfigFileTest, ARemovedFileHasNotChangedUntilRecreated) {
    write(one_rule);
    date(1000);
    loaded();
    rename("limits.json", "away");
    expect_rest();
    rename("away", "limits.json");
    expect_rest();
    rename("limits.json", "away");
    expect_rest();
    write(two_rules);
    expect_change();
    EXPECT_EQ(loaded(), 2U);
}

TEST_F(ConfigFileTest, DetectsACreatedFile) {
    EXPECT_FALSE(file_.load());
    expect_rest();
    write(one_rule);
    expect_change();
    EXPECT_EQ(loaded(), 1U);
    expect_rest();
}

TEST_F(ConfigFileTest, ReportsAnInvalidFileOncePerChange) {
    write("[");
    const auto rules = file_.load();
    ASSERT_FALSE(rules);
    EXPECT_EQ(rules.error().code, ErrorCode::usage);
    EXPECT_EQ(rules.error().context.rfind(directory_.path("limits.json") + ":1:", 0), 0U)
        << rules.error().context;
    expect_rest();
    write(one_rule);
    expect_change();
}

TEST_F(ConfigFileTest, FollowsSymbolicLinks) {
    directory_.write("first", one_rule);
    directory_.write("second", two_rules);
    ASSERT_EQ(::symlink("first", directory_.path("limits.json").c_str()), 0);
    EXPECT_EQ(loaded(), 1U);
    expect_rest();
    ASSERT_EQ(::symlink("second", directory_.path("link").c_str()), 0);
    rename("link", "limits.json");
    expect_change();
    EXPECT_EQ(loaded(), 2U);
}

TEST_F(ConfigFileTest, APipeNeverChanges) {
    const std::string path = directory_.path("limits.json");
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    const Fd both(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_TRUE(both);
    expect_rest();
    EXPECT_EQ(::write(both.get(), "x", 1), 1);
    date(1000);
    expect_rest();
}

TEST_F(ConfigFileTest, ADirectoryNeverChanges) {
    ASSERT_EQ(::mkdir(directory_.path("limits.json").c_str(), 0700), 0);
    EXPECT_FALSE(file_.load());
    expect_rest();
    directory_.write("limits.json/inner", "x");
    date(1000);
    expect_rest();
}

TEST_F(ConfigFileTest, ReadingFromAPipeChangesNothing) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const Fd read(ends[0]);
    Fd write(ends[1]);
    ASSERT_EQ(::write(write.get(), one_rule.data(), one_rule.size()),
              static_cast<ssize_t>(one_rule.size()));
    write.reset();
    ConfigFile file("/dev/fd/" + std::to_string(read.get()));
    const auto rules = file.load();
    ASSERT_TRUE(rules) << rules.error().context;
    EXPECT_EQ(rules->size(), 1U);
    EXPECT_FALSE(file.has_changed());
    EXPECT_FALSE(file.has_changed());
}

}  // namespace
}  // namespace vigil::rules
