// SPDX-License-Identifier: Apache-2.0
// Probes of the machine, one per function: by trying if possible, otherwise from what the kernel
// reports about itself. Nothing is attached or left behind.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "host/probe_result.h"

namespace vigil::host {

enum class ProgramType {
    tp_btf,
    raw_tracepoint,
    tracepoint,
    fexit,
    iter_task,
    syscall,
    cgroup_skb,
    kprobe
};

// Loads an empty program of this type.
ProbeResult probe_program(ProgramType type);

// True if the kernel's BTF has this function; false also if BTF is unreadable.
bool has_kernel_function(const std::string& name);

// True if kprobes can be attached, not only loaded: perf_event_open(2) supports them.
bool has_kprobe_events();

struct KernelRelease {
    std::string release;       // "6.1.0-25-amd64"
    std::string architecture;  // "x86_64"
    int major = 0;
    int minor = 0;
};
KernelRelease kernel_release();

// Kernel series on which all kernel tests pass.
constexpr std::array<std::string_view, 5> tested_series{"5.10", "6.1", "6.12", "6.18", "7.2"};
bool is_tested(const KernelRelease& kernel);

// The kernel's build configuration, from the first readable one of /proc/config.gz and the paths
// that distributions use.
struct KernelConfig {
    std::string source;
    std::set<std::string, std::less<>> enabled;  // "CONFIG_BPF", built in or as a module
};
std::optional<KernelConfig> kernel_config();

// "none", "integrity" or "confidentiality" (kernel_lockdown(7)); empty: unknown.
std::string lockdown_mode();

// The trimmed content of a small file; nullopt if unreadable.
std::optional<std::string> read_setting(const char* path);

bool in_initial_pid_namespace();
bool in_initial_user_namespace();

struct CgroupMounts {
    std::string unified;  // mount point of cgroup v2; empty: not mounted
    bool v1 = false;      // version 1 controllers are mounted too ("hybrid")
};
CgroupMounts cgroup_mounts();

// RLIMIT_MEMLOCK's soft limit in bytes; nullopt: unlimited.
std::optional<uint64_t> memlock_limit();

// Before 5.11 maps are charged to the user's locked memory, since then to the cgroup. True if the
// limit applies and is too low, and CAP_SYS_RESOURCE to raise it is missing.
bool memlock_is_low();
constexpr uint64_t sufficient_memlock_bytes = 64 << 20;

}  // namespace vigil::host
