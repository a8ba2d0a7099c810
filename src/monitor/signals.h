// SPDX-License-Identifier: Apache-2.0
// Signals as a pollable descriptor.
#pragma once

#include <sys/signalfd.h>

#include <cerrno>
#include <csignal>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "host/hints.h"

namespace vigil::monitor {

// Blocks these signals for the calling thread and threads that it starts later. Returns a
// nonblocking descriptor that reads them (signalfd(2)).
inline Result<Fd> block_signals(const std::vector<int>& numbers) {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : numbers) {
        sigaddset(&set, number);
    }
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    Fd signals(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!signals) {
        return host::system_failure("preparing to wait", errno);
    }
    return signals;
}

}  // namespace vigil::monitor
