// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
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
    ASSERT_TRUE(replace_file(at("a"), "one", 0640));
    ASSERT_TRUE(replace_file(at("a"), std::string(100'000, 'x'), 0600));
    EXPECT_EQ(*read_file(at("a"), 1 << 20), std::string(100'000, 'x'));
    struct stat info {};
    ASSERT_EQ(::stat(at("a").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0640U);
    EXPECT_EQ(names(), std::vector<std::string>{"a"});
}

TEST_F(FileTest, ALinkStaysAndItsTargetIsReplaced) {
    fs::create_directory(at("real"));
    std::ofstream(at("real/a")) << "old";
    fs::create_symlink("real/a", at("link"));
    fs::create_symlink(at("link"), at("second"));
    ASSERT_TRUE(replace_file(at("second"), "new", 0644));
    EXPECT_EQ(fs::read_symlink(at("link")), "real/a");
    EXPECT_EQ(fs::read_symlink(at("second")), at("link"));
    EXPECT_EQ(*read_file(at("real/a"), 10), "new");
    fs::create_symlink("real/b", at("dangling"));
    ASSERT_TRUE(replace_file(at("dangling"), "b", 0644));
    EXPECT_EQ(*read_file(at("real/b"), 10), "b");
    fs::create_symlink("loop", at("loop"));
    EXPECT_FALSE(replace_file(at("loop"), "b", 0644));
}

TEST_F(FileTest, OwnerModeAndAttributesAreKept) {
    std::ofstream(at("a")) << "old";
    ASSERT_EQ(::chmod(at("a").c_str(), 0600), 0);
    const bool owned_by_another = ::chown(at("a").c_str(), 65534, 65534) == 0;
    const bool labelled = ::setxattr(at("a").c_str(), "user.label", "x", 1, 0) == 0;
    ASSERT_TRUE(replace_file(at("a"), "new", 0644));
    struct stat info {};
    ASSERT_EQ(::stat(at("a").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0600U);
    if (owned_by_another) {
        EXPECT_EQ(info.st_uid, 65534U);
        EXPECT_EQ(info.st_gid, 65534U);
    }
    char value = 0;
    EXPECT_TRUE(!labelled || ::getxattr(at("a").c_str(), "user.label", &value, 1) == 1);
    // A secret stays one where the old file was not.
    ASSERT_EQ(::chmod(at("a").c_str(), 0644), 0);
    ASSERT_TRUE(replace_file(at("a"), "key", 0600));
    ASSERT_EQ(::stat(at("a").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0640U);
}

TEST_F(FileTest, HardLinksAreKept) {
    std::ofstream(at("a")) << "a longer old content";
    fs::create_hard_link(at("a"), at("b"));
    ASSERT_TRUE(replace_file(at("a"), "new", 0644));
    EXPECT_EQ(*read_file(at("b"), 100), "new");
    EXPECT_EQ(fs::hard_link_count(at("a")), 2U);
    EXPECT_EQ(names().size(), 2U) << "no draft is left";
}

TEST_F(FileTest, OnlyRegularFilesAreReplaced) {
    ASSERT_EQ(::mkfifo(at("pipe").c_str(), 0600), 0);
    fs::create_symlink(at("pipe"), at("link"));
    for (const char* name : {"pipe", "link"}) {
        const auto replaced = replace_file(at(name), "text", 0600);
        ASSERT_FALSE(replaced);
        EXPECT_EQ(replaced.error().context,
                  "'" + at(name) + "' is not a regular file: it is left as it is");
    }
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    EXPECT_FALSE(replace_file("/proc/self/fd/" + std::to_string(ends[0]), "text", 0600));
    ::close(ends[0]);
    ::close(ends[1]);
    EXPECT_FALSE(replace_file("/dev/null", "text", 0600));
    std::ofstream(at("gone")) << "x";
    const int fd = ::open(at("gone").c_str(), O_RDONLY | O_CLOEXEC);
    ASSERT_EQ(::unlink(at("gone").c_str()), 0);
    EXPECT_FALSE(replace_file("/proc/self/fd/" + std::to_string(fd), "text", 0600)) << "deleted";
    ::close(fd);
    EXPECT_EQ(names().size(), 2U);
}

TEST_F(FileTest, ACheckThatFailsLeavesTheFile) {
    std::ofstream(at("a")) << "old";
    const auto replaced = replace_file(at("a"), "new", 0644, [] {
        return Result<void>(Error{ErrorCode::failed, "edited"});
    });
    ASSERT_FALSE(replaced);
    EXPECT_EQ(replaced.error().context, "edited");
    EXPECT_EQ(*read_file(at("a"), 10), "old");
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

TEST_F(FileTest, ADescriptorThatDoesNotBlockIsWaitedFor) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    const std::string text(1 << 20, 'x');
    std::string got;
    std::thread reader([&] {
        std::string part(64 << 10, '\0');
        while (got.size() < text.size()) {
            const ssize_t count = ::read(ends[0], part.data(), part.size());
            if (count > 0) {
                got.append(part, 0, static_cast<size_t>(count));
            }
            ::usleep(100);
        }
    });
    EXPECT_TRUE(write_all(ends[1], text));
    reader.join();
    EXPECT_EQ(got, text);
    ::close(ends[0]);
    EXPECT_FALSE(write_all(ends[1], text));
    ::close(ends[1]);
}

TEST_F(FileTest, AnEmptyNameOfADirectoryIsRefused) {
    EXPECT_EQ(make_directories("", 0700).error().code, ErrorCode::usage);
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
