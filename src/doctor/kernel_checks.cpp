// SPDX-License-Identifier: Apache-2.0
#include "doctor/kernel_checks.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/units.h"
#include "host/cgroups.h"
#include "host/hints.h"
#include "host/kernel.h"
#include "host/kernel_types.h"
#include "host/privileges.h"
#include "host/probe.h"

namespace vigil::doctor {
namespace {

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
    Option{"CONFIG_FAIR_GROUP_SCHED",
           "the CPU time of an exited process is low by up to a tick per running thread"},
    Option{"CONFIG_CGROUPS", "events name no cgroup, and --cgroup can't work"},
    Option{"CONFIG_TASK_IO_ACCOUNTING", "bytes read and written by a process are not counted"},
};

void check_memlock(DoctorReport& report) {
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

void check_tracefs(DoctorReport& report) {
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

void check_cgroups(DoctorReport& report) {
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

void check_lockdown(DoctorReport& report) {
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

}  // namespace

void check_kernel(DoctorReport& report) {
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
    for (const Option& option : options) {
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

void check_privileges(DoctorReport& report) {
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

void check_facilities(DoctorReport& report) {
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
                    host::pid_namespace_hint());
    }
}

}  // namespace vigil::doctor
