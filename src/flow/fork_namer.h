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

namespace vigil::flow {

class ForkNamer {
 public:
    using Handler = std::function<void(const model::Event&)>;

    static constexpr uint64_t patience_ns = 200'000'000;
    static constexpr size_t capacity = 65'536;  // held at once; beyond, the oldest goes as it is

    // Gets each fork once, with its final name. To be set before the first event.
    void set_handler(Handler named) { named_ = std::move(named); }

    // Any event, in order. Forks of processes are taken; the caller must not use them further.
    // True if it was taken.
    bool take(const model::Event& event);

    // Time has come to `boot_ns`: lets go of forks that are older than the patience.
    void advance(uint64_t boot_ns);

    // Lets go of all.
    void flush();

    size_t held() const { return waiting_.size(); }
    // Time of the oldest fork that is held; UINT64_MAX if none is.
    uint64_t oldest_boot_ns();

 private:
    struct Waiting {
        model::Event event;
        uint64_t ticket;
    };
    struct Turn {
        uint32_t pid;
        uint64_t ticket;
        uint64_t boot_ns;
    };

    void release(uint32_t pid, const model::Comm* comm);
    void drop_stale_turns();
    void release_oldest();

    Handler named_;
    std::unordered_map<uint32_t, Waiting> waiting_;  // by pid
    std::deque<Turn> turns_;  // in order of time; a turn whose ticket is gone is stale
    uint64_t next_ticket_ = 0;
};

}  // namespace vigil::flow
