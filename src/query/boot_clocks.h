// SPDX-License-Identifier: Apache-2.0
// Times of records in one clock, although the wall clock was set between them. Within a boot the
// time since boot decides; the wall clock only says where a boot lies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "query/query.h"

namespace vigil::query {

struct LinePrefix;

class BootClocks {
 public:
    explicit BootClocks(const std::optional<BootClock>& now);

    // When the record was written, by the wall clock as it is set now; of an earlier boot, as it
    // was set at the first of its records that was passed: pass newer ones first. A line without a
    // time since boot keeps its own time; nothing if that is none.
    std::optional<int64_t> unix_ns(const LinePrefix& prefix);

 private:
    std::map<std::string, int64_t, std::less<>> offsets_ns_;  // Unix time minus time since boot
    // The last one that was looked up: lines of one boot follow each other.
    const std::string* last_boot_ = nullptr;
    int64_t last_offset_ns_ = 0;
};

}  // namespace vigil::query
