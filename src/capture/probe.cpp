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
#include "host/kernel.h"
#include "vigil_bpf.skel.h"

namespace vigil::capture {

host::Answer probe_hook(model::Kind kind) {
    const bool exit_names_last =
        kind == model::Kind::exit && host::tracepoint_parameters("sched_process_exit") >= 2;
    const host::LibbpfLog log;
    host::VerifierLog verifier;
    const std::unique_ptr<vigil_bpf, void (*)(vigil_bpf*)> skeleton(vigil_bpf::open(),
                                                                    vigil_bpf::destroy);
    if (!skeleton) {
        return host::refused(errno, log.key_line());
    }
    bpf_program* program = nullptr;
    while ((program = ::bpf_object__next_program(skeleton->obj, program)) != nullptr) {
        ::bpf_program__set_autoload(program, false);
    }
    for (const std::string& name : program_names(static_cast<int>(kind), needed_lanes())) {
        bpf_program* wanted = ::bpf_object__find_program_by_name(skeleton->obj, name.c_str());
        ::bpf_program__set_autoload(wanted, true);
        ::bpf_program__set_log_buf(wanted, verifier.data(), host::VerifierLog::size_bytes);
    }
    // Small maps: only the programs are in question here.
    ::bpf_map__set_max_entries(skeleton->maps.ring, static_cast<__u32>(::getpagesize()));
    ::bpf_map__set_max_entries(skeleton->maps.processes, 1);
    ::bpf_map__set_max_entries(skeleton->maps.exited, 1024);
    skeleton->rodata->exit_names_last = exit_names_last;
    if (const int error = vigil_bpf::load(skeleton.get()); error != 0) {
        const std::string complaint = verifier.complaint();
        return host::refused(-error, !complaint.empty() ? complaint
                                     : error == -EPERM  ? ""  // libbpf guesses at memlock
                                                        : log.key_line());
    }
    return host::works();
}

host::Answer probe_ring(uint64_t size_bytes) {
    const Fd map(::bpf_map_create(BPF_MAP_TYPE_RINGBUF, "probe", 0, 0,
                                  static_cast<__u32>(size_bytes), nullptr));
    if (!map) {
        return host::refused(errno, "");
    }
    const auto ring = Ring::open(map.get(), size_bytes);
    return ring ? host::works() : host::absent(ring.error().context);
}

}  // namespace vigil::capture
