// SPDX-License-Identifier: Apache-2.0
#include "host/probe.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <linux/types.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/fd.h"
#include "host/hints.h"
#include "host/kernel.h"
#include "host/kernel_types.h"
#include "host/libbpf_log.h"
#include "host/privileges.h"

namespace vigil::host {
namespace {

// How to load one program type, and its attach target if that is a kernel type.
struct ProgramSpec {
    bpf_prog_type type = BPF_PROG_TYPE_UNSPEC;
    bpf_attach_type attach = BPF_CGROUP_INET_INGRESS;  // 0: none
    const char* target = nullptr;
    __u32 target_kind = BTF_KIND_FUNC;
    __u32 flags = 0;
};

ProgramSpec program_spec_for(ProgramType type) {
    switch (type) {
        case ProgramType::tp_btf:
            return {BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "btf_trace_sched_process_fork",
                    BTF_KIND_TYPEDEF};
        case ProgramType::raw_tracepoint:
            return {.type = BPF_PROG_TYPE_RAW_TRACEPOINT};
        case ProgramType::tracepoint:
            return {.type = BPF_PROG_TYPE_TRACEPOINT};
        case ProgramType::fexit:
            return {BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, "tcp_sendmsg"};
        case ProgramType::iter_task:
            return {BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, "bpf_iter_task"};
        case ProgramType::syscall:
            return {.type = BPF_PROG_TYPE_SYSCALL, .flags = BPF_F_SLEEPABLE};
        case ProgramType::cgroup_skb:
            return {.type = BPF_PROG_TYPE_CGROUP_SKB};
        case ProgramType::kprobe:
            return {.type = BPF_PROG_TYPE_KPROBE};
    }
    return {};
}

bpf_insn instruction(__u8 code, __s32 immediate) {
    bpf_insn made{};
    made.code = code;
    made.imm = immediate;
    return made;
}

}  // namespace

ProbeResult probe_program(ProgramType type) {
    const ProgramSpec spec = program_spec_for(type);
    LIBBPF_OPTS(bpf_prog_load_opts, options);
    options.expected_attach_type = spec.attach;
    options.prog_flags = spec.flags;
    if (spec.target != nullptr) {
        options.attach_btf_id = kernel_type_id(spec.target, spec.target_kind);
        if (options.attach_btf_id == 0) {
            return missing(fmt::format("this kernel has no {}", spec.target));
        }
    }
    const std::array program{instruction(BPF_ALU64 | BPF_MOV | BPF_K, 0),  // r0 = 0
                             instruction(BPF_JMP | BPF_EXIT, 0)};
    VerifierLog verifier;
    const LibbpfLog quiet;
    Fd loaded(::bpf_prog_load(spec.type, "probe", "GPL", program.data(), program.size(), &options));
    if (loaded) {
        return supported();
    }
    const int first_error = errno;
    options.log_buf = verifier.data();
    options.log_size = VerifierLog::size_bytes;
    options.log_level = 1;
    loaded =
        Fd(::bpf_prog_load(spec.type, "probe", "GPL", program.data(), program.size(), &options));
    const std::string last_error_line = verifier.last_error_line();
    if (first_error == EINVAL && last_error_line.empty()) {
        return missing("this kernel has no such programs");
    }
    return denied(first_error, last_error_line);
}

bool has_kprobe_events() {
    return ::access("/sys/bus/event_source/devices/kprobe/type", F_OK) == 0;
}

std::optional<uint64_t> memlock_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return std::nullopt;
    }
    return limit.rlim_cur;
}

bool memlock_is_low() {
    const KernelRelease kernel = kernel_release();
    return std::pair(kernel.major, kernel.minor) < std::pair(5, 11) &&
           memlock_limit().value_or(UINT64_MAX) < sufficient_memlock_bytes &&
           !capabilities().sys_resource;
}

Result<void> check_can_trace() {
    const Capabilities has = capabilities();
    if (!has.bpf || !has.perfmon) {
        const char* missing = has.bpf       ? "CAP_PERFMON"
                              : has.perfmon ? "CAP_BPF"
                                            : "CAP_BPF and CAP_PERFMON";
        return Error{ErrorCode::unsupported,
                     fmt::format("tracing needs {}: {}", missing, privileges_hint())};
    }
    if (!in_initial_user_namespace()) {
        return Error{ErrorCode::unsupported,
                     "capabilities that were gained in a user namespace don't count for BPF: run "
                     "it outside (not in a rootless container)"};
    }
    if (lockdown_mode() == "confidentiality") {
        return Error{
            ErrorCode::unsupported,
            "lockdown (confidentiality) forbids reading kernel memory: " + lockdown_hint()};
    }
    if (!has_btf()) {
        return Error{ErrorCode::unsupported,
                     fmt::format("this kernel does not describe its types ({} can't be read): {}",
                                 btf_path, btf_hint())};
    }
    return {};
}

}  // namespace vigil::host
