// SPDX-License-Identifier: Apache-2.0
#include "host/kernel.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <memory>
#include <sstream>

#include "base/file.h"
#include "host/hints.h"
#include "host/probe.h"

namespace vigil::host {
namespace {

std::string& log_text() {
    static std::string text;
    return text;
}

int collect(libbpf_print_level level, const char* format, va_list arguments) {
    if (level == LIBBPF_DEBUG) {
        return 0;
    }
    std::array<char, 1024> line{};
    const int length = std::vsnprintf(line.data(), line.size(), format, arguments);
    log_text() += line.data();
    return length;
}

int silence(libbpf_print_level, const char*, va_list) { return 0; }

using KernelTypes = std::unique_ptr<btf, void (*)(btf*)>;

KernelTypes load_kernel_types() {
    const LibbpfLog quiet;
    return {::btf__load_vmlinux_btf(), ::btf__free};
}

int parameters_of(const btf& types, const std::string& function) {
    const int id = ::btf__find_by_name_kind(&types, function.c_str(), BTF_KIND_FUNC);
    if (id <= 0) {
        return -1;
    }
    const btf_type* type = ::btf__type_by_id(&types, static_cast<__u32>(id));
    return ::btf_vlen(::btf__type_by_id(&types, type->type));
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

std::string host_name() {
    std::array<char, 256> name{};
    ::gethostname(name.data(), name.size() - 1);
    return name.data();
}

std::string boot_id() {
    const auto text = read_file("/proc/sys/kernel/random/boot_id", 64);
    return text ? text->substr(0, text->find('\n')) : "";
}

bool has_btf() { return ::access(btf_path, R_OK) == 0; }

bool has_trace_event(const std::string& event) {
    for (const char* root : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}) {
        const std::string id = fmt::format("{}/events/{}/id", root, event);
        // access(2) checks the real uid, but capabilities may come from the file.
        if (::faccessat(AT_FDCWD, id.c_str(), R_OK, AT_EACCESS) == 0) {
            return true;
        }
    }
    return false;
}

bool has_tracefs() { return has_trace_event("syscalls/sys_exit_kill"); }

bool has_bpffs() {
    struct statfs info {};
    return ::statfs(bpffs_path, &info) == 0 &&
           static_cast<unsigned long>(info.f_type) == BPF_FS_MAGIC;
}

int tracepoint_parameters(const std::string& tracepoint) {
    const KernelTypes types = load_kernel_types();
    if (!types) {
        return -1;
    }
    // typedef void (*btf_trace_NAME)(void *, parameters...)
    const int id = ::btf__find_by_name_kind(types.get(), ("btf_trace_" + tracepoint).c_str(),
                                            BTF_KIND_TYPEDEF);
    const btf_type* type =
        id > 0 ? ::btf__type_by_id(types.get(), static_cast<__u32>(id)) : nullptr;
    for (const __u16 wanted : {BTF_KIND_TYPEDEF, BTF_KIND_PTR}) {
        if (type == nullptr || ::btf_kind(type) != wanted) {
            return -1;
        }
        type = ::btf__type_by_id(types.get(), type->type);
    }
    return type != nullptr && ::btf_is_func_proto(type) ? ::btf_vlen(type) - 1 : -1;
}

std::vector<int> function_parameters(const std::vector<std::string>& names) {
    std::vector<int> counts(names.size(), -1);
    if (const KernelTypes types = load_kernel_types()) {
        std::transform(names.begin(), names.end(), counts.begin(),
                       [&](const std::string& name) { return parameters_of(*types, name); });
    }
    return counts;
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

LibbpfLog::LibbpfLog() {
    log_text().clear();
    ::libbpf_set_print(collect);
}

LibbpfLog::~LibbpfLog() { ::libbpf_set_print(silence); }

std::string LibbpfLog::last_error_line() const {
    constexpr std::string_view prefix = "libbpf: ";
    std::istringstream lines(log_text());
    std::string key;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(prefix) && (key.empty() || line.find("prog '") != std::string::npos)) {
            key = line.substr(prefix.size());
        }
    }
    return key;
}

}  // namespace vigil::host
