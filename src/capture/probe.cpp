// SPDX-License-Identifier: Apache-2.0
#include "capture/probe.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/types.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>

#include "base/fd.h"
#include "capture/hooks.h"
#include "capture/ring.h"
#include "host/hints.h"
#include "host/kernel_types.h"
#include "host/libbpf_log.h"
#include "vigil_bpf.skel.h"

namespace vigil::capture {

namespace {

host::ProbeResult probe_programs(const std::vector<std::string>& names, bool exit_names_last,
                                 bool recvmsg_has_nonblock) {
    const host::LibbpfLog log;
    host::VerifierLog verifier;
    const std::unique_ptr<vigil_bpf, void (*)(vigil_bpf*)> skeleton(vigil_bpf::open(),
                                                                    vigil_bpf::destroy);
    if (!skeleton) {
        return host::denied(errno, log.last_error_line());
    }
    bpf_program* program = nullptr;
    while ((program = ::bpf_object__next_program(skeleton->obj, program)) != nullptr) {
        ::bpf_program__set_autoload(program, false);
    }
    for (const std::string& name : names) {
        bpf_program* program_to_load =
            ::bpf_object__find_program_by_name(skeleton->obj, name.c_str());
        ::bpf_program__set_autoload(program_to_load, true);
        ::bpf_program__set_log_buf(program_to_load, verifier.data(), host::VerifierLog::size_bytes);
    }
    // Small maps: only the programs are probed here.
    ::bpf_map__set_max_entries(skeleton->maps.ring, static_cast<__u32>(::getpagesize()));
    ::bpf_map__set_max_entries(skeleton->maps.processes, 1);
    ::bpf_map__set_max_entries(skeleton->maps.exited, 1024);
    skeleton->rodata->exit_names_last = exit_names_last;
    skeleton->rodata->recvmsg_has_nonblock = recvmsg_has_nonblock;
    if (const int error = vigil_bpf::load(skeleton.get()); error != 0) {
        const std::string last_error_line = verifier.last_error_line();
        return host::denied(-error, !last_error_line.empty() ? last_error_line
                                    : error == -EPERM        ? ""  // libbpf only guesses at memlock
                                                             : log.last_error_line());
    }
    return host::supported();
}

}  // namespace

host::ProbeResult probe_hook(model::Kind kind) {
    const bool exit_names_last =
        kind == model::Kind::exit && host::tracepoint_parameters("sched_process_exit") >= 2;
    return probe_programs(program_names(static_cast<int>(kind), needed_lanes()), exit_names_last,
                          false);
}

host::ProbeResult probe_network() {
    const NetworkHooks hooks = find_network_hooks();
    if (!hooks.programs.empty()) {
        return probe_programs(hooks.programs, false, hooks.recvmsg_has_nonblock);
    }
    return host::missing(hooks.method == NetworkMethod::tracepoints
                             ? "since 7.0 it needs tracefs, which can't be read here"
                             : "this kernel has neither the tracepoints nor the functions for it");
}

std::string network_hint(const host::ProbeResult& denial) {
    const NetworkHooks hooks = find_network_hooks();
    return hooks.method == NetworkMethod::tracepoints && hooks.programs.empty()
               ? host::tracefs_hint()
               : host::denial_hint(denial);
}

host::ProbeResult probe_ring(uint64_t size_bytes) {
    const Fd map(::bpf_map_create(BPF_MAP_TYPE_RINGBUF, "probe", 0, 0,
                                  static_cast<__u32>(size_bytes), nullptr));
    if (!map) {
        return host::denied(errno, "");
    }
    const auto ring = Ring::open(map.get(), size_bytes);
    return ring ? host::supported() : host::missing(ring.error().context);
}

}  // namespace vigil::capture
