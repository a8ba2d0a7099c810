// SPDX-License-Identifier: Apache-2.0
// The machine's kernel as it describes itself: files, uname(2), mounted file systems. Nothing is
// loaded.
#pragma once

#include <array>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace vigil::host {

constexpr const char* bpffs_path = "/sys/fs/bpf";

// gethostname(2).
std::string host_name();

// UUID of this boot (random(4)); "" if unreadable.
std::string boot_id();

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

// True if the mounted tracefs has this event ("sock/sock_send_length") and it is readable.
bool has_trace_event(const std::string& event);

// True if tracefs is mounted and its syscall events are readable: needed by --failed.
bool has_tracefs();

// True if a bpffs is mounted at bpffs_path.
bool has_bpffs();

}  // namespace vigil::host
