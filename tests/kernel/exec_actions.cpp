// SPDX-License-Identifier: Apache-2.0
#include "exec_actions.h"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string_view>
#include <thread>
#include <vector>

#include "processes.h"
#include "sockets.h"

namespace vigil::tests {
namespace {

// Returns at the end of standard input.
void wait_for_input() {
    char byte = 0;
    while (::read(STDIN_FILENO, &byte, 1) == 1) {
    }
}

void run_threads(int count) {
    std::vector<std::thread> threads;
    for (int i = 0; i < count; i++) {
        threads.emplace_back([] {});
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
}

}  // namespace

int run_exec_action(int count, char** arguments) {
    const std::string_view name = count > 0 ? arguments[0] : "";
    const int number = count > 1 ? std::atoi(arguments[1]) : 0;
    if (name == "exit") {
        return number;
    }
    if (name == "read") {
        wait_for_input();
        return number;
    }
    if (name == "kill") {
        return ::kill(number, count > 2 ? std::atoi(arguments[2]) : SIGKILL);
    }
    if (name == "touch") {
        touch_mb(static_cast<size_t>(number));
        return 0;
    }
    if (name == "send") {
        send_bytes(Fd(count > 2 ? std::atoi(arguments[2]) : -1), static_cast<size_t>(number), 100);
        return 0;
    }
    if (name == "threads") {
        run_threads(number);
        return 0;
    }
    if (name == "storm") {
        for (int i = 0; i < number; i++) {
            wait_for(start([] { return 0; }));
        }
        return 0;
    }
    return 126;
}

}  // namespace vigil::tests
