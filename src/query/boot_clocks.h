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

    // Lets a newer record than the first one decide where an earlier boot lies: for the last lines
    // of several journals, of which the newest is not known in advance.
    void prefer_newer(const LinePrefix& prefix);

 private:
    struct Offset {
        int64_t unix_minus_boot_ns = 0;
        uint64_t known_at_ns = 0;  // time since boot of the record that it comes from
    };
    using Offsets = std::map<std::string, Offset, std::less<>>;

    Offsets offsets_;
    Offsets::iterator last_;  // the last one that was used: lines of one boot follow each other
};

}  // namespace vigil::query
