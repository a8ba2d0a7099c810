// SPDX-License-Identifier: Apache-2.0
#include "doctor/program_checks.h"

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "base/units.h"
#include "capture/hooks.h"
#include "capture/probe.h"
#include "capture/tracer.h"
#include "host/hints.h"
#include "host/kernel_types.h"
#include "host/probe.h"
#include "model/event.h"
#include "sampling/sampler.h"

namespace vigil::doctor {
namespace {

using host::ProgramType;

void choose_network_method(DoctorReport& report) {
    constexpr const char* tracepoints = "the tracepoints sock_send_length and sock_recv_length";
    const host::ProbeResult result = capture::probe_network();
    if (!result.supported) {
        report.missing("network bytes", result.reason,
                       "what a process sends and receives can't be counted",
                       capture::network_hint(result));
        return;
    }
    switch (capture::find_network_hooks().method) {
        case capture::NetworkMethod::functions:
            report.ok("network bytes", "by fexit of the TCP and UDP functions");
            break;
        case capture::NetworkMethod::tracepoints:
            report.ok("network bytes", fmt::format("by {}, through tracefs", tracepoints));
            break;
        case capture::NetworkMethod::raw_tracepoints:
        case capture::NetworkMethod::none:
            report.ok("network bytes", fmt::format("by {}", tracepoints));
            break;
    }
}

// By opening it, as 'vigil watch' does.
void choose_sweep(DoctorReport& report) {
    const auto sampler = sampling::Sampler::open({});
    if (sampler.reason().empty()) {
        report.ok("sweep of all processes", fmt::format("by {}", sampler.name()));
    } else {
        report.info("sweep of all processes", "by /proc: " + sampler.reason(),
                    "costs about a hundred times the CPU, and network bytes can't be determined",
                    host::tested_hint());
    }
}

}  // namespace

void check_hooks(DoctorReport& report) {
    for (size_t i = 0; i < model::kernel_kind_count; i++) {
        const auto kind = static_cast<model::Kind>(i);
        const std::string_view name = to_string(kind);
        const host::ProbeResult result = capture::probe_hook(kind);
        const std::string hook = fmt::format("{} hook", name);
        if (result.supported) {
            report.ok(hook, "loads");
            continue;
        }
        if (kind == model::Kind::kill_failed) {
            report.missing(hook, result.reason, "--failed can't work", host::denial_hint(result));
            continue;
        }
        report.missing(hook, result.reason, fmt::format("'vigil trace' can't show {} events", name),
                       host::denial_hint(result));
        report.cannot_trace(fmt::format("the {} hook does not load ({}): {}", name, result.reason,
                                        host::denial_hint(result)));
    }
}

void check_ring(DoctorReport& report) {
    std::string size;
    append_size(size, capture::default_ring_bytes);
    const host::ProbeResult result = capture::probe_ring(capture::default_ring_bytes);
    if (result.supported) {
        report.ok("ring buffer", size);
        return;
    }
    const std::string fix =
        result.forbidden ? host::denial_hint(result) : "use a smaller --ring-size, or free memory";
    report.missing("ring buffer", fmt::format("{}: {}", size, result.reason),
                   "'vigil trace' can't work as it is", fix);
    report.cannot_trace(fmt::format("no ring buffer of {} ({}): {}", size, result.reason, fix));
}

void check_program_types(DoctorReport& report) {
    const auto probe = [&](ProgramType type, const char* name, const char* purpose,
                           const char* effect) {
        const host::ProbeResult result = host::probe_program(type);
        if (result.supported) {
            report.ok(name, fmt::format("loads; {}", purpose));
        } else if (effect == nullptr) {
            report.info(name, fmt::format("{}; {}", result.reason, purpose));
        } else {
            report.missing(name, result.reason, effect, host::denial_hint(result));
        }
    };
    probe(ProgramType::tp_btf, "type tp_btf", "all tracing needs it", "nothing can be traced");
    probe(ProgramType::tracepoint, "type tracepoint", "for --failed, since 7.0 for network bytes",
          "--failed can't work");
    probe(ProgramType::fexit, "type fexit", "one way to network bytes", nullptr);
    probe(ProgramType::iter_task, "type iter/task", "one way to sweep", nullptr);
    probe(ProgramType::syscall, "type syscall", "one way to sweep", nullptr);
    probe(ProgramType::raw_tracepoint, "type raw_tp", "not used", nullptr);
    probe(ProgramType::cgroup_skb, "type cgroup_skb", "not used", nullptr);
    if (host::has_kprobe_events()) {
        probe(ProgramType::kprobe, "type kprobe", "not used", nullptr);
    } else {
        report.info("type kprobe", "this kernel has no kprobes; not used");
    }
}

void choose_methods(DoctorReport& report) {
    report.begin("Methods");
    if (host::tracepoint_parameters("sched_process_exit") >= 2) {
        report.ok("last thread of an exit", "the kernel names it");
        report.ok("peak memory", "read at the exit, while the memory still exists");
    } else {
        report.ok("last thread of an exit", "threads that race are distinguished by vigil");
        report.info("peak memory", "from the process's own record, which survives exec",
                    "only an upper bound is known of a program that stayed below what ran in "
                    "its process before (peak_rss_at_most)",
                    "use a newer kernel (6.18 has it)");
    }
    choose_network_method(report);
    choose_sweep(report);
}

}  // namespace vigil::doctor
