// SPDX-License-Identifier: Apache-2.0
// `vigil up`, and `vigil ctl` against it.
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <string>

#include "fleet.h"

namespace vigil::tests {
namespace {

// None of these may reach a terminal unescaped.
constexpr const char* wild_name = "wi ld\x1b[31m\n";

class UpRun {
 public:
    explicit UpRun(const std::string& rules) {
        write_file(directory_.path() + "/rules.json", rules);
        program_ = std::make_unique<Program>(strings(), quiet(directory_.path()));
        program_->wait_for_error("vigil: connected to ");
    }

    Strings strings() const {
        return {"up",     "-c",      directory_.path() + "/rules.json", "-l",
                log(),    "--state", directory_.path() + "/state",      "--control",
                control()};
    }
    Outcome ctl(const Strings& words) const {
        Strings all{"ctl", "--control", control()};
        all.insert(all.end(), words.begin(), words.end());
        return run_vigil(all);
    }
    std::string log() const { return directory_.path() + "/events.log"; }
    std::string rules() const { return directory_.path() + "/rules.json"; }
    std::string control() const { return directory_.path() + "/control"; }
    const std::string& directory() const { return directory_.path(); }
    Program& program() { return *program_; }

    // True if the screen and the log show the text.
    bool shows(const std::string& text) {
        program_->read_new();
        return program_->output().find(text) != std::string::npos;
    }
    bool logs(const std::string& text) const {
        return read_text(log()).find(text) != std::string::npos;
    }

 private:
    TempDirectory directory_;
    std::unique_ptr<Program> program_;
};

// Fails the test unless the text consists of printable lines.
void expect_printable(const std::string& text) {
    const auto bad = std::find_if(text.begin(), text.end(), [](char c) {
        return c != '\n' && (static_cast<unsigned char>(c) < ' ' || c == 0x7f);
    });
    EXPECT_EQ(bad, text.end()) << "byte " << (bad == text.end() ? 0 : int{*bad}) << " in: " << text;
}

// Emulated machines are slow.
uint64_t max_ns() { return (scaled(100) < 100 ? 30 : 2) * uint64_t{1'000'000'000}; }

TEST(Up, ShowsAndLogsWithinTwoSeconds) {
    UpRun up(R"([{"process": "fleet-hog", "memory": 30}])");
    // Processes older than the agent are known by then.
    const pid_t sleeper = start_sleeper([] { ::prctl(PR_SET_NAME, "fleet-dead"); });
    uint64_t begin_ns = boot_now_ns();
    kill_and_wait(sleeper, SIGKILL);
    const std::string dead = "\"pid\":" + std::to_string(sleeper) + ",";
    wait_until([&] { return up.shows("fleet-dead") && up.logs(dead); }, "the death");
    EXPECT_LT(boot_now_ns() - begin_ns, max_ns());
    EXPECT_TRUE(has_death(read_log(up.log()), sleeper));
    EXPECT_TRUE(up.shows("SIGKILL")) << up.program().output();

    begin_ns = boot_now_ns();
    const pid_t hog = start_sleeper([] {
        ::prctl(PR_SET_NAME, "fleet-hog");
        touch_mb(60);
    });
    const std::string pid = std::to_string(hog);
    wait_until([&] { return up.shows("pid " + pid) && up.logs("\"kind\":\"violation\""); },
               "the violation");
    EXPECT_LT(boot_now_ns() - begin_ns, max_ns());
    EXPECT_TRUE(up.shows("RAISED"));
    kill_and_wait(hog, SIGKILL);
    wait_until([&] { return has_death(read_log(up.log()), hog); }, "its death");
    wait_until([&] { return up.shows("cleared  memory"); }, "the end of the violation");

    up.program().send(SIGINT);
    EXPECT_EQ(up.program().wait(), 0) << up.program().errors();
    expect_printable(up.program().output());
    EXPECT_EQ(missing(read_log(up.log())), 0U);
}

TEST(Up, ASecondOneIsRefused) {
    UpRun up("[]");
    const Outcome same = run_vigil(up.strings());
    EXPECT_NE(same.exit_code, 0);
    EXPECT_EQ(same.output, "");
    EXPECT_NE(same.errors.find("another"), std::string::npos) << same.errors;
    // With its own directories, on the same port.
    const TempDirectory other;
    const Outcome port = run_vigil({"up", "-c", up.rules(), "-l", other.path() + "/log", "--state",
                                    other.path() + "/state", "--control", other.path() + "/c"});
    EXPECT_NE(port.exit_code, 0);
    EXPECT_NE(port.errors.find("7411"), std::string::npos) << port.errors;
    EXPECT_NE(port.errors.find("is another server running?"), std::string::npos) << port.errors;
    // With only the log in common.
    const Outcome log = run_vigil({"up", "-c", up.rules(), "-l", up.log(), "--port", "0", "--state",
                                   other.path() + "/state", "--control", other.path() + "/c"});
    EXPECT_NE(log.exit_code, 0);
    EXPECT_NE(log.errors.find("another process"), std::string::npos) << log.errors;
    // With only the state directory in common.
    const Outcome state =
        run_vigil({"up", "-c", up.rules(), "-l", other.path() + "/log2", "--port", "0", "--state",
                   up.directory() + "/state", "--control", other.path() + "/c"});
    EXPECT_NE(state.exit_code, 0);
    EXPECT_NE(state.errors.find("another process"), std::string::npos) << state.errors;
    // The first one is not disturbed by any of these.
    EXPECT_EQ(up.ctl({"stats"}).exit_code, 0);
    const pid_t killed = start_sleeper();
    kill_and_wait(killed, SIGKILL);
    wait_until([&] { return has_death(read_log(up.log()), killed); }, "a death");
    EXPECT_EQ(up.ctl({"quit"}).exit_code, 0);
    EXPECT_EQ(up.program().wait(), 0) << up.program().errors();
}

TEST(Up, NamesNeverReachTheTerminalRaw) {
    // A rule can't contain such characters; check the error text.
    const TempDirectory directory;
    write_file(directory.path() + "/wild.json", R"([{"process": "a\u001b[2J\nb", "cpu": 50}])");
    const Outcome wild = run_vigil({"up", "-c", directory.path() + "/wild.json"}, directory.path());
    EXPECT_EQ(wild.exit_code, 2);
    expect_printable(wild.errors);

    UpRun up(R"([{"process": "wi*", "memory": 30}, {"process": "a \"b\" c", "cpu": 50}])");
    const pid_t hog = start_sleeper([] {
        ::prctl(PR_SET_NAME, wild_name);
        touch_mb(60);
    });
    const std::string pid = "\"pid\":" + std::to_string(hog) + ",";
    wait_until([&] { return up.logs(pid) && up.shows("pid " + std::to_string(hog)); }, "it");
    kill_and_wait(hog, SIGKILL);
    wait_until([&] { return has_death(read_log(up.log()), hog); }, "its death");
    for (const Strings& words :
         {Strings{"config", "show"}, Strings{"events", "20"}, Strings{"agents"}, Strings{"stats"},
          Strings{"config", "set", "x \x1b[31m y", "cpu", "5"}, Strings{"config", "show"},
          Strings{"config", "remove", "\x1b[31mno"}, Strings{"config", "load", "/no\x1b[31m/such"},
          Strings{"config", "save", "/no\x1b[31m/such"}, Strings{"\x1b[31mnothing"},
          Strings{"config", "\x1b[31mnothing"}, Strings{"config", "add", "{\"process\": \"\x1b\"}"},
          Strings{"config", "set", "x", "\x1b[31m", "5"}}) {
        const Outcome outcome = up.ctl(words);
        expect_printable(outcome.output);
        expect_printable(outcome.errors);
        EXPECT_FALSE(outcome.output.empty() && outcome.errors.empty()) << words.back();
    }
    EXPECT_NE(up.ctl({"config", "show"}).output.find(R"(a \"b\" c)"), std::string::npos);
    EXPECT_EQ(up.ctl({"config", "remove", "a \"b\" c"}).exit_code, 0);
    EXPECT_EQ(up.ctl({"quit"}).exit_code, 0);
    EXPECT_EQ(up.program().wait(), 0);
    expect_printable(up.program().output());
    expect_printable(up.program().errors());
    EXPECT_NE(up.program().output().find("wi ld"), std::string::npos) << up.program().output();
}

}  // namespace
}  // namespace vigil::tests
