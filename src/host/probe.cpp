// SPDX-License-Identifier: Apache-2.0
#include "host/probe.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/bpf.h>
#include <linux/types.h>
#include <mntent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "host/kernel.h"

namespace vigil::host {
namespace {

// 0 if the kernel's BTF has no such name.
__u32 kernel_type_id(const std::string& name, __u32 kind) {
    const LibbpfLog quiet;
    const std::unique_ptr<btf, void (*)(btf*)> types(::btf__load_vmlinux_btf(), ::btf__free);
    const int id = types ? ::btf__find_by_name_kind(types.get(), name.c_str(), kind) : 0;
    return id > 0 ? static_cast<__u32>(id) : 0;
}

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

// nsfs inode numbers of the initial namespaces: include/linux/proc_ns.h; part of the user ABI since
// 6.18 (include/uapi/linux/nsfs.h).
constexpr ino_t initial_user_namespace = 0xeffffffd;
constexpr ino_t initial_pid_namespace = 0xeffffffc;

bool is_initial(const char* path, ino_t initial) {
    struct stat info {};
    return ::stat(path, &info) != 0 || info.st_ino == initial;
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

bool has_kernel_function(const std::string& name) {
    return kernel_type_id(name, BTF_KIND_FUNC) != 0;
}

bool has_kprobe_events() {
    return ::access("/sys/bus/event_source/devices/kprobe/type", F_OK) == 0;
}

KernelRelease kernel_release() {
    utsname names{};
    ::uname(&names);
    KernelRelease kernel{.release = names.release, .architecture = names.machine};
    std::sscanf(names.release, "%d.%d", &kernel.major, &kernel.minor);
    return kernel;
}

bool is_tested(const KernelRelease& kernel) {
    const std::string series = fmt::format("{}.{}", kernel.major, kernel.minor);
    return std::find(tested_series.begin(), tested_series.end(), series) != tested_series.end();
}

std::optional<KernelConfig> kernel_config() {
    const std::string release = kernel_release().release;
    for (const std::string& path :
         {std::string("/proc/config.gz"), "/boot/config-" + release,
          "/lib/modules/" + release + "/config", "/usr/lib/modules/" + release + "/config"}) {
        // zlib passes uncompressed files through.
        const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(::gzopen(path.c_str(), "re"),
                                                              ::gzclose);
        if (!file) {
            continue;
        }
        KernelConfig config{.source = path, .enabled = {}};
        std::array<char, 4096> buffer{};
        while (::gzgets(file.get(), buffer.data(), buffer.size()) != nullptr) {
            const std::string_view line(buffer.data());
            const size_t equals = line.find('=');
            if (line.starts_with("CONFIG_") && equals != std::string_view::npos &&
                (line.substr(equals) == "=y\n" || line.substr(equals) == "=m\n")) {
                config.enabled.emplace(line.substr(0, equals));
            }
        }
        if (!config.enabled.empty()) {
            return config;
        }
    }
    return std::nullopt;
}

std::optional<std::string> read_setting(const char* path) {
    std::ifstream file(path);
    std::string line;
    if (!std::getline(file, line)) {
        return std::nullopt;
    }
    line.erase(line.find_last_not_of(" \t") + 1);
    return line;
}

// "[none] integrity confidentiality": the current mode is in brackets.
std::string lockdown_mode() {
    const std::string modes = read_setting("/sys/kernel/security/lockdown").value_or("");
    const size_t open = modes.find('[');
    const size_t close = modes.find(']');
    return open < close && close != std::string::npos ? modes.substr(open + 1, close - open - 1)
                                                      : "";
}

bool in_initial_pid_namespace() { return is_initial("/proc/self/ns/pid", initial_pid_namespace); }

bool in_initial_user_namespace() {
    return is_initial("/proc/self/ns/user", initial_user_namespace);
}

CgroupMounts cgroup_mounts() {
    CgroupMounts found;
    const std::unique_ptr<FILE, int (*)(FILE*)> mounts(::setmntent("/proc/self/mounts", "re"),
                                                       ::endmntent);
    for (const mntent* mount = nullptr; mounts && (mount = ::getmntent(mounts.get())) != nullptr;) {
        const std::string_view type = mount->mnt_type;
        if (type == "cgroup2" && found.unified.empty()) {
            found.unified = mount->mnt_dir;
        }
        found.v1 = found.v1 || type == "cgroup";
    }
    return found;
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

}  // namespace vigil::host
