// SPDX-License-Identifier: Apache-2.0
// The kernel module process_monitor (kmod/) and what it takes to load it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vigil::host {

constexpr const char* module_name = "process_monitor";
constexpr const char* module_totals_path = "/proc/process_monitor";

// What the module has counted since it was loaded.
struct ModuleTotals {
    uint64_t process_exits = 0;
    uint64_t thread_exits = 0;
    uint64_t lines_suppressed = 0;
    uint64_t kprobe_missed = 0;  // exits that it was not told of: at most so many
    uint64_t user_ns = 0;        // CPU time of the processes that ended
    uint64_t system_ns = 0;
    uint64_t loaded_ns = 0;  // since boot: another value is another load of the module
};
// Lines of a key, a space and a number. Nothing where one of the above is missing; keys that are
// not known are of a newer module and left out.
std::optional<ModuleTotals> parse_module_totals(std::string_view text);
// Nothing where the module is not loaded, or is another make of that name.
std::optional<ModuleTotals> read_module_totals();
// Whether any module of its name is.
bool module_is_loaded();

// Its parameter ("log"), as /sys/module tells it.
std::optional<std::string> module_parameter(const std::string& name);

// Empty: modules can be loaded here, as far as kernel and configuration go. Else why not.
std::string modules_unavailable_reason();

// Where `make -C kmod` looks for the headers of the running kernel.
std::string module_headers_path();
bool has_module_headers();

// Functions of this list that the kernel's symbol table lacks. Nothing: it can't be read.
std::optional<std::vector<std::string>> missing_symbols(std::vector<std::string> names);

// Whether kprobes fire, from debugfs; nothing: not told.
std::optional<bool> kprobes_enabled();
// Whether what the kernel hooks into the entry of functions is called, kprobes of most
// architectures among it; nothing: not told.
std::optional<bool> ftrace_enabled();

enum class SecureBoot { unknown, no_efi, off, on };
SecureBoot secure_boot();

// Modules without a signature that the kernel knows are refused, lockdown or not.
bool signatures_enforced();

// Bytes of the kernel's log that dmesg shows; nothing where this user may not read it.
std::optional<uint64_t> kernel_log_bytes();

}  // namespace vigil::host
