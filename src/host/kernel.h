// SPDX-License-Identifier: Apache-2.0
// What this kernel and these privileges allow. Found by asking; chosen once, here.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace vigil::host {

constexpr const char* btf_path = "/sys/kernel/btf/vmlinux";
constexpr const char* bpffs_path = "/sys/fs/bpf";

// Effective capabilities (capabilities(7)) that tracing needs. CAP_SYS_ADMIN implies the first
// two, as the kernel's bpf_capable() has it.
struct Capabilities {
    bool bpf = false;
    bool perfmon = false;
    bool dac_read_search = false;  // only to read tracefs, for --failed
    bool sys_ptrace = false;
    bool sys_admin = false;
    bool sys_resource = false;  // before 5.11: to raise RLIMIT_MEMLOCK
};
Capabilities capabilities();

// gethostname(2).
std::string host_name();

// Of this start of the machine (random(4)): a UUID; "" where it is not to be had.
std::string boot_id();

bool has_btf();

// The mounted tracefs has this event ("sock/sock_send_length"), and it can be read.
bool has_trace_event(const std::string& event);

// The mounted tracefs with its syscall events readable: for --failed.
bool has_tracefs();

// Whether a bpffs is mounted at bpffs_path.
bool has_bpffs();

// The number of parameters of a BTF-enabled tracepoint ("sched_process_exit"), the hidden
// first one not counted; -1 where the kernel has no such tracepoint or no BTF.
int tracepoint_parameters(const std::string& tracepoint);

// The number of parameters of each of these functions, -1 where the kernel (without its modules)
// has no such function or no BTF.
std::vector<int> function_parameters(const std::vector<std::string>& names);

// Nothing wrong, or the first reason why no program can be loaded here, with its fix.
Result<void> check_can_trace();

// Collects what libbpf says while it lives, instead of letting it print. One at a time.
class LibbpfLog {
 public:
    LibbpfLog();
    ~LibbpfLog();
    LibbpfLog(const LibbpfLog&) = delete;
    LibbpfLog& operator=(const LibbpfLog&) = delete;

    // The last line about a program, else the first one, without its "libbpf: ".
    std::string last_error_line() const;
};

}  // namespace vigil::host
