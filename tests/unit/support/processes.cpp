// SPDX-License-Identifier: Apache-2.0
#include "support/processes.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/clock.h"

namespace vigil::test {
namespace {

struct Pipe {
    Fd read;
    Fd write;

    Pipe() {
        int ends[2] = {-1, -1};
        (void)!::pipe2(ends, O_CLOEXEC);
        read = Fd(ends[0]);
        write = Fd(ends[1]);
    }
};

bool gets_a_byte(const Fd& fd) {
    char byte = 0;
    return ::read(fd.get(), &byte, 1) == 1;
}

// The end of the test is that of its children too.
void die_with_parent() { ::prctl(PR_SET_PDEATHSIG, SIGKILL); }

[[noreturn]] void run(const std::string& file, const std::vector<std::string>& arguments,
                      const Fd& input, const Fd& output) {
    ::dup2(input.get(), STDIN_FILENO);
    ::dup2(output.get(), STDOUT_FILENO);
    std::vector<char*> pointers;
    for (const std::string& argument : arguments) {
        pointers.push_back(const_cast<char*>(argument.c_str()));
    }
    pointers.push_back(nullptr);
    ::execv(file.c_str(), pointers.data());
    ::_exit(127);
}

}  // namespace

bool becomes_true(const std::function<bool()>& condition) {
    const uint64_t deadline_ns = boot_now_ns() + 10 * ns_per_s;
    while (!condition()) {
        if (boot_now_ns() > deadline_ns) {
            return false;
        }
        ::sched_yield();
    }
    return true;
}

TempDirectory::TempDirectory() : path_("/tmp/vigil_unit_test_XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) {
        std::abort();
    }
}

TempDirectory::~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string TempDirectory::write(const std::string& name, const std::string& content,
                                 int mode) const {
    std::ofstream(path(name)) << content;
    ::chmod(path(name).c_str(), static_cast<mode_t>(mode));
    return path(name);
}

Process::Process(const std::function<void()>& first) {
    Pipe ready_pipe;
    pid_ = ::fork();
    if (pid_ == 0) {
        die_with_parent();
        first();
        (void)!::write(ready_pipe.write.get(), "", 1);
        while (true) {
            ::pause();
        }
    }
    ready_pipe.write.reset();
    ready_ = gets_a_byte(ready_pipe.read);
}

Process::Process(const std::string& file, const std::vector<std::string>& arguments) {
    Pipe input;
    Pipe output;
    pid_ = ::fork();
    if (pid_ == 0) {
        die_with_parent();
        run(file, arguments, input.read, output.write);
    }
    output.write.reset();
    ready_ = gets_a_byte(output.read);
    input_ = std::move(input.write);
}

Process::~Process() { end(); }

void Process::write(const std::string& text) const {
    (void)!::write(input_.get(), text.data(), text.size());
}

void Process::kill() {
    siginfo_t ignored{};
    ::kill(pid_, SIGKILL);
    ::waitid(P_PID, static_cast<id_t>(pid_), &ignored, WEXITED | WNOWAIT);
}

void Process::end() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }
}

}  // namespace vigil::test
