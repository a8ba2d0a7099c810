// SPDX-License-Identifier: Apache-2.0
// Untrusted bytes in names of processes and files and in arguments, of any length.
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "harness.h"
#include "processes.h"

namespace vigil::tests {
namespace {

pid_t end_with_name(const std::string& name) {
    const pid_t pid = start([&] {
        ::prctl(PR_SET_NAME, name.c_str());
        return 0;
    });
    wait_for(pid);
    return pid;
}

const std::vector<std::string> hostile_names{
    "two\nlines",
    "\x1b[31mred\x1b[0m",
    "bad\xff\xfeutf8",
    "\xc3",
    "quote\"back\\",
    "tab\tcr\rbell\a",
    "c1\xc2\x9b"
    "31m",
    "\xe2\x80\xae"
    "rtl",
    " ",
    "=,;'()[]{}",
};

TEST(Names, JsonGivesBackWhatIsText) {
    TraceWindow window;
    std::vector<pid_t> pids;
    for (const std::string& name : hostile_names) {
        pids.push_back(end_with_name(name));
    }
    const Trace trace = window.end();
    for (size_t i = 0; i < pids.size(); i++) {
        const std::string reported = trace.only("exit", pids[i]).text("comm");
        if (hostile_names[i] == "bad\xff\xfeutf8") {
            EXPECT_EQ(reported, "bad\\xff\\xfeutf8");
        } else if (hostile_names[i] == "\xc3") {
            EXPECT_EQ(reported, "\\xc3");
        } else {
            EXPECT_EQ(reported, hostile_names[i]);
        }
    }
}

// No control byte but the newline that ends a line, in well-formed UTF-8 without C1 controls or
// direction marks.
void expect_harmless(const std::string& output, size_t lines) {
    EXPECT_EQ(static_cast<size_t>(std::count(output.begin(), output.end(), '\n')), lines);
    for (size_t i = 0; i < output.size(); i++) {
        const auto byte = static_cast<unsigned char>(output[i]);
        if ((byte < 0x20 && byte != '\n') || byte >= 0x7f) {
            ADD_FAILURE() << "byte " << int{byte}
                          << " in: " << output.substr(i < 40 ? 0 : i - 40, 80);
            return;
        }
    }
}

TEST(Names, TextAndTableHoldNoForeignByte) {
    for (const Strings& options :
         {Strings{"trace", "--tree", std::to_string(::getpid()), "-o", "text"},
          Strings{"trace", "--tree", std::to_string(::getpid()), "-e", "fork", "-o", "table"}}) {
        Program vigil(options);
        const bool table = options.back() == "table";
        if (table) {
            vigil.wait_for_output("--------");
        } else {
            vigil.wait_for_error("vigil: tracing ");
        }
        for (const std::string& name : hostile_names) {
            end_with_name(name);
        }
        const TempDirectory directory;
        const std::string path = directory.path() + "/\x1b[2J new\nline \xff";
        std::filesystem::create_symlink(self_path(), path);
        wait_for(start([&] {
            exec_self({"exit", "0", "\x1b]0;title\a", "\n", "\xff", "\xc2\x85"}, path);
            return 0;
        }));
        vigil.send(SIGINT);
        EXPECT_EQ(vigil.wait(), 0);
        size_t lines = table ? 3 : 0;
        for (const auto& [kind, account] : parse_totals(vigil.errors())) {
            lines += account.delivered;
        }
        if (!table) {
            expect_harmless(vigil.output(), lines);
        } else {
            expect_harmless(vigil.output(), 3 + hostile_names.size() + 1);
        }
    }
}

TEST(Names, FileNamesWithSpacesAndNewlines) {
    const TempDirectory directory;
    TraceWindow window;
    std::vector<std::pair<std::string, pid_t>> programs;
    for (const std::string name :
         {"with space", "new\nline", "\xd0\xb6\xd1\x83\xd0\xba", "=\"'\\"}) {
        const std::string path = directory.path() + "/" + name;
        std::filesystem::create_symlink(self_path(), path);
        const pid_t pid = start([&] {
            exec_self({"exit", "0"}, path);
            return 0;
        });
        EXPECT_EQ(wait_for(pid).code(), 0);
        programs.emplace_back(name, pid);
    }
    const Trace trace = window.end();
    for (const auto& [name, pid] : programs) {
        const Event exec = trace.only("exec", pid);
        EXPECT_EQ(exec.text("file"), directory.path() + "/" + name);
        EXPECT_EQ(exec.text("comm"), name);
    }
}

// "/././bin/true", with the max length of a path: 4095 bytes and the NUL.
TEST(Names, LongestPath) {
    const std::string end = "bin/true";
    std::string path = "/";
    while (path.size() + end.size() + 2 <= 4095) {
        path += "./";
    }
    path += path.size() + end.size() < 4095 ? "/" + end : end;
    ASSERT_EQ(path.size(), 4095U);
    TraceWindow window;
    const pid_t pid = start([&] {
        exec(path, {"true"});
        return 0;
    });
    EXPECT_EQ(wait_for(pid).code(), 0);
    const std::string reported = window.end().only("exec", pid).text("file");
    EXPECT_EQ(reported.size(), path.size());
    EXPECT_TRUE(reported == path);
}

Event exec_with(const Strings& argv) {
    TraceWindow window;
    const pid_t pid = start([&] {
        exec("/bin/true", argv);
        return 0;
    });
    EXPECT_EQ(wait_for(pid).code(), 0);
    return window.end().only("exec", pid);
}

int64_t bytes_of(const Strings& argv) {
    int64_t bytes = 0;
    for (const std::string& word : argv) {
        bytes += static_cast<int64_t>(word.size()) + 1;
    }
    return bytes;
}

TEST(Names, ArgumentsOf128KiBAreCutWithAMark) {
    Strings argv{"true"};
    for (int i = 0; bytes_of(argv) < 128 << 10; i++) {
        argv.push_back(std::to_string(i) + std::string(1'000, static_cast<char>('a' + i % 26)));
    }
    const Event exec = exec_with(argv);
    EXPECT_TRUE(exec.flag("argv_truncated"));
    EXPECT_EQ(exec.number("argc"), static_cast<int64_t>(argv.size()));
    EXPECT_EQ(exec.number("argv_bytes"), bytes_of(argv));
    const Strings reported = exec.strings("argv");
    ASSERT_GE(reported.size(), 5U);
    for (size_t i = 0; i + 1 < reported.size(); i++) {
        EXPECT_EQ(reported[i], argv[i]);
    }
    const std::string& last = reported.back();
    EXPECT_EQ(last, argv[reported.size() - 1].substr(0, last.size()));
    EXPECT_EQ(bytes_of(reported) - 1, 4'096);
}

TEST(Names, ArgumentsThatJustFitAreWhole) {
    const Strings argv{"true", std::string(4'096 - 6, 'x')};
    ASSERT_EQ(bytes_of(argv), 4'096);
    const Event exec = exec_with(argv);
    EXPECT_FALSE(exec.flag("argv_truncated"));
    EXPECT_EQ(exec.strings("argv"), argv);
}

TEST(Names, OneByteMoreIsCut) {
    const Strings argv{"true", std::string(4'096 - 5, 'x')};
    const Event exec = exec_with(argv);
    EXPECT_TRUE(exec.flag("argv_truncated"));
    EXPECT_EQ(exec.number("argv_bytes"), 4'097);
    EXPECT_EQ(exec.strings("argv").size(), 2U);
}

TEST(Names, EmptyArgumentsCount) {
    const Strings argv{"true", "", "a", "", ""};
    const Event exec = exec_with(argv);
    EXPECT_EQ(exec.strings("argv"), argv);
    EXPECT_EQ(exec.number("argc"), 5);
    EXPECT_EQ(exec.number("argv_bytes"), bytes_of(argv));
}

TEST(Names, ArgumentsWithForeignBytes) {
    const Event exec = exec_with({"true", "a\nb", "\x1b[31m", "\xff\xfe", "\"\\", "\xc3\xa4"});
    EXPECT_EQ(exec.strings("argv"),
              (Strings{"true", "a\nb", "\x1b[31m", "\\xff\\xfe", "\"\\", "\xc3\xa4"}));
}

}  // namespace
}  // namespace vigil::tests
