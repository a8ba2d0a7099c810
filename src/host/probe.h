// SPDX-License-Identifier: Apache-2.0
// Asks the machine what it can do, one question a function: by trying where that is possible,
// else by reading what the kernel tells about itself. Nothing is attached, nothing stays.
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

// Loads a program of this type that does nothing.
ProbeResult probe_program(ProgramType type);

// How to get what was refused.
std::string denial_hint(const ProbeResult& denial);

// Whether the kernel's types name this function; false too where they can't be read.
bool has_kernel_function(const std::string& name);

// Kprobes can be attached, other than loaded: perf_event_open(2) knows them.
bool has_kprobe_events();

struct KernelRelease {
    std::string release;       // "6.1.0-25-amd64"
    std::string architecture;  // "x86_64"
    int major = 0;
    int minor = 0;
};
KernelRelease kernel_release();

// Series on which every kernel test has passed.
constexpr std::array<std::string_view, 5> tested_series{"5.10", "6.1", "6.12", "6.18", "7.2"};
bool is_tested(const KernelRelease& kernel);
std::string tested_hint();

// What the kernel was built with, from the first readable of /proc/config.gz and the places
// where distributions keep it.
struct KernelConfig {
    std::string source;
    std::set<std::string, std::less<>> enabled;  // "CONFIG_BPF", built in or as a module
};
std::optional<KernelConfig> kernel_config();

// "none", "integrity" or "confidentiality" (kernel_lockdown(7)); empty: not told.
std::string lockdown_mode();
std::string lockdown_hint();

// The trimmed content of a small file; nothing where it can't be read.
std::optional<std::string> read_setting(const char* path);

bool in_initial_pid_namespace();
bool in_initial_user_namespace();

struct CgroupMounts {
    std::string unified;  // where cgroup v2 is mounted; empty: nowhere
    std::string memory;   // where the memory controller of version 1 is; empty: nowhere
    bool v1 = false;      // version 1 controllers are mounted too ("hybrid")
};
CgroupMounts cgroup_mounts();

// RLIMIT_MEMLOCK's soft limit in bytes; nothing: unlimited.
std::optional<uint64_t> memlock_limit();

// Before 5.11 maps are charged to the user's locked memory, since then to the cgroup. True where
// that is in the way: the limit is low, and CAP_SYS_RESOURCE to raise it is missing.
bool memlock_is_low();
constexpr uint64_t sufficient_memlock_bytes = 64 << 20;
std::string memlock_hint();

}  // namespace vigil::host
