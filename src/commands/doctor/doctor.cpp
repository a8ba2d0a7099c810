// SPDX-License-Identifier: Apache-2.0
// vigil doctor: reports what this machine supports: for each missing feature its effect and how to
// enable it. The probes are in capture/ and host/.
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/print.h"
#include "base/units.h"
#include "capture/hooks.h"
#include "capture/pin.h"
#include "capture/probe.h"
#include "capture/tracer.h"
#include "cli/cli.h"
#include "commands/doctor/doctor.h"
#include "doctor/module_checks.h"
#include "doctor/report.h"
#include "host/kernel.h"
#include "host/probe.h"
#include "output/color.h"
#include "sampling/sampler.h"

namespace vigil::commands {
namespace {

using host::ProgramType;

struct ConfigOption {
    std::string_view name;
    std::string_view effect;
};
constexpr std::array options{
    cli::Option{"CONFIG_BPF", "nothing can be traced"},
    cli::Option{"CONFIG_BPF_SYSCALL", "nothing can be traced"},
    cli::Option{"CONFIG_BPF_JIT", "programs are interpreted: every event costs more"},
    cli::Option{"CONFIG_DEBUG_INFO_BTF", "nothing can be traced"},
    cli::Option{"CONFIG_FTRACE_SYSCALLS", "--failed can't work"},
    cli::Option{"CONFIG_CGROUPS", "events name no cgroup, and --cgroup can't work"},
    cli::Option{"CONFIG_TASK_IO_ACCOUNTING", "bytes read and written by a process are not counted"},
};

void check_kernel(doctor::DoctorReport& report) {
    report.begin("Kernel");
    const host::KernelRelease kernel = host::kernel_release();
    if (host::is_tested(kernel)) {
        report.ok("release", kernel.release + ", a tested series");
    } else if (std::pair(kernel.major, kernel.minor) < std::pair(5, 8)) {
        report.missing("release", kernel.release, "BPF ring buffers came with 5.8: no tracing",
                       host::tested_hint());
    } else {
        report.info("release", fmt::format("{}, not among the tested series {}", kernel.release,
                                           fmt::join(host::tested_series, ", ")));
    }
    if (kernel.architecture == "x86_64") {
        report.ok("architecture", kernel.architecture);
    } else {
        report.info("architecture", kernel.architecture + ", not tested (x86_64 is)");
    }

    const auto config = host::kernel_config();
    if (!config) {
        report.info(
            "configuration",
            fmt::format("can't be determined: neither /proc/config.gz nor /boot/config-{} can "
                        "be read",
                        kernel.release));
        return;
    }
    const size_t before = report.checks().size();
    for (const cli::Option& option : options) {
        if (!config->enabled.contains(option.name)) {
            report.missing(std::string(option.name), "not in " + config->source,
                           std::string(option.effect),
                           fmt::format("use a kernel built with {}=y", option.name));
        }
    }
    if (report.checks().size() == before) {
        report.ok("configuration", config->source + " has all that vigil uses");
    }
}

void check_memlock(doctor::DoctorReport& report) {
    const host::KernelRelease kernel = host::kernel_release();
    if (std::pair(kernel.major, kernel.minor) >= std::pair(5, 11)) {
        return;
    }
    const auto limit = host::memlock_limit();
    std::string size = "unlimited";
    if (limit) {
        size.clear();
        append_size(size, *limit);
    }
    if (host::memlock_is_low()) {
        report.missing("memlock limit", size, "before 5.11 it bounds the ring and the maps",
                       host::memlock_hint());
    } else if (limit.value_or(UINT64_MAX) < host::sufficient_memlock_bytes) {
        report.ok("memlock limit", size + ", raised when needed (CAP_SYS_RESOURCE)");
    } else {
        report.ok("memlock limit", size);
    }
}

void check_privileges(doctor::DoctorReport& report) {
    report.begin("Privileges");
    const host::Capabilities has = host::capabilities();
    const auto capability = [&](const char* name, bool present, const char* effect,
                                std::string fix) {
        if (present) {
            report.ok(name);
        } else {
            report.missing(name, "", effect, std::move(fix));
        }
    };
    capability("CAP_BPF", has.bpf, "nothing can be traced", host::privileges_hint());
    capability("CAP_PERFMON", has.perfmon, "nothing can be traced", host::privileges_hint());
    if (!has.dac_read_search && ::geteuid() == 0) {
        report.info("CAP_DAC_READ_SEARCH", "absent; root does without");
    } else {
        capability("CAP_DAC_READ_SEARCH", has.dac_read_search,
                   "tracefs belongs to root: --failed can't work", host::privileges_hint());
    }
    capability("CAP_SYS_PTRACE", has.sys_ptrace,
               "none for tracing; /proc hides the files and the I/O of other users' processes",
               "run it with sudo");
    check_memlock(report);
    if (!host::in_initial_user_namespace()) {
        report.missing("user namespace", "not the initial one",
                       "capabilities that were gained in it don't count for BPF",
                       "run it outside (not in a rootless container)");
    }
}

void check_tracefs(doctor::DoctorReport& report) {
    constexpr const char* events = "/sys/kernel/tracing/events";
    const bool mounted = ::faccessat(AT_FDCWD, events, F_OK, AT_EACCESS) == 0;
    const bool hidden = !mounted && errno == EACCES;
    if (host::has_tracefs()) {
        report.ok("tracefs", "syscall events can be read");
    } else if (mounted) {
        report.missing("tracefs", "mounted, without syscall events", "--failed can't work",
                       "use a kernel built with CONFIG_FTRACE_SYSCALLS=y");
    } else {
        report.missing("tracefs", hidden ? "can't be read" : "not mounted",
                       "--failed can't work; all else does", host::tracefs_hint());
    }
}

void check_cgroups(doctor::DoctorReport& report) {
    const host::CgroupMounts cgroups = host::cgroup_mounts();
    if (cgroups.unified.empty()) {
        report.missing("cgroup v2", "not mounted",
                       "--cgroup can't work, and all processes may seem to be in one cgroup",
                       "mount it with: sudo mount -t cgroup2 cgroup2 /sys/fs/cgroup");
    } else if (cgroups.v1) {
        report.info("cgroup v2", "at " + cgroups.unified + ", beside version 1 (hybrid)",
                    "processes that are only in version 1 groups seem to be in the root group",
                    "boot with systemd.unified_cgroup_hierarchy=1 cgroup_no_v1=all");
    } else {
        report.ok("cgroup v2", "at " + cgroups.unified);
    }
}

void check_lockdown(doctor::DoctorReport& report) {
    const std::string mode = host::lockdown_mode();
    if (mode == "confidentiality") {
        report.missing("lockdown", mode, "programs may not read kernel memory",
                       host::lockdown_hint());
    } else if (mode == "integrity") {
        report.info("lockdown", mode + "; tracing works, for modules see below");
    } else if (mode.empty()) {
        report.info("lockdown", "not in this kernel, or securityfs is not mounted");
    } else {
        report.ok("lockdown", mode);
    }
}

void check_facilities(doctor::DoctorReport& report) {
    report.begin("Kernel facilities");
    if (host::has_btf()) {
        report.ok("BTF", host::btf_path);
    } else {
        report.missing("BTF", fmt::format("{} can't be read", host::btf_path),
                       "nothing can be traced", host::btf_hint());
    }
    check_tracefs(report);
    if (host::has_bpffs()) {
        report.ok("bpffs", host::bpffs_path);
    } else {
        report.info("bpffs", fmt::format("not mounted at {}; 'sudo vigil pin' does it by itself",
                                         host::bpffs_path));
    }
    check_cgroups(report);
    check_lockdown(report);

    const auto unprivileged =
        host::read_setting("/proc/sys/kernel/unprivileged_bpf_disabled").value_or("?");
    report.info("unprivileged BPF", unprivileged == "0"   ? "allowed; vigil needs more than that"
                                    : unprivileged == "?" ? "can't be determined"
                                                          : "not allowed; vigil does without");
    if (host::in_initial_pid_namespace()) {
        report.ok("PID namespace", "the initial one");
    } else {
        report.info("PID namespace", "not the initial one",
                    "events carry the initial namespace's pids, not those that ps shows here",
                    "run it in the initial PID namespace (docker run --pid=host)");
    }
}

void check_hooks(doctor::DoctorReport& report) {
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

void check_ring(doctor::DoctorReport& report) {
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

void check_program_types(doctor::DoctorReport& report) {
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
    probe(ProgramType::tp_btf, "type tp_btf", "all tracing rests on it", "nothing can be traced");
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

void choose_network_method(doctor::DoctorReport& report) {
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

// Opens the sampler, as 'vigil watch' does.
void choose_sweep(doctor::DoctorReport& report) {
    const auto sampler = sampling::Sampler::open({});
    if (sampler.reason().empty()) {
        report.ok("sweep of all processes", fmt::format("by {}", sampler.name()));
    } else {
        report.info("sweep of all processes", "by /proc: " + sampler.reason(),
                    "costs some hundred times the CPU, and network bytes can't be determined",
                    host::tested_hint());
    }
}

void choose_methods(doctor::DoctorReport& report) {
    report.begin("Methods");
    if (host::tracepoint_parameters("sched_process_exit") >= 2) {
        report.ok("last thread of an exit", "the kernel names it");
        report.ok("peak memory", "asked at exit, while the memory is still there");
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

doctor::DoctorReport examine() {
    doctor::DoctorReport report;
    check_kernel(report);
    if (const auto can = host::check_can_trace(); !can) {
        report.cannot_trace(can.error().context);
    }
    check_privileges(report);
    check_facilities(report);

    report.begin("Programs");
    const host::Capabilities has = host::capabilities();
    const char* unavailable_reason = nullptr;
    if (!has.bpf || !has.perfmon) {
        unavailable_reason = "can't be determined without CAP_BPF and CAP_PERFMON";
    } else if (!host::in_initial_user_namespace()) {
        unavailable_reason = "can't be determined in a user namespace";
    } else if (!host::has_btf()) {
        unavailable_reason = "can't be determined without BTF";
    }
    if (unavailable_reason == nullptr) {
        check_hooks(report);
        check_ring(report);
        check_program_types(report);
        choose_methods(report);
    } else {
        report.info("hooks, types, ring buffer", unavailable_reason);
        report.begin("Methods");
        report.info("network bytes, sweep", unavailable_reason);
    }
    doctor::check_module(report);
    return report;
}

}  // namespace

int run_doctor(const cli::Arguments& arguments) {
    cli::OptionParser app(
        "Says what vigil can do on this machine, what is missing, and how to get it. Changes\n"
        "nothing. Exit code 0 where tracing works, 3 where it can't.",
        "vigil doctor");
    std::string format = "text";
    app.add_option("-o,--output", format, "text or json [text]")
        ->type_name("FORMAT")
        ->one_of({"text", "json"});
    if (const auto exit_code = app.parse(arguments)) {
        return *exit_code;
    }
    const doctor::DoctorReport report = examine();
    const std::string out =
        format == "json" ? to_json(report) : to_text(report, output::wants_color());
    print(stdout, "{}", out);
    return report.blocker().empty() ? 0 : static_cast<int>(ErrorCode::unsupported);
}

}  // namespace vigil::commands
