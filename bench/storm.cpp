// SPDX-License-Identifier: Apache-2.0
// Loads of known size for measurements: prints what it did as key=value.
//
//   storm fork WORKERS TOTAL     each child calls _exit at once
//   storm spawn WORKERS TOTAL    posix_spawn of /bin/true
//   storm signal TOTAL           SIGUSR1 to a process that ignores nothing and handles it
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

void fork_children(long count) {
    for (long i = 0; i < count; i++) {
        const pid_t pid = ::fork();
        if (pid == 0) {
            ::_exit(0);
        }
        if (pid < 0 || ::waitpid(pid, nullptr, 0) != pid) {
            std::perror("fork");
            ::_exit(1);
        }
    }
}

void spawn_children(long count) {
    char name[] = "/bin/true";
    char* argv[] = {name, nullptr};
    for (long i = 0; i < count; i++) {
        pid_t pid = 0;
        if (::posix_spawn(&pid, name, nullptr, nullptr, argv, nullptr) != 0 ||
            ::waitpid(pid, nullptr, 0) != pid) {
            std::perror("posix_spawn");
            ::_exit(1);
        }
    }
}

void send_signals(long count) {
    // Blocked until the target has its handler: else the first one may kill it, and the rest go to
    // a dead process, which costs nothing.
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    ::sigprocmask(SIG_BLOCK, &mask, nullptr);
    const pid_t target = ::fork();
    if (target == 0) {
        std::signal(SIGUSR1, [](int) {});
        ::sigprocmask(SIG_UNBLOCK, &mask, nullptr);
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

void run_workers(long workers, long total, void (*work)(long)) {
    std::vector<pid_t> pids;
    for (long i = 0; i < workers; i++) {
        const pid_t pid = ::fork();
        if (pid == 0) {
            work(total / workers);
            ::_exit(0);
        }
        pids.push_back(pid);
    }
    for (const pid_t pid : pids) {
        int status = 0;
        ::waitpid(pid, &status, 0);
        if (status != 0) {
            std::exit(1);
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    const bool signals = argc == 3 && std::strcmp(argv[1], "signal") == 0;
    const bool forks = argc == 4 && std::strcmp(argv[1], "fork") == 0;
    const bool spawns = argc == 4 && std::strcmp(argv[1], "spawn") == 0;
    if (!signals && !forks && !spawns) {
        std::fprintf(stderr, "usage: storm fork|spawn WORKERS TOTAL | storm signal TOTAL\n");
        return 2;
    }
    const auto begin = std::chrono::steady_clock::now();
    if (signals) {
        send_signals(std::atol(argv[2]));
    } else {
        run_workers(std::atol(argv[2]), std::atol(argv[3]), forks ? fork_children : spawn_children);
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::printf("%s seconds=%.3f\n", argv[1], took.count());
}
