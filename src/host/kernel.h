// SPDX-License-Identifier: Apache-2.0
// What this kernel and these privileges allow, found by probing.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace vigil::host {

constexpr const char* btf_path = "/sys/kernel/btf/vmlinux";
constexpr const char* bpffs_path = "/sys/fs/bpf";

// Effective capabilities (capabilities(7)) that tracing needs. CAP_SYS_ADMIN implies the first two,
// as in the kernel's bpf_capable().
struct Capabilities {
    bool bpf = false;
    bool perfmon = false;
    bool dac_read_search = false;  // only for --failed, to read tracefs
    bool sys_ptrace = false;
    bool sys_admin = false;
    bool sys_resource = false;  // before 5.11, to raise RLIMIT_MEMLOCK
};
Capabilities capabilities();

// gethostname(2).
std::string host_name();

// UUID of this boot (random(4)); "" if unreadable.
std::string boot_id();

bool has_btf();

// True if the mounted tracefs has this event ("sock/sock_send_length") and it is readable.
bool has_trace_event(const std::string& event);

// True if tracefs is mounted and its syscall events are readable: needed by --failed.
bool has_tracefs();

// True if a bpffs is mounted at bpffs_path.
bool has_bpffs();

// The number of parameters of a BTF-enabled tracepoint ("sched_process_exit") without the hidden
// first one; -1 if the kernel has no such tracepoint or no BTF.
int tracepoint_parameters(const std::string& tracepoint);

// The number of parameters of each function; -1 if the kernel (without its modules) has no such
// function or no BTF.
std::vector<int> function_parameters(const std::vector<std::string>& names);

// Success, or the first reason why no program can be loaded here, with a fix.
Result<void> check_can_trace();

// Captures libbpf's messages while the object exists, instead of printing them. One at a time.
class LibbpfLog {
 public:
    LibbpfLog();
    ~LibbpfLog();
    LibbpfLog(const LibbpfLog&) = delete;
    LibbpfLog& operator=(const LibbpfLog&) = delete;

    // The last message about a program, else the first one, without the prefix "libbpf: ".
    std::string last_error_line() const;
};

}  // namespace vigil::host
