// SPDX-License-Identifier: Apache-2.0
#include "host/privileges.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace vigil::host {
namespace {

Error failure(const char* action) {
    return {ErrorCode::failed, fmt::format("{}: {}", action, std::strerror(errno))};
}

}  // namespace

Capabilities capabilities() {
    __user_cap_header_struct header{};
    header.version = _LINUX_CAPABILITY_VERSION_3;
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
    if (::syscall(SYS_capget, &header, data.data()) != 0) {
        return {};
    }
    const auto has = [&](unsigned capability) {
        return (data[capability / 32].effective >> (capability % 32) & 1) != 0;
    };
    const bool admin = has(CAP_SYS_ADMIN);
    return {
        .bpf = has(CAP_BPF) || admin,
        .perfmon = has(CAP_PERFMON) || admin,
        .dac_read_search = has(CAP_DAC_READ_SEARCH) || has(CAP_DAC_OVERRIDE),
        .sys_ptrace = has(CAP_SYS_PTRACE),
        .sys_admin = admin,
        .sys_resource = has(CAP_SYS_RESOURCE),
    };
}

Result<void> keep_only_capabilities(std::initializer_list<int> capabilities) {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
    if (::syscall(SYS_capget, &header, sets.data()) != 0) {
        return failure("reading the own capabilities");
    }
    // Capabilities outside of the bounding set can't be regained by executing a file. Removing one
    // takes CAP_SETPCAP; a process without it has no root privileges to drop.
    for (int number = 0; ::prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; number++) {
        if (std::find(capabilities.begin(), capabilities.end(), number) == capabilities.end() &&
            ::prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0 && errno != EPERM) {
            return failure("giving up capabilities");
        }
    }
    std::array<uint32_t, _LINUX_CAPABILITY_U32S_3> kept{};
    for (const int number : capabilities) {
        kept.at(static_cast<size_t>(number) / 32) |= 1U << (static_cast<unsigned>(number) % 32);
    }
    for (size_t i = 0; i < sets.size(); i++) {
        sets[i].permitted &= kept[i];
        sets[i].effective = sets[i].permitted;
        sets[i].inheritable = 0;
    }
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 ||
        ::syscall(SYS_capset, &header, sets.data()) != 0 ||
        ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return failure("giving up capabilities");
    }
    return {};
}

Result<void> keep_monitoring_capabilities(bool writes_anywhere) {
    return writes_anywhere ? keep_only_capabilities({CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE,
                                                     CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE})
                           : keep_only_capabilities(
                                 {CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH});
}

}  // namespace vigil::host
