// SPDX-License-Identifier: Apache-2.0
#include "host/hints.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cerrno>
#include <cstring>

#include "host/kernel.h"
#include "host/probe.h"

namespace vigil::host {

std::string privileges_hint() {
    return "run it with sudo, or give the binary these rights once: sudo setcap "
           "cap_bpf,cap_perfmon,cap_dac_read_search=ep \"$(command -v vigil)\"";
}

std::string btf_hint() {
    return "use a kernel built with CONFIG_DEBUG_INFO_BTF=y (those of Debian 11, Ubuntu 20.10, "
           "Fedora 33, RHEL 8.2 and later have it)";
}

std::string tracefs_hint() {
    return "mount it with: sudo mount -t tracefs tracefs /sys/kernel/tracing (and as another "
           "user than root have CAP_DAC_READ_SEARCH)";
}

std::string tested_hint() {
    return fmt::format("use a kernel that vigil is tested on: {}", fmt::join(tested_series, ", "));
}

std::string lockdown_hint() {
    return "boot without lockdown=confidentiality (lockdown=integrity does no harm)";
}

std::string memlock_hint() { return "raise it (ulimit -l unlimited), or run it as root"; }

std::string procfs_hint() { return "mount it with: sudo mount -t proc proc /proc"; }

std::string pid_namespace_hint() {
    return "run it in the initial PID namespace (docker run --pid=host)";
}

std::string resource_hint(int error) {
    switch (error) {
        case ENOMEM:
            return "raise the memory limit of its cgroup (memory.max; MemoryMax= of a unit); trace "
                   "and pin can also take a smaller --ring-size";
        case EMFILE:
            return "raise its limit of open files (ulimit -n; LimitNOFILE= of a unit)";
        case ENFILE:
            return "raise the machine's limit of open files (sysctl fs.file-max)";
        default:
            return {};
    }
}

Error system_failure(std::string_view what, int error) {
    const std::string hint = resource_hint(error);
    return {hint.empty() ? ErrorCode::failed : ErrorCode::unsupported,
            fmt::format("{}: {}{}{}", what, std::strerror(error), hint.empty() ? "" : ": ", hint)};
}

std::string denial_hint(const ProbeResult& denial) {
    if (lockdown_mode() == "confidentiality") {
        return lockdown_hint();
    }
    if (!denial.forbidden) {
        return tested_hint();
    }
    return memlock_is_low() ? fmt::format("the memlock limit is low: {}", memlock_hint())
                            : "run it outside of what forbids it: a container's seccomp filter, "
                              "lockdown or another security module";
}

}  // namespace vigil::host
