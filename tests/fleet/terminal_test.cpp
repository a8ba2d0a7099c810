// SPDX-License-Identifier: Apache-2.0
// A server with a console on a terminal whose shell moves it between foreground and background.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>
#include <vector>

#include "fleet.h"

namespace vigil::tests {
namespace {

// The session's leader does what a shell does for `bg` and `fg`, as it is told through a pipe; it
// reads no keys.
[[noreturn]] void be_shell(int orders, int report, const std::vector<char*>& argv) {
    std::signal(SIGTTOU, SIG_IGN);
    std::signal(SIGTSTP, SIG_IGN);
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::setpgid(0, 0);
        ::tcsetpgrp(STDIN_FILENO, ::getpid());
        std::signal(SIGTTOU, SIG_DFL);
        std::signal(SIGTSTP, SIG_DFL);
        ::execv(argv[0], argv.data());
        ::_exit(127);
    }
    (void)!::write(report, &pid, sizeof pid);
    for (char order = 0; ::read(orders, &order, 1) == 1;) {
        if (order == 's') {  // Ctrl-Z has stopped it
            int status = 0;
            ::waitpid(pid, &status, WUNTRACED);
        }
        ::tcsetpgrp(STDIN_FILENO, order == 'f' ? pid : ::getpgrp());
        ::kill(-pid, SIGCONT);
        (void)!::write(report, &order, 1);
    }
    ::kill(pid, SIGKILL);
    ::_exit(0);
}

class TerminalServer {
 public:
    TerminalServer() {
        write_file(directory_.path() + "/rules.json", "[]");
        words_ = {vigil_path(), "server",
                  "-c",         directory_.path() + "/rules.json",
                  "-l",         directory_.path() + "/events.log",
                  "--listen",   "127.0.0.1:0",
                  "--control",  control()};
        std::vector<char*> argv;
        for (std::string& word : words_) {
            argv.push_back(word.data());
        }
        argv.push_back(nullptr);
        int orders[2];
        int report[2];
        EXPECT_EQ(::pipe2(orders, O_CLOEXEC), 0);
        EXPECT_EQ(::pipe2(report, O_CLOEXEC), 0);
        shell_ = ::forkpty(&terminal_, nullptr, nullptr, nullptr);
        if (shell_ == 0) {
            ::close(orders[1]);  // else the shell would never see the end of its orders
            ::close(report[0]);
            be_shell(orders[0], report[1], argv);
        }
        ::close(orders[0]);
        ::close(report[1]);
        orders_ = orders[1];
        report_ = report[0];
        EXPECT_EQ(::read(report_, &pid_, sizeof pid_), static_cast<ssize_t>(sizeof pid_));
        expect_shown("vigil>");
    }
    ~TerminalServer() {
        ::close(orders_);
        ::waitpid(shell_, nullptr, 0);
        ::close(terminal_);
        ::close(report_);
    }

    std::string control() const { return directory_.path() + "/control"; }
    void type(const std::string& keys) const {
        EXPECT_EQ(::write(terminal_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
    }
    void order(char what) const {
        EXPECT_EQ(::write(orders_, &what, 1), 1);
        char done = 0;
        EXPECT_EQ(::read(report_, &done, 1), 1);
    }
    // Reads until the text stands on the screen behind what was looked for before.
    void expect_shown(const std::string& text) {
        wait_until(
            [&] {
                std::array<char, 4096> bytes{};
                pollfd poll{terminal_, POLLIN, 0};
                if (::poll(&poll, 1, 0) > 0) {
                    const ssize_t got = ::read(terminal_, bytes.data(), bytes.size());
                    screen_.append(bytes.data(), got > 0 ? static_cast<size_t>(got) : 0);
                }
                return screen_.find(text) != std::string::npos;
            },
            text.c_str());
        screen_.erase(0, screen_.find(text));
    }
    void expect_serving() const {
        EXPECT_EQ(run_vigil({"ctl", "--control", control(), "stats"}).exit_code, 0);
        const std::string stat = read_text("/proc/" + std::to_string(pid_) + "/stat");
        EXPECT_NE(stat.substr(stat.rfind(')') + 2, 1), "T") << "it is stopped";
    }

 private:
    TempDirectory directory_;
    Strings words_;
    pid_t shell_ = -1;
    pid_t pid_ = -1;
    int terminal_ = -1;
    int orders_ = -1;
    int report_ = -1;
    std::string screen_;
};

TEST(Terminal, NeverStopsTheServer) {
    TerminalServer server;
    server.type("stats\r");
    server.expect_shown("connections_now");
    server.type("\x1a");
    server.order('s');
    server.expect_serving();
    server.type("typed ahead\n");
    server.expect_serving();
    ::usleep(600'000);
    server.expect_serving();
    server.order('f');
    server.expect_shown("no command typed");
    server.expect_serving();
    server.order('b');
    server.expect_serving();
    server.order('f');
    server.expect_serving();
    ::usleep(600'000);
    server.type("agents\r");
    server.expect_shown("agents connected");
}

}  // namespace
}  // namespace vigil::tests
