// SPDX-License-Identifier: Apache-2.0
// Follows every process from its birth to its death and then tells who or what ended it: a death
// certificate (model/death.h) for each exit.
//
// Signals are told before the exit that they cause: so the last one of the exit's number that was
// delivered is the one, and whoever sent it is known as it was then, by the events before it.
#pragma once

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>

#include "history/images.h"
#include "history/life.h"
#include "host/users.h"
#include "model/death.h"
#include "model/event.h"
#include "model/signals.h"

namespace vigil::history {

// The signals that can end a process: all but those whose default is to be ignored, to stop and to
// continue (signal(7)).
constexpr model::SignalSet deadly_signals =
    ~(model::signal_bit(SIGCHLD) | model::signal_bit(SIGCONT) | model::signal_bit(SIGURG) |
      model::signal_bit(SIGWINCH) | model::signal_bit(SIGSTOP) | model::signal_bit(SIGTSTP) |
      model::signal_bit(SIGTTIN) | model::signal_bit(SIGTTOU));

class Registrar {
 public:
    // Gets an event of kind death for each process that ends. Valid during the call.
    using Handler = std::function<void(const model::Event&)>;

    explicit Registrar(Handler handler);
    Registrar(const Registrar&) = delete;
    Registrar& operator=(const Registrar&) = delete;

    // Asks /proc who lives. To be called when events have begun to be recorded, and before the
    // first is taken: then nobody is born unseen.
    void learn_living();

    // Any event, in the order of the ring; violations when they are told.
    void take(const model::Event& event);

    size_t living() const { return lives_.size(); }
    // That the living and those above them take, about.
    size_t bytes() const;

 private:
    void born(const model::Event& event);
    void replaced(const model::Event& event);
    void struck(const model::Event& event);
    void out_of_memory(const model::Event& event);
    void broke_limit(const model::Event& event);
    void ended(const model::Event& event);
    void lost(const model::Event& event);

    struct KnownLimit {
        uint64_t times_hit = 0;  // when it was last looked at
        uint64_t hit_ns = 0;     // the last time, as far as that was seen; 0: never
    };

    Life* find(uint32_t pid, uint64_t start_ns);
    PersonPtr sender_of(const model::Sender& sender);
    PersonPtr find_ended(uint32_t pid, uint64_t start_ns) const;
    bool has_ended(const model::Process& process);
    void name_limit(const std::string& cgroup, OomKill& kill);
    Life& known(const model::Process& process);
    PersonPtr parent_of(const model::Event& event);
    PersonPtr learn(uint32_t pid);
    void learn_cgroup(Life& life, const model::Process& process) const;
    void look_around(Life& life, const model::Process& process);
    SharedText cgroup_of(const model::Process& process, const SharedText& before);
    bool may_read();
    void forget_missing();

    void certify(const model::Event& event, const Life& life);
    void name_cause(const Life& life);
    void name_killer(const Blow& blow);
    void name_before(const Life& life, int64_t end_unix_ns, int64_t death_unix_ns);
    void list_limits(const Life& life, int64_t unix_ns);

    Handler handler_;
    Lineage lineage_;
    Images images_;
    Lives lives_;
    host::UserNames users_;
    std::unordered_map<std::string, KnownLimit> limits_;  // by cgroup
    std::unordered_map<uint32_t, uint64_t> missing_;      // not there any more: pid and start
    std::unordered_map<uint64_t, SharedText> cgroups_;    // by id; null: can't be told
    std::array<PersonPtr, 256> ended_;                    // the last ones, in turn
    size_t next_ended_ = 0;
    uint64_t now_ns_ = 0;  // of the newest event
    // When an exec was last lost: an image may be that of before.
    uint64_t execs_lost_ns_ = 0;
    // When a signal was last lost: who was born before may have got it.
    uint64_t signals_lost_ns_ = 0;
    uint64_t forget_at_ns_ = UINT64_MAX;  // when who is not there any more is forgotten
    uint64_t readings_since_ns_ = 0;      // see may_read()
    uint32_t readings_ = 0;

    // What is being certified; kept for its memory.
    model::Death death_;
    std::string user_;
    std::string login_user_;
    std::string killer_user_;
};

}  // namespace vigil::history
