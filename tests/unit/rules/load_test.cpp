// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "base/fd.h"
#include "rules/expect.h"
#include "rules/parse.h"

namespace vigil::rules {
namespace {

class Load : public testing::Test {
 protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "vigil-rules-XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        directory_ = name;
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    std::string path(const std::string& name) const { return directory_ / name; }
    std::string write(const std::string& name, std::string_view text) const {
        std::ofstream(path(name), std::ios::binary) << text;
        return path(name);
    }
    static void expect_error(const std::string& path, const std::string& expected) {
        const auto result = load(path);
        ASSERT_FALSE(result) << path;
        EXPECT_EQ(result.error().code, ErrorCode::usage);
        EXPECT_EQ(result.error().context, expected);
    }

 private:
    std::filesystem::path directory_;
};

TEST_F(Load, AFile) {
    const auto result = load(write("good.json", "[{\"process\":\"a\"}]\n"));
    ASSERT_TRUE(result) << result.error().context;
    EXPECT_TRUE(*result == RuleSet{rule("a")});
}

TEST_F(Load, ErrorsBeginWithThePath) {
    const std::string file = write("bad.json", "[\n  5]");
    const auto result = load(file);
    ASSERT_FALSE(result);
    EXPECT_TRUE(result.error().context.starts_with(file + ":2:3: rule 1: "))
        << result.error().context;
}

TEST_F(Load, APipe) {
    const std::string fifo = path("pipe");
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    std::thread writer([&] {
        const Fd out(::open(fifo.c_str(), O_WRONLY));
        for (const std::string_view part : {"[{\"proc", "ess\":\"a\"}", "]"}) {
            EXPECT_EQ(::write(out.get(), part.data(), part.size()), part.size());
        }
    });
    const auto result = load(fifo);
    writer.join();
    ASSERT_TRUE(result) << result.error().context;
    EXPECT_TRUE(*result == RuleSet{rule("a")});
}

TEST_F(Load, RejectsAnEndlessFile) {
    expect_error("/dev/zero", "/dev/zero:1:1048577: expected at most 1048576 bytes, found more");
}

TEST_F(Load, NoFile) {
    expect_error(path("none.json"), path("none.json") +
                                        ": No such file or directory: check the path; "
                                        "config/sample.json is an example");
    expect_error("",
                 ": No such file or directory: check the path; config/sample.json is an example");
    expect_error(path(""), path("") + ": Is a directory: expected a file with rules");
    expect_error(write("file", "[]") + "/x",
                 path("file/x") + ": Not a directory: expected a file that can be read");
    if (::geteuid() != 0) {
        const std::string secret = write("secret.json", "[]");
        ASSERT_EQ(::chmod(secret.c_str(), 0), 0);
        expect_error(secret, secret + ": Permission denied: check who may read it (ls -l)");
    }
}

TEST_F(Load, TheSampleIsValid) {
    const auto result = load(VIGIL_SOURCE_DIR "/config/sample.json");
    ASSERT_TRUE(result) << result.error().context;
    EXPECT_FALSE(result->empty());
}

}  // namespace
}  // namespace vigil::rules
