// SPDX-License-Identifier: Apache-2.0
// The evaluation of `vigil verify`. Two sides count exited processes: the kernel module and eBPF.
// Each process passes the module's probe first and eBPF's hook a little later. So between two
// snapshots both count the same, except for processes that were between probe and hook at either
// snapshot.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/module.h"
#include "host/process_tree.h"

namespace vigil::verify {

// Totals of the eBPF side.
struct HookTotals {
    uint64_t seen = 0;     // exits that the programs were called for
    uint64_t dropped = 0;  // of these, dropped because the ring was full
};

// Readings of both sides: the module, eBPF, the list of exiting processes, eBPF again, the module
// again. The snapshot stands for the instant of the first eBPF reading.
struct CounterSnapshot {
    std::optional<host::ModuleTotals> module_before;  // empty: not loaded
    HookTotals hook_before;
    std::vector<host::ExitingProcess> in_flight;
    HookTotals hook_after;
    std::optional<host::ModuleTotals> module_after;

    // True if no process exited or was exiting: all readings are of one instant.
    bool quiet() const;
    // Upper bound of the error of this snapshot's readings; 0 if it is quiet.
    uint64_t uncertainty() const;
    // Upper bound of processes that the module had counted and eBPF had not.
    uint64_t max_in_between() const;
    // Exits that the module counted during the snapshot.
    uint64_t module_growth() const;
};

// `vigil verify` ends processes of its own between the snapshots: each side sees at least these.
constexpr uint64_t own_exits = 2;

// All inputs of the verdict.
struct VerifyRun {
    CounterSnapshot start;
    CounterSnapshot end;
    uint64_t duration_ns = 0;
    HookTotals final_hook;     // after detaching
    uint64_t read = 0;         // exits read from the ring, from attaching to the last
    uint64_t max_missed = 0;   // runs of programs that the kernel skipped: see capture/hooks.h
    uint64_t hook_cpu_ns = 0;  // CPU time of the exited processes as counted by eBPF
    std::optional<bool> kprobes_enabled;  // at the end
    std::optional<bool> ftrace_enabled;   // at the end; not every kprobe needs it
};

struct Range {
    int64_t min = 0;
    int64_t max = 0;
};

struct Verdict {
    bool agree = false;
    // Between the snapshots. Empty if the module was unloaded meanwhile: its count is lost.
    std::optional<uint64_t> module_exits;
    std::optional<uint64_t> module_missed;
    std::optional<uint64_t> module_cpu_ns;
    uint64_t hook_exits = 0;  // exits that reached user space
    uint64_t hook_dropped = 0;
    std::optional<int64_t> difference;  // the module's minus eBPF's
    std::optional<Range> accepted;      // differences that are consistent with agreement
    std::vector<std::string> reasons;   // reasons for a disagreement
};
Verdict evaluate(const VerifyRun& run);

// A text table and the verdict.
std::string to_text(const VerifyRun& run, const Verdict& verdict);

// One JSON object on one line.
std::string to_json(const VerifyRun& run, const Verdict& verdict);

}  // namespace vigil::verify
