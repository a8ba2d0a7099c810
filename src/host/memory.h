// SPDX-License-Identifier: Apache-2.0
// The machine's memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace vigil::host {

struct Memory {
    uint64_t total_bytes = 0;
    uint64_t available_bytes = 0;  // that can be had without swapping (MemAvailable)
};
std::optional<Memory> parse_meminfo(std::string_view text);
std::optional<Memory> read_memory();

}  // namespace vigil::host
