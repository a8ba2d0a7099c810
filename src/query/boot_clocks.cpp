// SPDX-License-Identifier: Apache-2.0
#include "query/boot_clocks.h"

#include "base/clock.h"
#include "query/line_filter.h"

namespace vigil::query {
namespace {

// Damaged lines may name any.
constexpr size_t max_boots = 4096;

}  // namespace

BootClocks::BootClocks(const std::optional<BootClock>& now) : last_(offsets_.end()) {
    if (now) {
        offsets_[now->boot_id] = {now->unix_minus_boot_ns, UINT64_MAX};
    }
}

std::optional<int64_t> BootClocks::unix_ns(const LinePrefix& prefix) {
    if (!prefix.boot_ns) {
        return parse_utc(prefix.time);
    }
    if (last_ == offsets_.end() || last_->first != prefix.boot_id) {
        last_ = offsets_.find(prefix.boot_id);
    }
    if (last_ == offsets_.end()) {
        const auto own_ns = parse_utc(prefix.time);
        if (!own_ns || offsets_.size() >= max_boots) {
            return own_ns;
        }
        const Offset offset{to_unix_ns(-*prefix.boot_ns, *own_ns), *prefix.boot_ns};
        last_ = offsets_.emplace(prefix.boot_id, offset).first;
    }
    return to_unix_ns(*prefix.boot_ns, last_->second.unix_minus_boot_ns);
}

void BootClocks::prefer_newer(const LinePrefix& prefix) {
    const auto it = prefix.boot_ns ? offsets_.find(prefix.boot_id) : offsets_.end();
    const auto own_ns = parse_utc(prefix.time);
    if (it != offsets_.end() && own_ns && it->second.known_at_ns < *prefix.boot_ns) {
        it->second = {to_unix_ns(-*prefix.boot_ns, *own_ns), *prefix.boot_ns};
    }
}

}  // namespace vigil::query
