// SPDX-License-Identifier: Apache-2.0
// Converts a request to options of the kernel side; and narrows a request to what pinned programs
// can still deliver.
#include <algorithm>
#include <cstring>

#include "commands/trace/trace_options.h"
#include "host/cgroups.h"

namespace vigil::commands {
namespace {

using model::Kind;

// Kinds that give the name of a new process.
constexpr model::KindSet naming_kinds = model::kind_bit(Kind::exec) | model::kind_bit(Kind::exit);

}  // namespace

Result<TraceRequest> narrow_to_pinned(const vigil_control& pinned, TraceRequest request) {
    pipeline::Filter& filter = request.filter;
    const vigil_filter& wanted = pinned.wanted;
    if (!request.kinds_given && filter.kinds == default_kinds) {
        filter.kinds = wanted.kinds;
    }
    if ((filter.kinds & ~wanted.kinds) != 0) {
        return usage_error("what is to be shown was not pinned: 'vigil pin' takes -e too");
    }
    const auto keep = [](std::optional<uint32_t>& requested, uint32_t pinned_value, bool is_given) {
        if (is_given && !requested) {
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
    if (needs_names(request)) {
        if ((pinned.filter.kinds & naming_kinds) != naming_kinds) {
            return usage_error(
                "the names of new processes come with exec and exit events, which were not "
                "pinned: 'vigil pin -e fork,exec,exit' does");
        }
        if (request.count) {
            return usage_error(
                "--pinned takes no -n where forks wait for their names (-o table, -c)");
        }
    }
    return request;
}

bool needs_names(const TraceRequest& request) {
    const bool forks = (request.filter.kinds & model::kind_bit(Kind::fork)) != 0;
    return request.format == Format::table || (forks && request.filter.comm);
}

Result<capture::TraceOptions> kernel_options(const TraceRequest& request) {
    const pipeline::Filter& wanted = request.filter;
    capture::TraceOptions options;
    options.ring_bytes = request.ring_bytes;
    options.account_network = request.network;
    vigil_filter& filter = options.wanted;
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
    if (request.threads) {
        filter.flags |= VIGIL_FILTER_THREADS;
    }
    if (request.tree || !request.command.empty()) {
        filter.flags |= VIGIL_FILTER_TREE;
    }
    if (request.cgroup) {
        TRY_ASSIGN(const host::Cgroup cgroup, host::find_cgroup(*request.cgroup));
        filter.flags |= VIGIL_FILTER_CGROUP;
        filter.cgroup_id = cgroup.id;
        filter.cgroup_level = cgroup.level;
    }
    options.filter = options.wanted;
    if (needs_names(request)) {
        // The name comes with the exec of the child, which can have another pid and user than the
        // filter's.
        options.filter.kinds |= naming_kinds;
        options.filter.pid = 0;
        options.filter.flags &= ~static_cast<__u32>(VIGIL_FILTER_UID);
    }
    return options;
}

}  // namespace vigil::commands
