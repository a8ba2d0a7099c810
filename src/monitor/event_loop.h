// SPDX-License-Identifier: Apache-2.0
// The loop of every command that monitors: sweeps, the kernel's events, signals, and what else the
// command waits for. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>

#include "base/fd.h"
#include "base/result.h"
#include "monitor/process_monitor.h"

namespace vigil::monitor {

// What a command does in the loop. All calls come on its thread.
class LoopClient {
 public:
    virtual ~LoopClient() = default;

    virtual void on_hangup() {}                              // SIGHUP
    virtual void on_second() {}                              // about once a second
    virtual void on_iteration() {}                           // after each turn of the loop
    virtual void on_message(const std::string& /*text*/) {}  // for the user: one sentence
};

class EventLoop {
 public:
    // Both must outlive it.
    EventLoop(ProcessMonitor& monitor, LoopClient& client);
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;

    // Blocks SIGINT, SIGTERM, SIGQUIT and SIGHUP for this thread and those that it starts later,
    // and reads them from a descriptor.
    Result<void> open();

    // `handler` is called when epoll(7) reports `events` of the descriptor. False where it can't be
    // polled, as a plain file.
    bool add(int fd, uint32_t events, std::function<void()> handler);

    // Events are read within 50 ms, not only each second: for processes that are gone soon.
    void set_low_latency();

    // Until a signal asks for the end, or stop(). Then the monitor is finished.
    Result<void> run();
    void stop() { stop_ = true; }

 private:
    Result<void> run_due_work();
    void wait(int timeout_ms);
    void read_signals();
    void drain();
    void on_reader_woken();

    ProcessMonitor* monitor_;
    LoopClient* client_;
    std::string no_kernel_sweep_;  // reported already
    Fd epoll_;
    Fd signals_;
    std::unordered_map<int, std::function<void()>> handlers_;
    uint64_t next_tick_ns_ = 0;
    uint64_t next_second_ns_ = 0;
    uint64_t next_drain_ns_ = UINT64_MAX;
    uint64_t last_drain_ns_ = 0;
    bool low_latency_ = false;
    bool stop_ = false;
};

}  // namespace vigil::monitor
