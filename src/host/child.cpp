// SPDX-License-Identifier: Apache-2.0
#include "host/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "host/hints.h"

namespace vigil::host {
namespace {

struct Pipe {
    Fd read;
    Fd write;
};

Result<Pipe> make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return system_failure("pipe", errno);
    }
    return Pipe{Fd(ends[0]), Fd(ends[1])};
}

// Runs in the child between fork and exec: only async-signal-safe calls.
[[noreturn]] void wait_and_exec(int gate, int exec_error, char* const* argv) {
    char go = 0;
    if (::read(gate, &go, 1) != 1) {
        ::_exit(127);
    }
    std::signal(SIGPIPE, SIG_DFL);
    std::signal(SIGXFSZ, SIG_DFL);
    if (::isatty(STDOUT_FILENO) == 0) {
        ::dup2(STDERR_FILENO, STDOUT_FILENO);
    }
    ::execvp(argv[0], argv);
    const int error = errno;
    (void)!::write(exec_error, &error, sizeof error);
    ::_exit(127);
}

}  // namespace

Child::Child(pid_t pid, Fd gate, Fd exec_error)
    : pid_(pid), gate_(std::move(gate)), exec_error_(std::move(exec_error)) {}

Result<Child> Child::start_suspended(const std::vector<std::string>& command) {
    TRY_ASSIGN(Pipe gate, make_pipe());
    TRY_ASSIGN(Pipe exec_error, make_pipe());
    std::vector<char*> argv;
    argv.reserve(command.size() + 1);
    for (const std::string& argument : command) {
        argv.push_back(const_cast<char*>(argument.c_str()));
    }
    argv.push_back(nullptr);
    std::signal(SIGCHLD, SIG_DFL);  // if it were ignored, there would be no exit code
    const pid_t pid = ::fork();
    if (pid < 0) {
        return system_failure("fork", errno);
    }
    if (pid == 0) {
        ::close(gate.write.get());  // otherwise the gate would never report the parent's end
        wait_and_exec(gate.read.get(), exec_error.write.get(), argv.data());
    }
    return Child(pid, std::move(gate.write), std::move(exec_error.read));
}

Result<int> Child::resume() {
    const char go = 1;
    if (::write(gate_.get(), &go, 1) != 1) {
        return Error{ErrorCode::failed,
                     fmt::format("starting the command: {}", std::strerror(errno))};
    }
    int error = 0;
    const ssize_t got = ::read(exec_error_.get(), &error, sizeof error);
    return got == sizeof error ? error : 0;  // end of file: exec closed the pipe
}

std::optional<int> Child::exit_code() {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) {
        return std::nullopt;
    }
    ended_ = true;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void Child::send(int signal) const {
    if (!ended_) {
        ::kill(pid_, signal);
    }
}

}  // namespace vigil::host
