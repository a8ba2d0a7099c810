// SPDX-License-Identifier: Apache-2.0
#include "pipeline/kernel_filter.h"

#include <algorithm>
#include <cstring>

namespace vigil::pipeline {

vigil_filter kernel_filter(const Filter& wanted) {
    vigil_filter filter{};
    filter.kinds = wanted.kinds;
    filter.signals = wanted.signals;
    filter.sender = wanted.sender.value_or(0);
    filter.target = wanted.target.value_or(0);
    filter.pid = wanted.pid.value_or(0);
    if (wanted.uid) {
        filter.flags |= VIGIL_FILTER_UID;
        filter.uid = *wanted.uid;
    }
    if (wanted.comm) {
        filter.flags |= VIGIL_FILTER_COMM;
        std::memcpy(filter.comm, wanted.comm->data(),
                    std::min(wanted.comm->size(), sizeof filter.comm - 1));
    }
    return filter;
}

void widen_for_names(vigil_filter& filter) {
    filter.kinds |= naming_kinds;
    filter.pid = 0;
    filter.flags &= ~static_cast<__u32>(VIGIL_FILTER_UID);
}

void widen_for_tracking(vigil_filter& filter) {
    filter.kinds |= naming_kinds | model::kind_bit(model::Kind::fork);
    filter.pid = 0;
    filter.flags &= ~static_cast<__u32>(VIGIL_FILTER_UID);
}

void narrow_to(const vigil_filter& wanted, Filter& filter) {
    const auto keep = [](std::optional<uint32_t>& requested, uint32_t pinned_value, bool given) {
        if (given && !requested) {
            requested = pinned_value;
        }
    };
    filter.signals &= wanted.signals;
    keep(filter.pid, wanted.pid, wanted.pid != 0);
    keep(filter.sender, wanted.sender, wanted.sender != 0);
    keep(filter.target, wanted.target, wanted.target != 0);
    keep(filter.uid, wanted.uid, (wanted.flags & VIGIL_FILTER_UID) != 0);
    if ((wanted.flags & VIGIL_FILTER_COMM) != 0 && !filter.comm) {
        filter.comm = std::string(wanted.comm, ::strnlen(wanted.comm, sizeof wanted.comm));
    }
}

}  // namespace vigil::pipeline
