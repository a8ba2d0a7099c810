// SPDX-License-Identifier: Apache-2.0
// The judging part of `vigil verify`: two witnesses have counted the processes that ended, the
// kernel module and eBPF. Each process passes the module's probe first and eBPF's hook a little
// later. So between two moments both count the same, but for the processes that were between the
// two places at one of the moments.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/module.h"
#include "host/process_tree.h"

namespace vigil::verify {

// What eBPF's side had counted.
struct HookTotals {
    uint64_t seen = 0;     // exits that the programs were called for
    uint64_t dropped = 0;  // of these, found no room in the ring
};

// A moment at which both were asked: the module, eBPF, the list of processes that are on their
// way out, eBPF again, the module again. It stands for the instant of eBPF's first answer.
struct CounterSnapshot {
    std::optional<host::ModuleTotals> module_before;  // absent: not loaded
    HookTotals hook_before;
    std::vector<host::ExitingProcess> in_flight;
    HookTotals hook_after;
    std::optional<host::ModuleTotals> module_after;

    // Nothing ended and nothing was about to: all readings are of one instant.
    bool quiet() const;
    // How far off this moment's readings can be at most: 0 where it is quiet.
    uint64_t uncertainty() const;
    // Processes that the module had counted and eBPF had not.
    uint64_t max_in_between() const;
    // Processes that the module counted meanwhile.
    uint64_t module_growth() const;
};

// `vigil verify` ends processes of its own between the moments: each witness saw these at least.
constexpr uint64_t own_exits = 2;

// All that was said.
struct VerifyRun {
    CounterSnapshot start;
    CounterSnapshot end;
    uint64_t duration_ns = 0;
    HookTotals final_hook;     // after detaching
    uint64_t read = 0;         // exits that came out of the ring, from attaching to the last
    uint64_t max_missed = 0;   // programs that the kernel skipped: see capture/hooks.h
    uint64_t hook_cpu_ns = 0;  // CPU time of the processes that ended, by eBPF
    std::optional<bool> kprobes_enabled;  // at the end
    std::optional<bool> ftrace_enabled;   // at the end; not every kprobe needs it
};

struct Range {
    int64_t min = 0;
    int64_t max = 0;
};

struct Verdict {
    bool agree = false;
    // Between the moments. Absent where the module was unloaded meanwhile: its count is lost.
    std::optional<uint64_t> module_exits;
    std::optional<uint64_t> module_missed;
    std::optional<uint64_t> module_cpu_ns;
    uint64_t hook_exits = 0;  // that reached user space
    uint64_t hook_dropped = 0;
    std::optional<int64_t> difference;  // the module's minus eBPF's
    std::optional<Range> accepted;      // differences that can't be told from agreement
    std::vector<std::string> reasons;   // why not, where they disagree
};
Verdict evaluate(const VerifyRun& run);

// A table and the verdict, for people.
std::string to_text(const VerifyRun& run, const Verdict& verdict);

// One JSON object on one line.
std::string to_json(const VerifyRun& run, const Verdict& verdict);

}  // namespace vigil::verify
