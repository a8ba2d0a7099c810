// SPDX-License-Identifier: Apache-2.0
// The kernel module process_monitor (kmod/) and the requirements for loading it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vigil::host {

constexpr const char* module_name = "process_monitor";
constexpr const char* module_totals_path = "/proc/process_monitor";

// Counts of the module since it was loaded.
struct ModuleTotals {
    uint64_t process_exits = 0;
    uint64_t thread_exits = 0;
    uint64_t lines_suppressed = 0;
    uint64_t kprobe_missed = 0;  // upper bound of the exits that the kprobe missed
    uint64_t user_ns = 0;        // CPU time of exited processes
    uint64_t system_ns = 0;
    uint64_t loaded_ns = 0;  // since boot; a different value means that the module was reloaded
};
// Parses lines of a key, a space and a number. nullopt if one of the keys above is missing. Unknown
// keys come from newer modules and are ignored.
std::optional<ModuleTotals> parse_module_totals(std::string_view text);
// nullopt if the module is not loaded, or is a different module of that name.
std::optional<ModuleTotals> read_module_totals();
// True if any module of that name is loaded.
bool module_is_loaded();

// Value of a module parameter ("log") in /sys/module.
std::optional<std::string> module_parameter(const std::string& name);

// Empty if kernel and configuration allow loading modules, otherwise the reason.
std::string modules_unavailable_reason();

// The kernel headers that `make -C kmod` uses for the running kernel.
std::string module_headers_path();
bool has_module_headers();

// The names that are missing from the kernel's symbol table; nullopt if it is unreadable.
std::optional<std::vector<std::string>> missing_symbols(std::vector<std::string> names);

// True if kprobes are enabled, from debugfs; nullopt: unknown.
std::optional<bool> kprobes_enabled();
// True if ftrace hooks at function entries are enabled, which kprobes use on most architectures;
// nullopt: unknown.
std::optional<bool> ftrace_enabled();

enum class SecureBoot { unknown, no_efi, off, on };
SecureBoot secure_boot();

// True if modules without a trusted signature are refused, with or without lockdown.
bool signatures_enforced();

// Size of the kernel log that dmesg shows, in bytes; nullopt if this user may not read it.
std::optional<uint64_t> kernel_log_bytes();

}  // namespace vigil::host
