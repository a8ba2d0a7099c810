// SPDX-License-Identifier: Apache-2.0
// The loop of every command that watches: ticks, the kernel's events and signals; what else the
// command waits for joins in.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>

#include "agent/watcher.h"
#include "apps/observation.h"
#include "base/fd.h"
#include "base/result.h"

namespace vigil::apps {

struct MonitorHandlers {
    agent::Watcher::Handler event;                 // violations, losses, deaths
    std::function<void()> hangup;                  // SIGHUP
    std::function<void()> second;                  // about once a second
    std::function<void()> round;                   // after whatever was done
    std::function<void(const std::string&)> word;  // to the user: one sentence
};

class Monitor {
 public:
    // The observation must outlive it.
    Monitor(Observation& observation, uint64_t interval_ns, MonitorHandlers handlers);
    Monitor(const Monitor&) = delete;
    Monitor& operator=(const Monitor&) = delete;

    // Blocks SIGINT, SIGTERM, SIGQUIT and SIGHUP for this thread and those that it starts later,
    // and takes them from a descriptor.
    Result<void> open();

    // `handler` is called when epoll(7) reports `events` of the descriptor. False where it can't be
    // watched, as a plain file.
    bool add(int fd, uint32_t events, std::function<void()> handler);

    // Events are read within 50 ms, not only each second: for what is gone soon.
    void be_prompt();

    // Until a signal asks for the end, or stop().
    Result<void> run();
    void stop() { stop_ = true; }

    agent::Watcher& watcher() { return watcher_; }
    const agent::Watcher& watcher() const { return watcher_; }

 private:
    Result<void> do_what_is_due();
    void wait(int timeout_ms);
    void take_signals();
    void drain();
    void look_soon();

    capture::Reader* reader_;
    uint64_t interval_ns_;
    MonitorHandlers handlers_;
    agent::Watcher watcher_;
    std::string no_kernel_sweep_;  // said already
    Fd epoll_;
    Fd signals_;
    std::unordered_map<int, std::function<void()>> joined_;
    uint64_t next_tick_ns_ = 0;
    uint64_t next_second_ns_ = 0;
    uint64_t next_drain_ns_ = UINT64_MAX;
    uint64_t last_drain_ns_ = 0;
    bool is_prompt_ = false;
    bool stop_ = false;
};

}  // namespace vigil::apps
