// SPDX-License-Identifier: Apache-2.0
#include "pipeline/kernel_filter.h"

#include <algorithm>
#include <cstring>

namespace vigil::pipeline {

namespace {

// As the kernel side knows it: 0 for none.
void set_process(const std::optional<WantedProcess>& wanted, vigil_filter& filter, __u32& pid,
                 __u64& start_ns) {
    if (!wanted) {
        return;
    }
    pid = wanted->pid;
    start_ns = wanted->start_ns;
    if (wanted->tick_ns != WantedProcess{}.tick_ns) {
        filter.start_tick_ns = static_cast<__u32>(wanted->tick_ns);
    }
}

}  // namespace

vigil_filter kernel_filter(const Filter& wanted) {
    vigil_filter filter{};
    filter.kinds = wanted.kinds;
    filter.signals = wanted.signals;
    set_process(wanted.pid, filter, filter.pid, filter.pid_start_ns);
    set_process(wanted.sender, filter, filter.sender, filter.sender_start_ns);
    set_process(wanted.target, filter, filter.target, filter.target_start_ns);
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

std::optional<WantedProcess> wanted_process(const vigil_filter& filter, uint32_t pid,
                                            uint64_t start_ns) {
    if (pid == 0) {
        return std::nullopt;
    }
    return filter.start_tick_ns == 0 ? WantedProcess{.pid = pid}
                                     : WantedProcess{pid, start_ns, filter.start_tick_ns};
}

void narrow_to(const vigil_filter& wanted, Filter& filter) {
    const auto keep = [&](std::optional<WantedProcess>& requested, uint32_t pid,
                          uint64_t start_ns) {
        if (!requested) {
            requested = wanted_process(wanted, pid, start_ns);
        }
    };
    filter.signals &= wanted.signals;
    keep(filter.pid, wanted.pid, wanted.pid_start_ns);
    keep(filter.sender, wanted.sender, wanted.sender_start_ns);
    keep(filter.target, wanted.target, wanted.target_start_ns);
    if ((wanted.flags & VIGIL_FILTER_UID) != 0 && !filter.uid) {
        filter.uid = wanted.uid;
    }
    if ((wanted.flags & VIGIL_FILTER_COMM) != 0 && !filter.comm) {
        filter.comm = std::string(wanted.comm, ::strnlen(wanted.comm, sizeof wanted.comm));
    }
}

}  // namespace vigil::pipeline
