// SPDX-License-Identifier: Apache-2.0
#include "capture/hooks.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

#include "host/kernel.h"
#include "host/kernel_types.h"

namespace vigil::capture {
namespace {

// Hooks in which a task can be preempted. Signals are generated under a spin lock.
bool has_lanes(int kind) { return kind == VIGIL_FORK || kind == VIGIL_EXEC || kind == VIGIL_EXIT; }

std::string base_name(int kind) {
    switch (kind) {
#define VIGIL_HOOK_NAME(number, NAME, name) \
    case VIGIL_##NAME:                      \
        return "on_" #name;
        VIGIL_KINDS(VIGIL_HOOK_NAME)
#undef VIGIL_HOOK_NAME
        default:
            return {};
    }
}

constexpr std::array all_kinds{
#define VIGIL_HOOK_KIND(number, NAME, name) int{VIGIL_##NAME},
    VIGIL_KINDS(VIGIL_HOOK_KIND)
#undef VIGIL_HOOK_KIND
};

// The first ones are required. The others may be absent (tcp_sendpage was removed in 6.5) or in a
// module, where they can't be attached (IPv6).
const std::vector<std::string> network_functions{
    "tcp_recvmsg",  "tcp_sendmsg",     "udp_recvmsg",   "udp_sendmsg",
    "tcp_sendpage", "tcp_splice_read", "udpv6_recvmsg", "udpv6_sendmsg",
};
constexpr ptrdiff_t needed_functions = 4;

std::vector<std::string> lane_names(const std::string& base, uint32_t lanes) {
    std::vector<std::string> names{base};
    for (uint32_t lane = 1; lane < lanes; lane++) {
        names.push_back(base + "_lane" + std::to_string(lane));
    }
    return names;
}

// Whether threads created by the kernel (io_uring, vhost) are needed.
bool counts_threads(const vigil_filter& filter) {
    const bool forks = (filter.kinds >> VIGIL_FORK & 1) != 0;
    return (filter.kinds >> VIGIL_EXIT & 1) != 0 ||
           (forks && (filter.flags & VIGIL_FILTER_THREADS) != 0);
}

bool is_needed(int kind, const ProgramSelection& selection) {
    const vigil_filter& filter = selection.filter;
    const auto wants = [&](int other) { return (filter.kinds >> other & 1) != 0; };
    const bool tree = (filter.flags & VIGIL_FILTER_TREE) != 0;
    switch (kind) {
        case VIGIL_FORK:
            return wants(VIGIL_FORK) || wants(VIGIL_EXIT) || tree || selection.count_processes;
        case VIGIL_EXEC:
            return wants(VIGIL_EXEC) || wants(VIGIL_EXIT);
        case VIGIL_EXIT:
            return wants(VIGIL_EXIT) || tree || !selection.network.programs.empty();
        case VIGIL_SIGNAL:
            return wants(VIGIL_SIGNAL) || wants(VIGIL_OOM);
        default:
            return wants(kind);
    }
}

}  // namespace

// BTF does not show it: since 7.0 tracepoints call their programs with preemption enabled.
uint32_t needed_lanes() { return host::kernel_release().major >= 7 ? VIGIL_LANES : 1; }

std::vector<std::string> program_names(int kind, uint32_t lanes) {
    if (kind == VIGIL_KILL_FAILED) {
        return {"on_kill_exit",     "on_tkill_exit",      "on_tgkill_exit",
                "on_sigqueue_exit", "on_tgsigqueue_exit", "on_pidfd_exit"};
    }
    return lane_names(base_name(kind), has_lanes(kind) ? lanes : 1);
}

NetworkHooks find_network_hooks() {
    if (host::tracepoint_parameters("sock_send_length") >= 3 &&
        host::tracepoint_parameters("sock_recv_length") >= 3) {
        if (needed_lanes() == 1) {
            return {NetworkMethod::raw_tracepoints, {"on_send", "on_receive"}, false};
        }
        NetworkHooks hooks{NetworkMethod::tracepoints, {}, false};
        if (host::has_trace_event("sock/sock_send_length")) {
            hooks.programs = {"on_send_event", "on_receive_event"};
        }
        return hooks;
    }
    const std::vector<int> parameters = host::function_parameters(network_functions);
    if (std::count(parameters.begin(), parameters.begin() + needed_functions, -1) > 0) {
        return {};
    }
    NetworkHooks hooks{NetworkMethod::functions, {}, parameters[0] == 6};
    for (size_t i = 0; i < parameters.size(); i++) {
        if (parameters[i] >= 0) {
            hooks.programs.push_back("on_" + network_functions[i]);
        }
    }
    return hooks;
}

void choose_programs(const bpf_object& object, const ProgramSelection& selection) {
    bpf_program* program = nullptr;
    while ((program = ::bpf_object__next_program(&object, program)) != nullptr) {
        ::bpf_program__set_autoload(program, false);
    }
    const auto load = [&](const std::vector<std::string>& names) {
        for (const std::string& name : names) {
            ::bpf_program__set_autoload(::bpf_object__find_program_by_name(&object, name.c_str()),
                                        true);
        }
    };
    for (const int kind : all_kinds) {
        if (is_needed(kind, selection)) {
            load(program_names(kind, selection.lanes));
        }
    }
    load(selection.network.programs);
    if (selection.follow_cgroup) {
        load({"on_cgroup_mkdir"});
    }
    if ((selection.filter.kinds >> VIGIL_EXIT & 1) != 0) {
        load({"compare_clocks"});
    }
    if (counts_threads(selection.filter)) {
        load(lane_names("on_worker", selection.lanes));
    }
}

uint64_t recursion_misses(int program_fd) {
    bpf_prog_info info{};
    __u32 size = sizeof info;
    const bool known = ::bpf_obj_get_info_by_fd(program_fd, &info, &size) == 0;
    return known ? info.recursion_misses : 0;
}

uint64_t max_missed(uint32_t lanes, const std::function<uint64_t(const std::string&)>& skipped) {
    uint64_t missed = 0;
    for (const int kind : all_kinds) {
        // Every lane runs for each event, which is missed only if all of them were skipped.
        uint64_t by_all_lanes = UINT64_MAX;
        uint64_t by_any = 0;
        for (const std::string& name : program_names(kind, lanes)) {
            const uint64_t runs = skipped(name);
            by_all_lanes = std::min(by_all_lanes, runs);
            by_any += runs;
        }
        missed += has_lanes(kind) ? by_all_lanes : by_any;
    }
    return missed;
}

}  // namespace vigil::capture
