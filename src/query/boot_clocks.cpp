// SPDX-License-Identifier: Apache-2.0
#include "query/boot_clocks.h"

#include "base/clock.h"
#include "query/line_filter.h"

namespace vigil::query {
namespace {

// Damaged lines may name any.
constexpr size_t max_boots = 4096;

}  // namespace

BootClocks::BootClocks(const std::optional<BootClock>& now) {
    if (now) {
        offsets_ns_[now->boot_id] = now->unix_minus_boot_ns;
    }
}

std::optional<int64_t> BootClocks::unix_ns(const LinePrefix& prefix) {
    if (!prefix.boot_ns) {
        return parse_utc(prefix.time);
    }
    if (last_boot_ == nullptr || *last_boot_ != prefix.boot_id) {
        auto it = offsets_ns_.find(prefix.boot_id);
        if (it == offsets_ns_.end()) {
            const auto own_ns = parse_utc(prefix.time);
            if (!own_ns || offsets_ns_.size() >= max_boots) {
                return own_ns;
            }
            const int64_t offset_ns = to_unix_ns(-*prefix.boot_ns, *own_ns);
            it = offsets_ns_.emplace(prefix.boot_id, offset_ns).first;
        }
        last_boot_ = &it->first;
        last_offset_ns_ = it->second;
    }
    return to_unix_ns(*prefix.boot_ns, last_offset_ns_);
}

}  // namespace vigil::query
