// SPDX-License-Identifier: Apache-2.0
// The loop of every command that monitors: sweeps, kernel events, signals, and further descriptors
// of the command. Single-threaded.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>

#include "base/fd.h"
#include "base/result.h"
#include "monitor/process_monitor.h"

namespace vigil::monitor {

// Callbacks to the command. All come on the loop's thread.
class LoopClient {
 public:
    virtual ~LoopClient() = default;

    virtual void on_hangup() {}                              // SIGHUP
    virtual void on_second() {}                              // about once a second
    virtual void on_iteration() {}                           // after each iteration
    virtual void on_message(const std::string& /*text*/) {}  // a sentence for the user
};

class EventLoop {
 public:
    // Both must outlive the loop.
    EventLoop(ProcessMonitor& monitor, LoopClient& client);
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;

    // Blocks SIGINT, SIGTERM, SIGQUIT and SIGHUP for this thread and threads that it starts later,
    // and reads them from a descriptor.
    Result<void> open();

    // `handler` is called when epoll(7) reports `events` of the descriptor. False if it can't be
    // polled, like a regular file.
    bool add(int fd, uint32_t events, std::function<void()> handler);

    // Reads events within 50 ms, not only each second, for short-lived processes.
    void set_low_latency();

    // Runs until a termination signal or stop(), then finishes the monitor.
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
    std::string no_kernel_sweep_;  // last reported reason
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
