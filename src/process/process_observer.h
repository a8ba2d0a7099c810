// SPDX-License-Identifier: Apache-2.0
// Interface of the consumers of the process table.
//
// All calls come on the monitor's thread, each call to all observers in the order of their list
// before the next call. For one process:
// - on_fork, on_exec, on_signal, on_oom and on_sample come any number of times. Any of them may be
//   the first: a process may be older than the monitor, its fork may have been lost, and a signal
//   or a sweep may be faster than the fork event.
// - on_missing: it is gone, and no exit event has come (yet). Only on_sample can bring it back.
// - on_exit comes at most once; after on_missing with `late` set.
// - on_erase comes exactly once, last: its slot is free and will be given to another process.
//
// A sweep makes on_sample calls, then on_missing calls, then one on_tick. The events that are read
// with a sweep come before its samples. ProcessTable::now_ns() is the time of the event or of the
// sweep, and so may step back from the newest event to the sweep.
#pragma once

#include <cstdint>
#include <vector>

#include "model/event.h"
#include "model/signals.h"
#include "process/process_entry.h"

namespace vigil::process {

// Data that an observer needs. The monitor collects the union of all needs, and nothing else.
struct Needs {
    model::KindSet kinds = 0;        // besides forks, execs and exits
    model::SignalSet signals = 0;    // if `kinds` contains signals
    bool samples = false;            // usage of every process, each interval; image and cgroup
    bool ancestry = false;           // ProcessEntry::node
    bool working_directory = false;  // ProcessEntry::cwd

    friend constexpr Needs operator|(Needs a, const Needs& b) {
        a.kinds |= b.kinds;
        a.signals |= b.signals;
        a.samples = a.samples || b.samples;
        a.ancestry = a.ancestry || b.ancestry;
        a.working_directory = a.working_directory || b.working_directory;
        return a;
    }
};

struct ProcessExit {
    const ProcessEntry& entry;  // with the name, user and cgroup of the exit event
    const model::Event& event;
    const model::Exit& exit;    // the event's body
    const model::Usage& usage;  // over [from_ns, now_ns()]: final; empty unless samples are needed
    uint64_t from_ns = 0;
    bool late = false;  // after on_missing, or the pid was already reused
};

struct Tick {
    uint64_t number = 0;      // counts from 1
    uint64_t sampled_ns = 0;  // CLOCK_BOOTTIME of the sweep
};

// Calls that an observer does not override do nothing. References are valid during the call.
class ProcessObserver {
 public:
    virtual ~ProcessObserver() = default;

    virtual Needs needs() const = 0;

    virtual void on_fork(const ProcessEntry& /*entry*/, const model::Event& /*event*/) {}
    virtual void on_exec(const ProcessEntry& /*entry*/, const model::Event& /*event*/) {}
    // `target` is null if the process has exited already, or if it is unknown and did not receive
    // the signal.
    virtual void on_signal(const ProcessEntry* /*target*/, const model::Event& /*event*/) {}
    virtual void on_oom(const ProcessEntry& /*victim*/, const model::Event& /*event*/) {}
    // A sweep has sampled it: `usage` and `counters` are new. Only if samples are needed.
    virtual void on_sample(const ProcessEntry& /*entry*/) {}
    virtual void on_missing(const ProcessEntry& /*entry*/) {}
    virtual void on_exit(const ProcessExit& /*exit*/) {}
    virtual void on_erase(const ProcessEntry& /*entry*/) {}
    virtual void on_tick(const Tick& /*tick*/) {}
    virtual void on_loss(const model::Event& /*event*/) {}
    // The monitor ends: emit withheld reports. No call comes after it.
    virtual void on_end() {}
};

using ObserverList = std::vector<ProcessObserver*>;  // in the order of the calls

}  // namespace vigil::process
