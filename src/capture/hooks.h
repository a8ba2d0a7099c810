// SPDX-License-Identifier: Apache-2.0
// Programs by name: which ones a set of wanted kinds needs, and how many of their runs were missed.
#pragma once

#include <linux/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "abi/control.h"

struct bpf_object;

namespace vigil::capture {

// Number of lanes (abi/control.h) that this kernel needs.
uint32_t needed_lanes();

// The programs that record one kind: one per lane, or for kill_failed one per syscall.
std::vector<std::string> program_names(int kind, uint32_t lanes);

// How the bytes that processes send and receive are counted: see bpf/account/network.bpf.c.
enum class NetworkMethod {
    none,
    raw_tracepoints,
    tracepoints,  // the same tracepoints, by tracefs
    functions,    // exits of the TCP and UDP functions
};
struct NetworkHooks {
    NetworkMethod method = NetworkMethod::none;
    std::vector<std::string> programs;  // empty: the kernel lacks what the method needs
    bool recvmsg_has_nonblock = false;  // see the constant of the same name
};
// What this kernel has; using it may still be denied.
NetworkHooks find_network_hooks();

struct ProgramSelection {
    vigil_filter filter{};
    uint32_t lanes = 1;
    bool count_processes = false;  // include the program that counts forks
    NetworkHooks network;
    bool follow_cgroup = false;  // include the program that sees cgroups being created
};

// Enables loading of exactly the programs that the selection needs. Dependencies: an exit's peak
// and thread count come from fork and exec; a tree grows by forks and shrinks by exits; the exit
// removes a process's entry; an OOM kill needs the signal before it.
void choose_programs(const bpf_object& object, const ProgramSelection& selection);

// Runs that the kernel skipped because the program was already running on that CPU (since 5.12; 0
// before).
uint64_t recursion_misses(int program_fd);

// Upper bound of the events for which no lane was free. `skipped` returns a program's skipped runs
// by its name, 0 if it is not loaded.
uint64_t max_missed(uint32_t lanes, const std::function<uint64_t(const std::string&)>& skipped);

}  // namespace vigil::capture
