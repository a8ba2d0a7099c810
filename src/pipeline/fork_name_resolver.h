// SPDX-License-Identifier: Apache-2.0
// Sets the name of a fork event to that of the command that the child then runs.
//
// At a fork the child still has its parent's name; usually it calls exec a moment later. So a fork
// is held until the child's exec (new name), its exit (inherited name) or 200 ms of event time,
// whichever comes first.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <unordered_map>
#include <utility>

#include "model/event.h"

namespace vigil::pipeline {

class ForkNameResolver {
 public:
    using Handler = std::function<void(const model::Event&)>;

    static constexpr uint64_t timeout_ns = 200'000'000;
    // max forks held; beyond it the oldest is emitted with its present name
    static constexpr size_t capacity = 65'536;

    // Called once per fork, with its final name. Set it before the first event.
    void set_handler(Handler handler) { handler_ = std::move(handler); }

    // Call it for every event, in order. Takes forks of processes and returns true; the caller must
    // not use a taken event further.
    bool handle(const model::Event& event);

    // Sets the current time to `boot_ns` and emits the forks that were held longer than the
    // timeout.
    void advance(uint64_t boot_ns);

    // Emits all held forks.
    void flush();

    size_t pending() const { return pending_.size(); }
    // Time of the oldest held fork; UINT64_MAX if there is none.
    uint64_t oldest_boot_ns();

 private:
    struct PendingFork {
        model::Event event;
        uint64_t generation;
    };
    struct Timeout {
        uint32_t pid;
        uint64_t generation;
        uint64_t boot_ns;
    };

    void emit(uint32_t pid, const model::Comm* comm);
    void drop_stale_timeouts();
    void emit_oldest();

    Handler handler_;
    std::unordered_map<uint32_t, PendingFork> pending_;  // by pid
    // in order of time; an entry whose generation no longer exists is stale
    std::deque<Timeout> timeouts_;
    uint64_t next_generation_ = 0;
};

}  // namespace vigil::pipeline
