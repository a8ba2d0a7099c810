// SPDX-License-Identifier: Apache-2.0
// The programs by name: which ones a set of wanted kinds takes, and how many runs they missed.
#pragma once

#include <linux/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "abi/control.h"

struct bpf_object;

namespace vigil::capture {

// How many lanes (abi/control.h) this kernel needs.
uint32_t needed_lanes();

// The programs that record one kind: one a lane, or for kill_failed one a syscall.
std::vector<std::string> program_names(int kind, uint32_t lanes);

// How the bytes that processes send and receive are counted: bpf/account/network.bpf.c says why.
enum class NetworkMethod {
    none,
    raw_tracepoints,
    tracepoints,  // the same ones, by tracefs
    functions,    // the ends of the TCP and UDP functions
};
struct NetworkHooks {
    NetworkMethod method = NetworkMethod::none;
    std::vector<std::string> programs;  // empty: what the method takes is missing
    bool recvmsg_has_nonblock = false;  // see the constant of this name
};
// What this kernel has; whether it lets itself be used is another matter.
NetworkHooks find_network_hooks();

struct ProgramSelection {
    vigil_filter filter{};
    uint32_t lanes = 1;
    bool count_processes = false;  // with the program that counts forks
    NetworkHooks network;
};

// Leaves exactly the programs to be loaded that these need. An exit's peak and thread count
// begin at fork and exec; a tree grows by forks and shrinks by exits; what is kept of a process
// goes with its exit; an OOM kill leans on the signal before it.
void choose_programs(const bpf_object& object, const ProgramSelection& selection);

// The kernel skips a program where it is running already on that CPU, and counts that (since
// 5.12; 0 before).
uint64_t recursion_misses(int program_fd);

// Events that no lane was free to take: at most this many. `skipped` gives a program's skipped
// runs by its name, 0 where it is not loaded.
uint64_t max_missed(uint32_t lanes, const std::function<uint64_t(const std::string&)>& skipped);

}  // namespace vigil::capture
