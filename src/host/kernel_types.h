// SPDX-License-Identifier: Apache-2.0
// What the kernel's description of its types (BTF) says of functions and tracepoints. Kernel
// modules are not included.
#pragma once

#include <linux/types.h>

#include <string>
#include <vector>

namespace vigil::host {

constexpr const char* btf_path = "/sys/kernel/btf/vmlinux";

bool has_btf();

// The id of the type of this name and kind (BTF_KIND_...); 0 if there is none.
__u32 kernel_type_id(const std::string& name, __u32 kind);

// True if the kernel's BTF has this function; false also if BTF is unreadable.
bool has_kernel_function(const std::string& name);

// The number of parameters of a BTF-enabled tracepoint ("sched_process_exit") without the hidden
// first one; -1 if the kernel has no such tracepoint or no BTF.
int tracepoint_parameters(const std::string& tracepoint);

// The number of parameters of each function; -1 if the kernel (without its modules) has no such
// function or no BTF.
std::vector<int> function_parameters(const std::vector<std::string>& names);

}  // namespace vigil::host
