// SPDX-License-Identifier: Apache-2.0
// Gives forks the name of the command that they turn out to run.
//
// At a fork the child still carries its parent's name; a moment later it calls exec. So a fork
// is held until its process's exec (new name), its exit (inherited name) or 200 ms of event
// time, whichever comes first.
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
    static constexpr size_t capacity = 65'536;  // held at once; beyond, the oldest goes as it is

    // Gets each fork once, with its final name. To be set before the first event.
    void set_handler(Handler handler) { handler_ = std::move(handler); }

    // Any event, in order. Forks of processes are taken; the caller must not use them further.
    // True if it was taken.
    bool handle(const model::Event& event);

    // Time has come to `boot_ns`: lets go of forks that are older than the patience.
    void advance(uint64_t boot_ns);

    // Lets go of all.
    void flush();

    size_t pending() const { return pending_.size(); }
    // Time of the oldest fork that is held; UINT64_MAX if none is.
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
    std::deque<Timeout> timeouts_;  // in order of time; a turn whose generation is gone is stale
    uint64_t next_generation_ = 0;
};

}  // namespace vigil::pipeline
