// SPDX-License-Identifier: Apache-2.0
#include "apps/monitor.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "apps/signals.h"
#include "base/clock.h"

namespace vigil::apps {
namespace {

constexpr uint64_t gather_ns = 50 * ns_per_ms;

// Rounded up, for epoll_wait(2).
int ms_until(uint64_t then_ns) {
    const uint64_t now_ns = boot_now_ns();
    return now_ns < then_ns ? static_cast<int>((then_ns - now_ns) / ns_per_ms + 1) : 0;
}

}  // namespace

Monitor::Monitor(Observation& observation, uint64_t interval_ns, MonitorHandlers handlers)
    : reader_(observation.reader()),
      interval_ns_(interval_ns),
      handlers_(std::move(handlers)),
      watcher_(observation.take_sampler(), reader_, interval_ns, handlers_.event),
      no_kernel_sweep_(watcher_.sampler().reason()) {}

Result<void> Monitor::open() {
    TRY_ASSIGN(signals_, open_signals({SIGINT, SIGTERM, SIGQUIT, SIGHUP}));
    epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll_ || !add(signals_.get(), EPOLLIN, [this] { take_signals(); }) ||
        (reader_ != nullptr &&
         !add(reader_->wake_fd(), EPOLLIN | EPOLLET, [this] { look_soon(); }))) {
        return Error{ErrorCode::failed, fmt::format("preparing to wait: {}", std::strerror(errno))};
    }
    next_tick_ns_ = boot_now_ns();
    return {};
}

bool Monitor::add(int fd, uint32_t events, std::function<void()> handler) {
    epoll_event event{.events = events, .data = {.fd = fd}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
        return false;
    }
    joined_[fd] = std::move(handler);
    return true;
}

Result<void> Monitor::run() {
    while (!stop_) {
        TRY(do_what_is_due());
        wait(ms_until(std::min({next_tick_ns_, next_second_ns_, next_drain_ns_})));
    }
    watcher_.finish();
    return {};
}

void Monitor::wait(int timeout_ms) {
    std::array<epoll_event, 8> ready{};
    const int count =
        ::epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), timeout_ms);
    for (int i = 0; i < count; i++) {
        joined_.at(ready[static_cast<size_t>(i)].data.fd)();
    }
}

Result<void> Monitor::do_what_is_due() {
    const uint64_t now_ns = boot_now_ns();
    if (now_ns >= next_second_ns_) {
        next_second_ns_ = now_ns + ns_per_s;
        drain();  // what has ended is not to wait for a tick that is far away
        handlers_.second();
    } else if (now_ns >= next_drain_ns_) {
        drain();
    }
    if (now_ns >= next_tick_ns_) {
        // On time on the average; what was missed (a suspend) is not made up for.
        next_tick_ns_ = std::max(next_tick_ns_ + interval_ns_, now_ns + interval_ns_ / 2);
        TRY(watcher_.tick());
    }
    if (const std::string& reason = watcher_.sampler().reason(); reason != no_kernel_sweep_) {
        no_kernel_sweep_ = reason;
        handlers_.word("sampling /proc, which costs more: " + reason);
    }
    handlers_.round();
    return {};
}

void Monitor::be_prompt() {
    is_prompt_ = true;
    watcher_.be_prompt();
}

// Where there was something, more may have come while nobody was to be woken: one more look.
void Monitor::drain() {
    const bool any = watcher_.drain();
    last_drain_ns_ = boot_now_ns();
    next_drain_ns_ = is_prompt_ && any ? last_drain_ns_ + gather_ns : UINT64_MAX;
}

// Events come in bunches: each bunch is one look.
void Monitor::look_soon() {
    if (!is_prompt_ || boot_now_ns() >= last_drain_ns_ + gather_ns) {
        drain();
    } else {
        next_drain_ns_ = last_drain_ns_ + gather_ns;
    }
}

void Monitor::take_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP) {
            handlers_.hangup();
        } else {
            stop_ = true;
        }
    }
}

}  // namespace vigil::apps
