// SPDX-License-Identifier: Apache-2.0
// What this machine can do for vigil: asked with capture/probe and capture/kernel, told here in
// words, with what each lack means and how to end it.
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

#include "apps/cli.h"
#include "apps/doctor_module.h"
#include "apps/findings.h"
#include "base/say.h"
#include "base/units.h"
#include "capture/hooks.h"
#include "capture/pin.h"
#include "capture/probe.h"
#include "capture/tracer.h"
#include "host/kernel.h"
#include "host/probe.h"
#include "sample/sampler.h"

namespace vigil::apps {
namespace {

using host::ProgramType;

struct Option {
    std::string_view name;
    std::string_view effect;
};
constexpr std::array options{
    Option{"CONFIG_BPF", "nothing can be traced"},
    Option{"CONFIG_BPF_SYSCALL", "nothing can be traced"},
    Option{"CONFIG_BPF_JIT", "programs are interpreted: every event costs more"},
    Option{"CONFIG_DEBUG_INFO_BTF", "nothing can be traced"},
    Option{"CONFIG_FTRACE_SYSCALLS", "--failed can't work"},
    Option{"CONFIG_CGROUPS", "events name no cgroup, and --cgroup can't work"},
    Option{"CONFIG_TASK_IO_ACCOUNTING", "bytes read and written by a process are not counted"},
};

void look_at_kernel(Findings& findings) {
    findings.begin("Kernel");
    const host::KernelRelease kernel = host::kernel_release();
    if (host::is_tested(kernel)) {
        findings.ok("release", kernel.release + ", a tested series");
    } else if (std::pair(kernel.major, kernel.minor) < std::pair(5, 8)) {
        findings.missing("release", kernel.release, "BPF ring buffers came with 5.8: no tracing",
                         host::tested_fix());
    } else {
        findings.info("release", fmt::format("{}, not among the tested series {}", kernel.release,
                                             fmt::join(host::tested_series, ", ")));
    }
    if (kernel.architecture == "x86_64") {
        findings.ok("architecture", kernel.architecture);
    } else {
        findings.info("architecture", kernel.architecture + ", not tested (x86_64 is)");
    }

    const auto config = host::kernel_config();
    if (!config) {
        findings.info("configuration",
                      fmt::format("can't be told: neither /proc/config.gz nor /boot/config-{} can "
                                  "be read",
                                  kernel.release));
        return;
    }
    const size_t before = findings.checks().size();
    for (const Option& option : options) {
        if (!config->enabled.contains(option.name)) {
            findings.missing(std::string(option.name), "not in " + config->source,
                             std::string(option.effect),
                             fmt::format("use a kernel built with {}=y", option.name));
        }
    }
    if (findings.checks().size() == before) {
        findings.ok("configuration", config->source + " has all that vigil uses");
    }
}

void look_at_memlock(Findings& findings) {
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
    if (host::memlock_is_short()) {
        findings.missing("memlock limit", size, "before 5.11 it bounds the ring and the maps",
                         host::memlock_fix());
    } else if (limit.value_or(UINT64_MAX) < host::enough_memlock_bytes) {
        findings.ok("memlock limit", size + ", raised when needed (CAP_SYS_RESOURCE)");
    } else {
        findings.ok("memlock limit", size);
    }
}

void look_at_privileges(Findings& findings) {
    findings.begin("Privileges");
    const host::Capabilities has = host::capabilities();
    const auto capability = [&](const char* name, bool present, const char* effect,
                                std::string fix) {
        if (present) {
            findings.ok(name);
        } else {
            findings.missing(name, "", effect, std::move(fix));
        }
    };
    capability("CAP_BPF", has.bpf, "nothing can be traced", host::privileges_fix());
    capability("CAP_PERFMON", has.perfmon, "nothing can be traced", host::privileges_fix());
    if (!has.dac_read_search && ::geteuid() == 0) {
        findings.info("CAP_DAC_READ_SEARCH", "absent; root does without");
    } else {
        capability("CAP_DAC_READ_SEARCH", has.dac_read_search,
                   "tracefs belongs to root: --failed can't work", host::privileges_fix());
    }
    capability("CAP_SYS_PTRACE", has.sys_ptrace,
               "none for tracing; /proc hides the files and the I/O of other users' processes",
               "run it with sudo");
    look_at_memlock(findings);
    if (!host::in_initial_user_namespace()) {
        findings.missing("user namespace", "not the initial one",
                         "capabilities that were gained in it don't count for BPF",
                         "run it outside (not in a rootless container)");
    }
}

void look_at_tracefs(Findings& findings) {
    constexpr const char* events = "/sys/kernel/tracing/events";
    const bool mounted = ::faccessat(AT_FDCWD, events, F_OK, AT_EACCESS) == 0;
    const bool hidden = !mounted && errno == EACCES;
    if (host::has_tracefs()) {
        findings.ok("tracefs", "syscall events can be read");
    } else if (mounted) {
        findings.missing("tracefs", "mounted, without syscall events", "--failed can't work",
                         "use a kernel built with CONFIG_FTRACE_SYSCALLS=y");
    } else {
        findings.missing("tracefs", hidden ? "can't be read" : "not mounted",
                         "--failed can't work; all else does", host::tracefs_fix());
    }
}

void look_at_cgroups(Findings& findings) {
    const host::CgroupMounts cgroups = host::cgroup_mounts();
    if (cgroups.unified.empty()) {
        findings.missing("cgroup v2", "not mounted",
                         "--cgroup can't work, and all processes may seem to be in one cgroup",
                         "mount it with: sudo mount -t cgroup2 cgroup2 /sys/fs/cgroup");
    } else if (cgroups.v1) {
        findings.info("cgroup v2", "at " + cgroups.unified + ", beside version 1 (hybrid)",
                      "processes that are only in version 1 groups seem to be in the root group",
                      "boot with systemd.unified_cgroup_hierarchy=1 cgroup_no_v1=all");
    } else {
        findings.ok("cgroup v2", "at " + cgroups.unified);
    }
}

void look_at_lockdown(Findings& findings) {
    const std::string mode = host::lockdown_mode();
    if (mode == "confidentiality") {
        findings.missing("lockdown", mode, "programs may not read kernel memory",
                         host::lockdown_fix());
    } else if (mode == "integrity") {
        findings.info("lockdown", mode + "; tracing works, for modules see below");
    } else if (mode.empty()) {
        findings.info("lockdown", "not in this kernel, or securityfs is not mounted");
    } else {
        findings.ok("lockdown", mode);
    }
}

void look_at_facilities(Findings& findings) {
    findings.begin("Kernel facilities");
    if (host::has_btf()) {
        findings.ok("BTF", host::btf_path);
    } else {
        findings.missing("BTF", fmt::format("{} can't be read", host::btf_path),
                         "nothing can be traced", host::btf_fix());
    }
    look_at_tracefs(findings);
    if (host::has_bpffs()) {
        findings.ok("bpffs", host::bpffs_path);
    } else {
        findings.info("bpffs", fmt::format("not mounted at {}; 'sudo vigil pin' does it by itself",
                                           host::bpffs_path));
    }
    look_at_cgroups(findings);
    look_at_lockdown(findings);

    const auto unprivileged =
        host::read_setting("/proc/sys/kernel/unprivileged_bpf_disabled").value_or("?");
    findings.info("unprivileged BPF", unprivileged == "0"   ? "allowed; vigil needs more than that"
                                      : unprivileged == "?" ? "can't be told"
                                                            : "not allowed; vigil does without");
    if (host::in_initial_pid_namespace()) {
        findings.ok("PID namespace", "the initial one");
    } else {
        findings.info("PID namespace", "not the initial one",
                      "events carry the initial namespace's pids, not those that ps shows here",
                      "run it in the initial PID namespace (docker run --pid=host)");
    }
}

void look_at_hooks(Findings& findings) {
    for (size_t i = 0; i < model::kernel_kind_count; i++) {
        const auto kind = static_cast<model::Kind>(i);
        const std::string_view name = to_string(kind);
        const host::Answer answer = capture::probe_hook(kind);
        const std::string hook = fmt::format("{} hook", name);
        if (answer.works) {
            findings.ok(hook, "loads");
            continue;
        }
        if (kind == model::Kind::kill_failed) {
            findings.missing(hook, answer.reason, "--failed can't work", host::refusal_fix(answer));
            continue;
        }
        findings.missing(hook, answer.reason,
                         fmt::format("'vigil trace' can't show {} events", name),
                         host::refusal_fix(answer));
        findings.cannot_trace(fmt::format("the {} hook does not load ({}): {}", name, answer.reason,
                                          host::refusal_fix(answer)));
    }
}

void look_at_ring(Findings& findings) {
    std::string size;
    append_size(size, capture::default_ring_bytes);
    const host::Answer answer = capture::probe_ring(capture::default_ring_bytes);
    if (answer.works) {
        findings.ok("ring buffer", size);
        return;
    }
    const std::string fix =
        answer.forbidden ? host::refusal_fix(answer) : "use a smaller --ring-size, or free memory";
    findings.missing("ring buffer", fmt::format("{}: {}", size, answer.reason),
                     "'vigil trace' can't work as it is", fix);
    findings.cannot_trace(fmt::format("no ring buffer of {} ({}): {}", size, answer.reason, fix));
}

void look_at_program_types(Findings& findings) {
    const auto probe = [&](ProgramType type, const char* name, const char* purpose,
                           const char* effect) {
        const host::Answer answer = host::probe_program(type);
        if (answer.works) {
            findings.ok(name, fmt::format("loads; {}", purpose));
        } else if (effect == nullptr) {
            findings.info(name, fmt::format("{}; {}", answer.reason, purpose));
        } else {
            findings.missing(name, answer.reason, effect, host::refusal_fix(answer));
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
        findings.info("type kprobe", "this kernel has no kprobes; not used");
    }
}

void choose_network_method(Findings& findings) {
    constexpr const char* tracepoints = "the tracepoints sock_send_length and sock_recv_length";
    const host::Answer answer = capture::probe_network();
    if (!answer.works) {
        findings.missing("network bytes", answer.reason,
                         "what a process sends and receives can't be counted",
                         capture::network_fix(answer));
        return;
    }
    switch (capture::find_network_hooks().method) {
        case capture::NetworkMethod::functions:
            findings.ok("network bytes", "by fexit of the TCP and UDP functions");
            break;
        case capture::NetworkMethod::tracepoints:
            findings.ok("network bytes", fmt::format("by {}, through tracefs", tracepoints));
            break;
        case capture::NetworkMethod::raw_tracepoints:
        case capture::NetworkMethod::none:
            findings.ok("network bytes", fmt::format("by {}", tracepoints));
            break;
    }
}

// By opening it, as 'vigil watch' does.
void choose_sweep(Findings& findings) {
    const auto sampler = sample::Sampler::open({});
    if (sampler.reason().empty()) {
        findings.ok("sweep of all processes", fmt::format("by {}", sampler.name()));
    } else {
        findings.info("sweep of all processes", "by /proc: " + sampler.reason(),
                      "costs some hundred times the CPU, and network bytes can't be told",
                      host::tested_fix());
    }
}

void choose_methods(Findings& findings) {
    findings.begin("Methods");
    if (host::tracepoint_parameters("sched_process_exit") >= 2) {
        findings.ok("last thread of an exit", "the kernel names it");
        findings.ok("peak memory", "asked at exit, while the memory is still there");
    } else {
        findings.ok("last thread of an exit", "threads that race are told apart by vigil");
        findings.info("peak memory", "from the process's own record, which survives exec",
                      "only an upper bound is known of a program that stayed below what ran in "
                      "its process before (peak_rss_at_most)",
                      "use a newer kernel (6.18 has it)");
    }
    choose_network_method(findings);
    choose_sweep(findings);
}

Findings examine() {
    Findings findings;
    look_at_kernel(findings);
    if (const auto can = host::check_can_trace(); !can) {
        findings.cannot_trace(can.error().context);
    }
    look_at_privileges(findings);
    look_at_facilities(findings);

    findings.begin("Programs");
    const host::Capabilities has = host::capabilities();
    const char* untold = nullptr;
    if (!has.bpf || !has.perfmon) {
        untold = "can't be told without CAP_BPF and CAP_PERFMON";
    } else if (!host::in_initial_user_namespace()) {
        untold = "can't be told in a user namespace";
    } else if (!host::has_btf()) {
        untold = "can't be told without BTF";
    }
    if (untold == nullptr) {
        look_at_hooks(findings);
        look_at_ring(findings);
        look_at_program_types(findings);
        choose_methods(findings);
    } else {
        findings.info("hooks, types, ring buffer", untold);
        findings.begin("Methods");
        findings.info("network bytes, sweep", untold);
    }
    look_at_module(findings);
    return findings;
}

}  // namespace

int run_doctor(const Arguments& arguments) {
    CLI::App app(
        "Says what vigil can do on this machine, what is missing, and how to get it. Changes\n"
        "nothing. Exit code 0 where tracing works, 3 where it can't.",
        "vigil doctor");
    std::string format = "text";
    app.add_option("-o,--output", format, "text or json [text]")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"text", "json"}));
    if (const auto exit_code = parse(app, arguments)) {
        return *exit_code;
    }
    const Findings findings = examine();
    const std::string out =
        format == "json" ? to_json(findings) : to_text(findings, wants_colour());
    say(stdout, "{}", out);
    return findings.obstacle().empty() ? 0 : static_cast<int>(ErrorCode::unsupported);
}

}  // namespace vigil::apps
