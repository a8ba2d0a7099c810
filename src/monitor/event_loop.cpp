// SPDX-License-Identifier: Apache-2.0
#include "monitor/event_loop.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "base/clock.h"
#include "host/hints.h"
#include "monitor/signals.h"

namespace vigil::monitor {
namespace {

// Events come in bursts: all within this time are read together.
constexpr uint64_t burst_ns = 50 * ns_per_ms;

// Rounded up, for epoll_wait(2).
int ms_until(uint64_t then_ns) {
    const uint64_t now_ns = boot_now_ns();
    return now_ns < then_ns ? static_cast<int>((then_ns - now_ns) / ns_per_ms + 1) : 0;
}

}  // namespace

EventLoop::EventLoop(ProcessMonitor& monitor, LoopClient& client)
    : monitor_(&monitor), client_(&client), no_kernel_sweep_(monitor.sampler().reason()) {}

Result<void> EventLoop::open() {
    TRY_ASSIGN(signals_, block_signals({SIGINT, SIGTERM, SIGQUIT, SIGHUP}));
    epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
    capture::RingReader* reader = monitor_->reader();
    if (!epoll_ || !add(signals_.get(), EPOLLIN, [this] { read_signals(); }) ||
        (reader != nullptr &&
         !add(reader->wake_fd(), EPOLLIN | EPOLLET, [this] { on_reader_woken(); }))) {
        return host::system_failure("preparing to wait", errno);
    }
    next_tick_ns_ = boot_now_ns();
    return {};
}

bool EventLoop::add(int fd, uint32_t events, std::function<void()> handler) {
    epoll_event event{.events = events, .data = {.fd = fd}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
        return false;
    }
    handlers_[fd] = std::move(handler);
    return true;
}

Result<void> EventLoop::run() {
    while (!stop_) {
        TRY(run_due_work());
        wait(ms_until(std::min(
            {next_tick_ns_, monitor_->early_sweep_ns(), next_second_ns_, next_drain_ns_})));
    }
    monitor_->finish();
    return {};
}

void EventLoop::wait(int timeout_ms) {
    std::array<epoll_event, 8> ready{};
    const int count =
        ::epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), timeout_ms);
    for (int i = 0; i < count; i++) {
        handlers_.at(ready[static_cast<size_t>(i)].data.fd)();
    }
}

Result<void> EventLoop::run_due_work() {
    const uint64_t now_ns = boot_now_ns();
    if (now_ns >= next_second_ns_) {
        next_second_ns_ = now_ns + ns_per_s;
        drain();  // exits must not wait for a distant tick
        client_->on_second();
    } else if (now_ns >= next_drain_ns_) {
        drain();
    }
    if (now_ns >= next_tick_ns_) {
        // Keep the average interval; missed ticks (after a suspend) are not made up.
        const uint64_t interval_ns = monitor_->interval_ns();
        next_tick_ns_ = std::max(next_tick_ns_ + interval_ns, now_ns + interval_ns / 2);
        TRY(monitor_->tick());
    } else if (now_ns >= monitor_->early_sweep_ns()) {
        TRY(monitor_->tick());
    }
    if (const std::string& reason = monitor_->sampler().reason(); reason != no_kernel_sweep_) {
        no_kernel_sweep_ = reason;
        client_->on_message("sampling /proc, which costs more: " + reason);
    }
    client_->on_iteration();
    return {};
}

void EventLoop::set_low_latency() {
    low_latency_ = true;
    monitor_->set_low_latency();
}

// After events, more may have come without waking the reader: read once more.
void EventLoop::drain() {
    const bool any = monitor_->drain();
    last_drain_ns_ = boot_now_ns();
    next_drain_ns_ = low_latency_ && any ? last_drain_ns_ + burst_ns : UINT64_MAX;
}

void EventLoop::on_reader_woken() {
    if (!low_latency_ || boot_now_ns() >= last_drain_ns_ + burst_ns) {
        drain();
    } else {
        next_drain_ns_ = last_drain_ns_ + burst_ns;
    }
}

void EventLoop::read_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP) {
            client_->on_hangup();
        } else {
            stop_ = true;
        }
    }
}

}  // namespace vigil::monitor
