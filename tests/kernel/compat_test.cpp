// SPDX-License-Identifier: Apache-2.0
// Output that scripts parse: text lines, the table, and the older tools' names and lines.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <regex>
#include <sstream>

#include "harness.h"
#include "processes.h"

namespace vigil::tests {
namespace {

std::vector<std::string> lines_of(const std::string& output) {
    std::vector<std::string> lines;
    std::istringstream stream(output);
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(line);
    }
    return lines;
}

std::string line_with(const std::string& output, const std::string& part) {
    for (const std::string& line : lines_of(output)) {
        if (line.find(part) != std::string::npos) {
            return line;
        }
    }
    ADD_FAILURE() << "no line with '" << part << "' in:\n" << output;
    return {};
}

// A link to vigil with that name, run as from a shell.
class Link {
 public:
    explicit Link(const std::string& name) : path_(directory_.path() + "/" + name) {
        std::filesystem::create_symlink(vigil_path(), path_);
    }
    Program::Options options() const {
        return {.called_as = path_, .path = path_, .output = Program::Output::pipe};
    }

 private:
    TempDirectory directory_;
    std::string path_;
};

const std::string clock_form = R"(\[\d\d:\d\d:\d\d\.\d\d\d\] )";

// `text` as a regex that matches only itself.
std::string exactly(const std::string& text) {
    return std::regex_replace(text, std::regex(R"([\[\](){}.*+?^$|\\])"), R"(\$&)");
}

TEST(Text, LinesAreAKnownPrefixTwoSpacesAndPairs) {
    Strings options{"trace", "-o", "text"};
    const Strings tree = own_tree();
    options.insert(options.end(), tree.begin(), tree.end());
    Program vigil(options);
    vigil.wait_for_error("vigil: tracing ");
    const pid_t pid = start([] {
        exec("/bin/sh", {"sh", "-c", "exit 3"});
        return 0;
    });
    wait_for(pid);
    const pid_t victim = start_sleeper();
    kill_and_wait(victim, SIGTERM);
    vigil.send(SIGINT);
    EXPECT_EQ(vigil.wait(), 0);
    const std::string id = std::to_string(pid);
    const std::string own = std::to_string(::getpid());
    std::string comm = proc_file(::getpid(), "comm");
    comm.pop_back();
    const std::string pairs = "(  | \\S+=(\"([^\"\\\\]|\\\\.)*\"|\\S+))*";
    const auto expect = [&](const std::string& part, const std::string& prefix,
                            const std::string& end) {
        const std::string line = line_with(vigil.output(), part);
        EXPECT_TRUE(std::regex_match(line, std::regex(clock_form + exactly(prefix) + "  " + end)))
            << line << "\nis not: " << prefix;
    };
    expect("FORK: " + comm + " (pid=" + id,
           "FORK: " + comm + " (pid=" + id + ", tgid=" + id + ", ppid=" + own + ")", "\\S+=.*");
    expect("EXEC: sh (pid=" + id, "EXEC: sh (pid=" + id + ", tgid=" + id + ", ppid=" + own + ")",
           "file=/bin/sh .*");
    expect("EXIT: sh (pid=" + id, "EXIT: sh (pid=" + id + ", tgid=" + id + ")",
           R"(status=exit:3 lived=\d+\.\d{3}s cpu=\d+\.\d{3}s peak_rss=\S+ .*)");
    const std::string to = std::to_string(victim);
    expect("SIGNAL: SIGTERM (15) [" + comm + "/" + own + "] -> [" + comm + "/" + to,
           "SIGNAL: SIGTERM (15) [" + comm + "/" + own + "] -> [" + comm + "/" + to + "] " + comm +
               " (" + own + ")",
           "source=user result=delivered .*");
}

void expect_table(Program& vigil) {
    vigil.wait_for_output("----------------\n");
    const pid_t pid = start([] {
        exec("/bin/sh", {"sh", "-c", "exit 3"});
        return 0;
    });
    const pid_t silent = start([] { return 0; });
    wait_for(pid);
    wait_for(silent);
    vigil.wait_for_output("\n" + std::to_string(silent) + " ");
    vigil.send(SIGINT);
    EXPECT_EQ(vigil.wait(), 0);
    const auto lines = lines_of(vigil.output());
    ASSERT_GE(lines.size(), 5U);
    EXPECT_EQ(lines[0], "Monitoring process creation events... Press Ctrl-C to exit");
    EXPECT_EQ(lines[1], "PID      PPID     COMM");
    EXPECT_EQ(lines[2], "-------- -------- ----------------");
    std::string comm = proc_file(::getpid(), "comm");
    comm.pop_back();
    const auto row = [](pid_t process, const std::string& name) {
        std::array<char, 64> text{};
        std::snprintf(text.data(), text.size(), "%-8d %-8d %s", process, ::getpid(), name.c_str());
        return std::string(text.data());
    };
    EXPECT_EQ(std::count(lines.begin(), lines.end(), row(pid, "sh")), 1) << vigil.output();
    EXPECT_EQ(std::count(lines.begin(), lines.end(), row(silent, comm)), 1) << vigil.output();
    for (size_t i = 3; i < lines.size(); i++) {
        EXPECT_TRUE(std::regex_match(lines[i], std::regex(R"(\d+ +\d+ +.+)"))) << lines[i];
    }
}

TEST(Table, RowOfANewProcessHasTheCommandThatItTurnedOutToRun) {
    Program vigil({"trace", "-e", "fork", "-o", "table"}, {.output = Program::Output::pipe});
    expect_table(vigil);
}

TEST(Table, IsTheScreenOfProcessMonitor) {
    const Link link("process_monitor");
    Program vigil({}, link.options());
    expect_table(vigil);
    EXPECT_EQ(vigil.errors(), "");
}

TEST(Table, ProcessThatNeverCallsExecAppearsWhileItRuns) {
    Program vigil({"trace", "-e", "fork", "-o", "table"}, {.output = Program::Output::pipe});
    vigil.wait_for_output("----------------\n");
    const pid_t pid = start_sleeper();
    EXPECT_TRUE(vigil.wait_for_output("\n" + std::to_string(pid) + " "));
    kill_and_wait(pid, SIGKILL);
    vigil.send(SIGINT);
    EXPECT_EQ(vigil.wait(), 0);
}

// The tool does not report when it is ready: fork until the first line comes.
void wait_for_lines(Program& vigil) {
    wait_until(
        [&] {
            wait_for(start([] { return 0; }));
            vigil.read_new();
            return !vigil.output().empty();
        },
        "a first line");
}

class Rustsigwatch : public ::testing::Test {
 protected:
    // All output while signals are sent to a sleeper that ignores all signals but KILL.
    void window(const Strings& options, const std::vector<int>& signals) {
        const Link link("rustsigwatch");
        Program vigil(options, link.options());
        wait_for_lines(vigil);
        pid_ = start_sleeper([&] {
            for (const int number : signals) {
                std::signal(number, SIG_IGN);
            }
        });
        for (const int number : signals) {
            ::kill(pid_, number);
        }
        kill_and_wait(pid_, SIGKILL);
        vigil.wait_for_output("EXIT: " + comm() + " (pid=" + std::to_string(pid_));
        vigil.send(SIGINT);
        EXPECT_EQ(vigil.wait(), 0);
        EXPECT_EQ(vigil.errors(), "");
        output_ = vigil.output();
    }

    static std::string comm() {
        std::string name = proc_file(::getpid(), "comm");
        name.pop_back();
        return name;
    }
    std::string signal_line(const std::string& name) const {
        const std::string own = std::to_string(::getpid());
        return "SIGNAL: " + name + " [" + comm() + "/" + own + "] -> [" + comm() + "/" +
               std::to_string(pid_) + "] " + comm() + " (" + own + ")";
    }
    int count(const std::string& body) const {
        int found = 0;
        for (const std::string& line : lines_of(output_)) {
            found += std::regex_match(line, std::regex(clock_form + exactly(body))) ? 1 : 0;
        }
        return found;
    }

    pid_t pid_ = 0;
    std::string output_;
};

TEST_F(Rustsigwatch, ShowsTerminationsForksAndExitsToTheByte) {
    window({}, {SIGTERM, SIGUSR1});
    const std::string id = std::to_string(pid_);
    EXPECT_EQ(count(signal_line("SIGTERM (15)")), 1) << output_;
    EXPECT_EQ(count("FORK: " + comm() + " (pid=" + id + ", tgid=" + id +
                    ", ppid=" + std::to_string(::getpid()) + ")"),
              1)
        << output_;
    EXPECT_EQ(count("EXIT: " + comm() + " (pid=" + id + ", tgid=" + id + ")"), 1) << output_;
    const std::regex line(clock_form +
                          R"((SIGNAL: SIGTERM \(15\) \[.*/\d+\] -> \[.*/\d+\] .* \(\d+\)|)"
                          R"(FORK: .* \(pid=\d+, tgid=\d+, ppid=\d+\)|)"
                          R"(EXIT: .* \(pid=\d+, tgid=\d+\)))");
    for (const std::string& each : lines_of(output_)) {
        EXPECT_TRUE(std::regex_match(each, line)) << each;
    }
}

TEST_F(Rustsigwatch, OtherSignalsWhenNamed) {
    window({"-s", "SIGUSR1", "-s", "SIGUSR2"}, {SIGTERM, SIGUSR1, SIGUSR2});
    EXPECT_EQ(count(signal_line("SIGTERM (15)")), 0);
    EXPECT_EQ(count(signal_line("SIGUSR1 (10)")), 1);
    EXPECT_EQ(count(signal_line("SIGUSR2 (12)")), 1);
}

TEST_F(Rustsigwatch, AllSignals) {
    window({"-a"}, {SIGTERM, SIGUSR1, SIGCONT});
    EXPECT_EQ(count(signal_line("SIGTERM (15)")), 1);
    EXPECT_EQ(count(signal_line("SIGUSR1 (10)")), 1);
    EXPECT_EQ(count(signal_line("SIGCONT (18)")), 1);
    EXPECT_EQ(count(signal_line("SIGKILL (9)")), 1);
}

TEST_F(Rustsigwatch, WrongSignalIsRefusedWithNearNames) {
    const Link link("rustsigwatch");
    Program vigil({"-s", "SIGTREM"}, link.options());
    EXPECT_EQ(vigil.wait(), 2);
    EXPECT_NE(vigil.errors().find("SIGTERM"), std::string::npos) << vigil.errors();
    EXPECT_EQ(vigil.output(), "");
}

}  // namespace
}  // namespace vigil::tests
