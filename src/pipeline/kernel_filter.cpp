// SPDX-License-Identifier: Apache-2.0
#include "pipeline/kernel_filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "base/text.h"

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

Error not_pinned(const std::string& option, const std::string& pinned) {
    return usage_error(fmt::format("{}: only {} was pinned; 'vigil pin' takes {} too", option,
                                   pinned, option.substr(0, option.find(' '))));
}

Result<void> narrow_process(const char* option, const std::optional<WantedProcess>& pinned,
                            std::optional<WantedProcess>& requested) {
    if (!pinned) {
        return {};
    }
    if (requested && requested->pid != pinned->pid) {
        return not_pinned(fmt::format("{} {}", option, requested->pid),
                          fmt::format("process {}", pinned->pid));
    }
    requested = pinned;
    return {};
}

// A process with the pinned comm can have any name as an executable or a script: both conditions
// hold together. Only where no names are tracked, the comm decides alone.
Result<void> narrow_comm(const vigil_control& pinned, Filter& filter) {
    const char* bytes = pinned.wanted.comm;
    const std::string comm(bytes, ::strnlen(bytes, sizeof pinned.wanted.comm));
    model::Comm padded;
    std::copy(comm.begin(), comm.end(), padded.bytes.begin());
    if (filter.name && !can_track_names(pinned.filter.kinds) &&
        !NameTracker::matches_comm(*filter.name, padded)) {
        return usage_error(fmt::format(
            "-c {0}: only the comm {1} was pinned, and names of executables and scripts come with "
            "exec and exit events, which were not: 'vigil pin -e fork,exec,exit -c {1}' does",
            quote_if_needed(*filter.name), quote_if_needed(comm)));
    }
    filter.comm = comm;
    return {};
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

void widen_for_tracking(vigil_filter& filter) {
    widen_for_names(filter);
    filter.kinds |= model::kind_bit(model::Kind::fork);
}

std::optional<WantedProcess> wanted_process(const vigil_filter& filter, uint32_t pid,
                                            uint64_t start_ns) {
    if (pid == 0) {
        return std::nullopt;
    }
    return filter.start_tick_ns == 0 ? WantedProcess{.pid = pid}
                                     : WantedProcess{pid, start_ns, filter.start_tick_ns};
}

Result<void> narrow_to(const vigil_control& pinned, Filter& filter) {
    const vigil_filter& wanted = pinned.wanted;
    if ((filter.signals & ~wanted.signals) != 0) {
        return usage_error(
            "the signals that are to be shown were not pinned: 'vigil pin' takes -s and -a too");
    }
    TRY(narrow_process("-p", wanted_process(wanted, wanted.pid, wanted.pid_start_ns), filter.pid));
    TRY(narrow_process("--sender", wanted_process(wanted, wanted.sender, wanted.sender_start_ns),
                       filter.sender));
    TRY(narrow_process("--target", wanted_process(wanted, wanted.target, wanted.target_start_ns),
                       filter.target));
    if ((wanted.flags & VIGIL_FILTER_UID) != 0) {
        if (filter.uid && *filter.uid != wanted.uid) {
            return not_pinned(fmt::format("-u {}", *filter.uid),
                              fmt::format("user {}", wanted.uid));
        }
        filter.uid = wanted.uid;
    }
    if ((wanted.flags & VIGIL_FILTER_COMM) != 0) {
        TRY(narrow_comm(pinned, filter));
    }
    return {};
}

}  // namespace vigil::pipeline
