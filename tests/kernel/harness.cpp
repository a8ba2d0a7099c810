// SPDX-License-Identifier: Apache-2.0
#include "harness.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <regex>
#include <set>
#include <thread>

#include "processes.h"

namespace vigil::tests {
namespace {

using Clock = std::chrono::steady_clock;

// A guest may be a hundred times slower than the host.
constexpr auto timeout = std::chrono::seconds(60);

std::array<Fd, 2> make_pipe() {
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    return {Fd(ends[0]), Fd(ends[1])};
}

// Otherwise a test that crashes leaves it running for ever.
void die_with(pid_t test) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != test) {
        ::_exit(125);
    }
}

[[noreturn]] void become(pid_t test, int program, int output, int errors,
                         const std::vector<char*>& argv, const Program::Options& options) {
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(errors, STDERR_FILENO);
    const pid_t pid = ::getpid();
    if (options.before_exec) {
        options.before_exec();
    }
    if (::getpid() == pid) {  // before_exec may have forked: the child of the child goes on
        die_with(test);       // here, because a change of the user would clear it
    }
    // By descriptor: a test may have dropped the right to reach the path.
    ::syscall(SYS_execveat, program, "", argv.data(), environ, AT_EMPTY_PATH);
    ::dprintf(STDERR_FILENO, "exec of vigil: %s\n", std::strerror(errno));
    ::_exit(126);
}

}  // namespace

std::string vigil_path() {
    const char* path = std::getenv("VIGIL");
    return path != nullptr ? path : VIGIL_BUILT_AT;
}

int scaled(int count) {
    const char* percent = std::getenv("VIGIL_TEST_SCALE");
    return percent == nullptr ? count : std::max(1, count * std::atoi(percent) / 100);
}

int kernel_major() {
    utsname names{};
    ::uname(&names);
    return std::atoi(names.release);
}

bool wait_until(const std::function<bool()>& condition, const std::string& what) {
    const auto deadline = Clock::now() + timeout;
    while (!condition()) {
        if (Clock::now() > deadline) {
            ADD_FAILURE() << "never came: " << what;
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

Program::Program(const Strings& arguments, Options options) : output_kind_(options.output) {
    const std::string path = options.path.empty() ? vigil_path() : options.path;
    const Fd program(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!program) {
        ADD_FAILURE() << path << ": " << std::strerror(errno);
    }
    std::vector<char*> argv{options.called_as.data()};
    for (const std::string& argument : arguments) {
        argv.push_back(const_cast<char*>(argument.c_str()));
    }
    argv.push_back(nullptr);
    auto errors = make_pipe();
    std::array<Fd, 2> output;
    if (output_kind_ == Output::pipe) {
        output = make_pipe();
    } else {
        output[1] = Fd(::memfd_create("vigil's output", MFD_CLOEXEC));
        output[0] = Fd(::fcntl(output[1].get(), F_DUPFD_CLOEXEC, 0));
    }
    const pid_t test = ::getpid();
    pid_ = ::fork();
    if (pid_ == 0) {
        become(test, program.get(), output[1].get(), errors[1].get(), argv, options);
    }
    process_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    output_fd_ = std::move(output[0]);
    errors_fd_ = std::move(errors[0]);
}

Program::~Program() {
    if (!ended_ && pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
}

void Program::send(int signal) const { ::kill(pid_, signal); }

void Program::read_new() {
    pump(0);
    read_file();
}

std::string Program::pop_lines() {
    read_new();
    std::string lines = output_.substr(0, output_.rfind('\n') + 1);
    popped_ += lines.size();
    output_ = output_.substr(lines.size());
    return lines;
}

void Program::undo_pop_lines() {
    popped_ = 0;
    output_.clear();
    read_file();
}

// Reads new output. False if the program has ended.
bool Program::pump(int timeout_ms) {
    const bool piped = output_kind_ == Output::pipe;
    std::array<pollfd, 3> polled{pollfd{errors_fd_.get(), POLLIN, 0},
                                 pollfd{piped ? output_fd_.get() : -1, POLLIN, 0},
                                 pollfd{process_.get(), POLLIN, 0}};
    ::poll(polled.data(), polled.size(), timeout_ms);
    std::array<char, 65'536> bytes;
    const auto take = [&](const pollfd& from, Fd& fd, std::string& into) {
        if ((from.revents & (POLLIN | POLLHUP)) == 0) {
            return false;
        }
        const ssize_t got = ::read(fd.get(), bytes.data(), bytes.size());
        if (got <= 0) {
            fd.reset();
            return false;
        }
        into.append(bytes.data(), static_cast<size_t>(got));
        return true;
    };
    bool took = take(polled[0], errors_fd_, errors_);
    took |= piped && take(polled[1], output_fd_, output_);
    return took || (polled[2].revents & POLLIN) == 0;
}

void Program::read_file() {
    if (output_kind_ == Output::pipe) {
        return;
    }
    std::array<char, 65'536> bytes;
    ssize_t got = 0;
    while ((got = ::pread(output_fd_.get(), bytes.data(), bytes.size(),
                          static_cast<off_t>(popped_ + output_.size()))) > 0) {
        output_.append(bytes.data(), static_cast<size_t>(got));
    }
}

bool Program::wait_for(const std::string& text, const std::string& where) {
    const auto deadline = Clock::now() + timeout;
    while (where.find(text) == std::string::npos) {
        if (!pump(100)) {
            while (pump(0)) {
            }
            read_file();
            break;
        }
        if (&where == &output_) {
            read_file();
        }
        if (Clock::now() > deadline) {
            break;
        }
    }
    if (where.find(text) != std::string::npos) {
        return true;
    }
    ADD_FAILURE() << "vigil did not print '" << text << "'; on stderr: " << errors_;
    return false;
}

bool Program::wait_for_error(const std::string& text) { return wait_for(text, errors_); }
bool Program::wait_for_output(const std::string& text) { return wait_for(text, output_); }

int Program::wait() {
    if (ended_) {
        return exit_code_;
    }
    const auto deadline = Clock::now() + timeout;
    while (pump(100)) {
        if (Clock::now() > deadline) {
            ADD_FAILURE() << "vigil does not end; on stderr: " << errors_;
            ::kill(pid_, SIGKILL);
            break;
        }
    }
    int status = 0;
    ::waitpid(pid_, &status, 0);
    while (pump(0)) {
    }
    read_file();
    ended_ = true;
    exit_code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return exit_code_;
}

std::map<std::string, EventTotals> parse_totals(const std::string& errors) {
    static const std::regex form(
        R"(vigil: (\w+) seen=(\d+) filtered=(\d+) delivered=(\d+) dropped=(\d+) undelivered=(\d+)\n)");
    std::map<std::string, EventTotals> totals;
    for (std::sregex_iterator it(errors.begin(), errors.end(), form), end; it != end; ++it) {
        const auto number = [&](size_t i) { return std::stoull((*it)[i]); };
        totals[(*it)[1]] = {number(2), number(3), number(4), number(5), number(6)};
    }
    return totals;
}

namespace {

bool user_space_filters(const Strings& arguments) {
    static const std::set<std::string> options{"-c", "-p", "-u", "-n", "--sender", "--target"};
    return std::any_of(arguments.begin(), arguments.end(),
                       [](const std::string& word) { return options.count(word) != 0; });
}

}  // namespace

TraceRun::TraceRun(Strings arguments, Program::Options options)
    : sequences_(user_space_filters(arguments) ? Sequences::with_gaps : Sequences::complete),
      program_(
          [&] {
              arguments.insert(arguments.begin(), {"trace", "-o", "json"});
              return arguments;
          }(),
          std::move(options)) {
    program_.wait_for_error("vigil: tracing ");
}

Trace TraceRun::end() {
    program_.send(SIGINT);
    return wait();
}

Trace TraceRun::wait() {
    program_.wait();
    return read_trace(program_, sequences_);
}

namespace {

std::unique_ptr<TraceRun> shared;

// The ring keeps the order: once this process is reported, all earlier events have been.
std::vector<Event> pop_until_now() {
    const pid_t marker = start([] { return 0; });
    wait_for(marker);
    std::vector<Event> events;
    wait_until(
        [&] {
            for (Event& event : parse_lines(shared->program().pop_lines())) {
                events.push_back(std::move(event));
            }
            return std::any_of(events.rbegin(), events.rend(), [&](const Event& event) {
                return event.kind() == "exit" && event.pid() == marker;
            });
        },
        "the exit of a process in the shared trace; on stderr: " + shared->program().errors());
    return events;
}

}  // namespace

TraceWindow::TraceWindow() {
    if (!shared) {
        shared = std::make_unique<TraceRun>();
    }
    pop_until_now();
}

Trace TraceWindow::end() {
    Trace trace;
    trace.events = pop_until_now();
    return trace;
}

void TraceWindow::end_all() {
    if (shared) {
        shared->program().undo_pop_lines();
        EXPECT_EQ(shared->end().exit_code, 0);
        shared.reset();
    }
}

Strings own_tree() { return {"--tree", std::to_string(::getpid())}; }

}  // namespace vigil::tests
