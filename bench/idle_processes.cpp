// SPDX-License-Identifier: Apache-2.0
// Many idle processes to sample: idle_processes PROCESSES [THREADS-EACH]. Prints "ready" when all
// exist; they end with it, and it ends with its standard input.
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace {

[[noreturn]] void rest(long threads) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (long i = 1; i < threads; i++) {
        std::thread([] { ::pause(); }).detach();
    }
    while (true) {
        ::pause();
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2 || argc > 3) {
        std::fprintf(stderr, "usage: idle_processes PROCESSES [THREADS-EACH]\n");
        return 2;
    }
    const long processes = std::atol(argv[1]);
    const long threads = argc == 3 ? std::atol(argv[2]) : 1;
    ::signal(SIGCHLD, SIG_IGN);
    for (long i = 0; i < processes; i++) {
        const pid_t pid = ::fork();
        if (pid < 0) {
            std::perror("fork");
            return 1;
        }
        if (pid == 0) {
            rest(threads);
        }
    }
    std::printf("ready\n");
    std::fflush(stdout);
    char byte = 0;
    while (::read(STDIN_FILENO, &byte, 1) > 0) {
    }
}
