// SPDX-License-Identifier: Apache-2.0
// Loads of known size for measurements: prints the number of events and the time as key=value.
//
//   event_load fork WORKERS TOTAL                        each child calls _exit at once
//   event_load spawn WORKERS TOTAL [PROGRAM]             posix_spawn of /bin/true
//   event_load rate WORKERS PER-SECOND SECONDS [PROGRAM] the same at a steady rate
//   event_load signal TOTAL                              SIGUSR1 to a child that handles it
//
// The sums include the workers and the program itself, except its own fork by its parent; SIGCHLD
// is not counted. late_ms: max delay behind the rate.
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <new>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Made {
    long forks = 0;
    long execs = 1;
    long exits = 1;
    long signals = 0;
};

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::_Exit(1);
}

void wait_for(pid_t pid) {
    int status = 0;
    if (pid < 0 || ::waitpid(pid, &status, 0) != pid || status != 0) {
        fail("child");
    }
}

void fork_child() {
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::_exit(0);
    }
    wait_for(pid);
}

void spawn_child(std::string& program) {
    char* argv[] = {program.data(), nullptr};
    pid_t pid = 0;
    errno = ::posix_spawn(&pid, program.c_str(), nullptr, nullptr, argv, nullptr);
    if (errno != 0) {
        fail(program.c_str());
    }
    wait_for(pid);
}

// Runs `work` in each of `workers` processes; `work` gets the worker's index.
void run_workers(long workers, const std::function<void(long)>& work) {
    std::vector<pid_t> pids;
    for (long i = 0; i < workers; i++) {
        const pid_t pid = ::fork();
        if (pid == 0) {
            work(i);
            ::_exit(0);
        }
        pids.push_back(pid);
    }
    std::for_each(pids.begin(), pids.end(), wait_for);
}

// Workers take turns, at times that are fixed at the start: a late worker catches up. Returns the
// max delay.
std::chrono::nanoseconds run_at_rate(long workers, long per_second, long seconds,
                                     std::string& program) {
    using Late = std::atomic<int64_t>;
    void* shared =
        ::mmap(nullptr, sizeof(Late), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        fail("mmap");
    }
    auto* late_ns = new (shared) Late(0);
    const auto begin = Clock::now();
    run_workers(workers, [&](long worker) {
        for (long i = worker; i < per_second * seconds; i += workers) {
            const auto due = begin + std::chrono::nanoseconds(i * 1'000'000'000 / per_second);
            std::this_thread::sleep_until(due);
            const std::chrono::nanoseconds late = Clock::now() - due;
            int64_t known = *late_ns;
            while (known < late.count() && !late_ns->compare_exchange_weak(known, late.count())) {
            }
            spawn_child(program);
        }
    });
    return std::chrono::nanoseconds(*late_ns);
}

void send_signals(long count) {
    std::signal(SIGUSR1, [](int) {});  // before the fork, so that the target inherits it
    const pid_t target = ::fork();
    if (target == 0) {
        while (true) {
            ::pause();
        }
    }
    for (long i = 0; i < count; i++) {
        ::kill(target, SIGUSR1);
    }
    ::kill(target, SIGKILL);
    ::waitpid(target, nullptr, 0);
}

int usage() {
    std::fprintf(
        stderr,
        "usage: event_load fork WORKERS TOTAL | event_load spawn WORKERS TOTAL [PROGRAM] |\n"
        "       event_load rate WORKERS PER-SECOND SECONDS [PROGRAM] | event_load signal TOTAL\n");
    return 2;
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.size() < 2) {
        return usage();
    }
    const std::string& load = words[0];
    const auto number = [&](size_t i) { return std::atol(words.at(i).c_str()); };
    const auto program = [&](size_t i) { return i < words.size() ? words[i] : "/bin/true"; };
    Made made;
    std::chrono::nanoseconds late{0};
    const auto begin = Clock::now();
    if (load == "signal" && words.size() == 2) {
        send_signals(number(1));
        made.signals = number(1) + 1;
        made.forks = 1;
        made.exits += 1;
    } else if (load == "rate" && (words.size() == 4 || words.size() == 5)) {
        std::string path = program(4);
        late = run_at_rate(number(1), number(2), number(3), path);
        made.execs += number(2) * number(3);
        made.forks = number(1) + number(2) * number(3);
        made.exits += made.forks;
    } else if ((load == "fork" && words.size() == 3) ||
               (load == "spawn" && (words.size() == 3 || words.size() == 4))) {
        const long workers = number(1);
        const long each = number(2) / std::max(workers, 1L);
        std::string path = program(3);
        run_workers(workers, [&](long) {
            for (long i = 0; i < each; i++) {
                load == "fork" ? fork_child() : spawn_child(path);
            }
        });
        made.execs += load == "spawn" ? workers * each : 0;
        made.forks = workers + workers * each;
        made.exits += made.forks;
    } else {
        return usage();
    }
    const std::chrono::duration<double> took = Clock::now() - begin;
    const std::chrono::duration<double, std::milli> late_ms = late;
    std::printf("load=%s forks=%ld execs=%ld exits=%ld signals=%ld late_ms=%.3f seconds=%.6f\n",
                load.c_str(), made.forks, made.execs, made.exits, made.signals, late_ms.count(),
                took.count());
}
