// SPDX-License-Identifier: Apache-2.0
#include "host/kernel.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <memory>

#include "base/file.h"

namespace vigil::host {
namespace {

// nsfs inode numbers of the initial namespaces: include/linux/proc_ns.h; part of the user ABI since
// 6.18 (include/uapi/linux/nsfs.h).
constexpr ino_t initial_user_namespace = 0xeffffffd;
constexpr ino_t initial_pid_namespace = 0xeffffffc;

bool is_initial(const char* path, ino_t initial) {
    struct stat info {};
    return ::stat(path, &info) != 0 || info.st_ino == initial;
}

}  // namespace

std::string host_name() {
    std::array<char, 256> name{};
    ::gethostname(name.data(), name.size() - 1);
    return name.data();
}

std::string boot_id() {
    const auto text = read_file("/proc/sys/kernel/random/boot_id", 64);
    return text ? text->substr(0, text->find('\n')) : "";
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

}  // namespace vigil::host
