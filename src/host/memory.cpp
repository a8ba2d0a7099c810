// SPDX-License-Identifier: Apache-2.0
#include "host/memory.h"

#include "base/file.h"
#include "base/units.h"

namespace vigil::host {
namespace {

constexpr size_t max_meminfo_bytes = 16 << 10;

// "MemTotal:       16303268 kB"
std::optional<uint64_t> bytes_of(std::string_view text, std::string_view key) {
    const size_t at = text.find(key);
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    const size_t begin = text.find_first_not_of(' ', at + key.size());
    if (begin == std::string_view::npos) {
        return std::nullopt;
    }
    const auto kib = parse_number(text.substr(begin, text.find(' ', begin) - begin), 0, 1ULL << 50);
    return kib ? std::optional(*kib << 10) : std::nullopt;
}

}  // namespace

std::optional<Memory> parse_meminfo(std::string_view text) {
    const auto total = bytes_of(text, "MemTotal:");
    const auto available = bytes_of(text, "MemAvailable:");
    return total && available ? std::optional(Memory{*total, *available}) : std::nullopt;
}

std::optional<Memory> read_memory() {
    const auto text = read_file("/proc/meminfo", max_meminfo_bytes);
    return text ? parse_meminfo(*text) : std::nullopt;
}

}  // namespace vigil::host
