// SPDX-License-Identifier: Apache-2.0
// Converts a request to options of the kernel side; and narrows a request to what pinned programs
// can still deliver.
#include "commands/trace/trace_options.h"
#include "host/cgroups.h"
#include "pipeline/kernel_filter.h"

namespace vigil::commands {

namespace {

constexpr model::KindSet signal_kinds =
    model::kind_bit(model::Kind::signal) | model::kind_bit(model::Kind::kill_failed);

}  // namespace

Result<TraceRequest> narrow_to_pinned(const vigil_control& pinned, TraceRequest request) {
    pipeline::Filter& filter = request.filter;
    const vigil_filter& wanted = pinned.wanted;
    if (!request.kinds_given && filter.kinds == default_kinds) {
        filter.kinds = wanted.kinds;
    } else if (!request.kinds_given && filter.kinds == model::kind_bit(model::Kind::signal) &&
               (wanted.kinds & signal_kinds) != 0) {
        filter.kinds = wanted.kinds & signal_kinds;  // implied by --sender or --target
    }
    if ((filter.kinds & ~wanted.kinds) != 0) {
        return usage_error("what is to be shown was not pinned: 'vigil pin' takes -e too");
    }
    if (!request.signals_given) {
        filter.signals = wanted.signals;
    } else if ((filter.kinds & signal_kinds) == 0) {
        return usage_error(
            "-s and -a choose among signals, which were not pinned: 'vigil pin -e "
            "signal' does");
    }
    TRY(pipeline::narrow_to(pinned, filter));
    if (needs_names(request)) {
        if (!pipeline::can_track_names(pinned.filter.kinds)) {
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
    const bool forks = (request.filter.kinds & model::kind_bit(model::Kind::fork)) != 0;
    return request.format == Format::table ||
           (forks && (request.filter.comm || request.filter.name));
}

Result<capture::TraceOptions> kernel_options(const TraceRequest& request) {
    capture::TraceOptions options;
    options.ring_bytes = request.ring_bytes;
    options.account_network = request.network;
    options.wanted = pipeline::kernel_filter(request.filter);
    vigil_filter& filter = options.wanted;
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
        options.cgroup_path = cgroup.path;
    }
    options.filter = options.wanted;
    if (needs_names(request)) {
        pipeline::widen_for_names(options.filter);
    }
    if (request.filter.name) {
        pipeline::widen_for_tracking(options.filter);
    }
    return options;
}

}  // namespace vigil::commands
