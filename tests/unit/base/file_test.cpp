// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace vigil {
namespace {

namespace fs = std::filesystem;

class FileTest : public testing::Test {
 protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "vigil-file-XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        directory_ = name;
    }
    void TearDown() override { fs::remove_all(directory_); }

    std::string at(const std::string& name) const { return directory_ + "/" + name; }
    std::vector<std::string> names() const {
        std::vector<std::string> found;
        for (const auto& entry : fs::directory_iterator(directory_)) {
            found.push_back(entry.path().filename());
        }
        return found;
    }

    std::string directory_;
};

TEST_F(FileTest, RoundTrips) {
    ASSERT_TRUE(replace_file(at("a"), "one", 0600));
    ASSERT_TRUE(replace_file(at("a"), std::string(100'000, 'x'), 0640));
    EXPECT_EQ(*read_file(at("a"), 1 << 20), std::string(100'000, 'x'));
    struct stat info {};
    ASSERT_EQ(::stat(at("a").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0640U);
    EXPECT_EQ(names(), std::vector<std::string>{"a"});
}

TEST_F(FileTest, AnExcessByteShowsThatTheLimitIsExceeded) {
    ASSERT_TRUE(replace_file(at("a"), "12345", 0600));
    EXPECT_EQ(*read_file(at("a"), 3), "1234");
    EXPECT_EQ(*read_file(at("a"), 5), "12345");
    EXPECT_EQ(read_file("/dev/zero", 10)->size(), 11U);
}

TEST_F(FileTest, AMissingFileIsAnErrorOrEmpty) {
    const auto read = read_file(at("none\033[1m"), 10);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().context,
              "opening '" + at("none\\e[1m") + "': No such file or directory");
    EXPECT_FALSE(read_optional_file(at("none"), 10)->has_value());
    ASSERT_TRUE(replace_file(at("a"), "", 0600));
    EXPECT_EQ(*read_optional_file(at("a"), 10), "");
    EXPECT_FALSE(read_file(directory_, 10)) << "a directory";
}

TEST_F(FileTest, AFailedReplacementKeepsTheFileAndLeavesNoDraft) {
    fs::create_directory(at("directory"));
    std::ofstream(at("directory/x")) << "x";
    const auto replaced = replace_file(at("directory"), "text", 0600);
    ASSERT_FALSE(replaced);
    EXPECT_EQ(names(), std::vector<std::string>{"directory"});
    EXPECT_FALSE(replace_file(at("none/a"), "text", 0600));
}

TEST_F(FileTest, CreatesParentDirectories) {
    ASSERT_TRUE(make_directories(at("a/b/c"), 0700));
    ASSERT_TRUE(make_directories(at("a/b/c"), 0755)) << "existing";
    struct stat info {};
    ASSERT_EQ(::stat(at("a/b/c").c_str(), &info), 0);
    EXPECT_TRUE(S_ISDIR(info.st_mode));
    EXPECT_EQ(info.st_mode & 0777, 0700U);
    ASSERT_TRUE(replace_file(at("file"), "", 0600));
    EXPECT_FALSE(make_directories(at("file"), 0700));
    EXPECT_FALSE(make_directories(at("file/below"), 0700));
}

}  // namespace
}  // namespace vigil
