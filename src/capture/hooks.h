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

// Leaves exactly the programs to be loaded that `filter` needs, and with `count_processes` the
// one that counts forks. An exit's peak and thread count
// begin at fork and exec; a tree grows by forks and shrinks by exits; an OOM kill leans on the
// signal before it.
void choose_programs(const bpf_object& object, const vigil_filter& filter, uint32_t lanes,
                     bool count_processes);

// The kernel skips a program where it is running already on that CPU, and counts that (since
// 5.12; 0 before).
uint64_t skipped_runs(int program_fd);

// Events that no lane was free to take: at most this many. `skipped` gives a program's skipped
// runs by its name, 0 where it is not loaded.
uint64_t missed_at_most(uint32_t lanes, const std::function<uint64_t(const std::string&)>& skipped);

}  // namespace vigil::capture
