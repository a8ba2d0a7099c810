// SPDX-License-Identifier: Apache-2.0
#include "host/module.h"

#include <sys/klog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <map>

#include "base/file.h"
#include "host/kernel.h"

namespace vigil::host {
namespace {

constexpr size_t totals_limit_bytes = 4 << 10;

std::optional<bool> switch_at(const char* path) {
    const auto text = read_setting(path);
    return text ? std::optional(*text != "0") : std::nullopt;
}

}  // namespace

std::optional<ModuleTotals> parse_module_totals(std::string_view text) {
    std::map<std::string_view, uint64_t> values;
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const size_t space = line.find(' ');
        if (space == std::string_view::npos) {
            continue;
        }
        uint64_t value = 0;
        const char* const last = line.data() + line.size();
        const auto [rest, error] = std::from_chars(line.data() + space + 1, last, value);
        if (error == std::errc{} && rest == last) {
            values[line.substr(0, space)] = value;
        }
    }
    ModuleTotals totals;
    for (const auto& [key, total] : {
             std::pair{"process_exits", &totals.process_exits},
             {"thread_exits", &totals.thread_exits},
             {"lines_suppressed", &totals.lines_suppressed},
             {"kprobe_missed", &totals.kprobe_missed},
             {"user_ns", &totals.user_ns},
             {"system_ns", &totals.system_ns},
             {"loaded_ns", &totals.loaded_ns},
         }) {
        const auto found = values.find(key);
        if (found == values.end()) {
            return std::nullopt;
        }
        *total = found->second;
    }
    return totals;
}

std::optional<ModuleTotals> read_module_totals() {
    const auto text = read_file(module_totals_path, totals_limit_bytes);
    return text ? parse_module_totals(*text) : std::nullopt;
}

bool module_is_loaded() {
    return ::access(("/sys/module/" + std::string(module_name)).c_str(), F_OK) == 0;
}

std::optional<std::string> module_parameter(const std::string& name) {
    return read_setting(
        ("/sys/module/" + std::string(module_name) + "/parameters/" + name).c_str());
}

std::string modules_unavailable_reason() {
    if (::access("/proc/modules", F_OK) != 0) {
        return "this kernel is built without modules";
    }
    if (read_setting("/proc/sys/kernel/modules_disabled") == "1") {
        return "kernel.modules_disabled is set: no module can be loaded until the next boot";
    }
    return {};
}

std::string module_headers_path() { return "/lib/modules/" + kernel_release().release + "/build"; }

bool has_module_headers() {
    return ::access((module_headers_path() + "/Makefile").c_str(), F_OK) == 0;
}

// Addresses are hidden from most users, names are not. Symbols of modules come last, followed by a
// tab and the module's name.
std::optional<std::vector<std::string>> missing_symbols(std::vector<std::string> names) {
    std::ifstream file("/proc/kallsyms");
    std::string address;
    std::string type;
    std::string name;
    bool any = false;
    while (!names.empty() && file >> address >> type >> name) {
        any = true;
        if (type == "T" || type == "t") {
            names.erase(std::remove(names.begin(), names.end(), name), names.end());
        }
        std::getline(file, name);
    }
    return any ? std::optional(std::move(names)) : std::nullopt;
}

std::optional<bool> kprobes_enabled() { return switch_at("/sys/kernel/debug/kprobes/enabled"); }

std::optional<bool> ftrace_enabled() { return switch_at("/proc/sys/kernel/ftrace_enabled"); }

// The file of an EFI variable has its attributes (4 bytes), then its value.
SecureBoot secure_boot() {
    if (::access("/sys/firmware/efi", F_OK) != 0) {
        return SecureBoot::no_efi;
    }
    const auto variable =
        read_file("/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", 16);
    if (!variable || variable->size() != 5) {
        return SecureBoot::unknown;
    }
    return variable->back() == 1 ? SecureBoot::on : SecureBoot::off;
}

bool signatures_enforced() {
    return read_setting("/sys/module/module/parameters/sig_enforce") == "Y";
}

std::optional<uint64_t> kernel_log_bytes() {
    constexpr int read_all = 3;
    constexpr int size_of_buffer = 10;
    std::array<char, 1> byte{};
    if (::klogctl(read_all, byte.data(), byte.size()) < 0) {
        return std::nullopt;
    }
    const int size = ::klogctl(size_of_buffer, nullptr, 0);
    return size < 0 ? std::nullopt : std::optional(static_cast<uint64_t>(size));
}

}  // namespace vigil::host
