// SPDX-License-Identifier: Apache-2.0
#include "host/cgroups.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <mntent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstring>
#include <filesystem>

#include "base/fd.h"
#include "base/file.h"
#include "base/units.h"

namespace vigil::host {
namespace {

namespace fs = std::filesystem;

constexpr size_t small_file_bytes = 4096;
constexpr size_t container_id_length = 64;

// A kernfs handle (exportfs.h: FILEID_KERNFS) consists of the id alone.
constexpr int kernfs_handle = 0xfe;

// The "max" counter: 12 for "low 0\nhigh 0\nmax 12\noom 3\n...".
uint64_t times_hit(const std::string& directory) {
    constexpr std::string_view key = "\noom ";
    const auto text = read_file(directory + "/memory.events.local", small_file_bytes);
    const size_t at = text ? text->find(key) : std::string::npos;
    if (at == std::string::npos) {
        return 0;
    }
    const size_t begin = at + key.size();
    const auto times = parse_number(
        std::string_view(*text).substr(begin, text->find('\n', begin) - begin), 0, UINT64_MAX);
    return times ? *times : 0;
}

// A file that holds one number, or a word.
std::optional<uint64_t> number_in(const std::string& path) {
    auto text = read_file(path, small_file_bytes);
    if (!text) {
        return std::nullopt;
    }
    while (text->ends_with('\n')) {
        text->pop_back();
    }
    const auto bytes = parse_number(*text, 0, UINT64_MAX);  // or "max"
    return bytes ? std::optional(*bytes) : std::nullopt;
}

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

}  // namespace

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
        if (type == "cgroup" && found.memory.empty() && ::hasmntopt(mount, "memory") != nullptr) {
            found.memory = mount->mnt_dir;
        }
    }
    return found;
}

Result<Cgroup> find_cgroup(const std::string& path) {
    const std::string mount = cgroup_mounts().unified;
    if (mount.empty()) {
        return Error{ErrorCode::unsupported,
                     "no cgroup2 file system is mounted: mount it with: sudo mount -t cgroup2 none "
                     "/sys/fs/cgroup"};
    }
    const fs::path root(mount);
    fs::path full(path);
    if (full.lexically_normal().native().rfind(mount, 0) != 0) {
        full = root / full.relative_path();
    }
    full = full.lexically_normal();
    struct stat info {};
    struct stat root_info {};
    if (::stat(full.c_str(), &info) != 0 || !S_ISDIR(info.st_mode) ||
        ::stat(mount.c_str(), &root_info) != 0 || info.st_dev != root_info.st_dev) {
        return Error{ErrorCode::usage,
                     fmt::format("'{}' is no cgroup below {}: 'systemd-cgls' or 'cat "
                                 "/proc/PID/cgroup' show the names",
                                 path, mount)};
    }
    if (root_info.st_ino != 1) {  // kernfs: not the real root
        return Error{ErrorCode::unsupported,
                     fmt::format("{} shows only a part of the cgroups (a cgroup namespace): run it "
                                 "outside of the container",
                                 mount)};
    }
    const fs::path relative = full.lexically_relative(root);
    const auto parts = std::count_if(relative.begin(), relative.end(), [](const fs::path& part) {
        return !part.empty() && part != ".";
    });
    // The inode number of a cgroup's directory is its id (kernfs, 64-bit).
    std::string from_root = parts == 0 ? "/" : '/' + relative.native();
    if (parts > 0 && from_root.ends_with('/')) {
        from_root.pop_back();
    }
    return Cgroup{info.st_ino, static_cast<uint32_t>(parts), std::move(from_root)};
}

std::optional<std::string> cgroup_path(uint64_t id) {
    static const std::string mount = cgroup_mounts().unified;
    if (mount.empty()) {
        return std::nullopt;
    }
    static const Fd root(::open(mount.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    alignas(file_handle) std::array<char, sizeof(file_handle) + sizeof id> space{};
    auto* handle = reinterpret_cast<file_handle*>(space.data());
    handle->handle_bytes = sizeof id;
    handle->handle_type = kernfs_handle;
    std::memcpy(handle->f_handle, &id, sizeof id);
    const Fd directory(::open_by_handle_at(root.get(), handle, O_PATH | O_CLOEXEC));
    if (!directory) {
        return std::nullopt;
    }
    std::array<char, PATH_MAX> target{};
    const ssize_t length = ::readlink(fmt::format("/proc/self/fd/{}", directory.get()).c_str(),
                                      target.data(), target.size());
    const std::string_view path(target.data(), static_cast<size_t>(std::max<ssize_t>(length, 0)));
    if (!path.starts_with(mount)) {
        return std::nullopt;
    }
    return path.size() == mount.size() ? "/" : std::string(path.substr(mount.size()));
}

std::vector<MemoryLimit> memory_limits(std::string_view path) {
    std::vector<MemoryLimit> limits;
    const std::string mount = cgroup_mounts().unified;
    while (!mount.empty() && path.size() > 1) {
        const std::string directory = mount + std::string(path);
        if (const auto bytes = number_in(directory + "/memory.max")) {
            limits.push_back({std::string(path), *bytes, times_hit(directory), true});
        }
        path = path.substr(0, path.rfind('/'));
    }
    return limits;
}

std::vector<MemoryLimit> memory_limits_v1(std::string_view path) {
    constexpr uint64_t unlimited = INT64_MAX / 4096 * 4096;  // or more, by the size of pages
    std::vector<MemoryLimit> limits;
    const std::string mount = cgroup_mounts().memory;
    while (!mount.empty() && path.size() > 1) {
        const std::string directory = mount + std::string(path);
        const auto bytes = number_in(directory + "/memory.limit_in_bytes");
        if (bytes && *bytes < unlimited) {
            limits.push_back({std::string(path), *bytes,
                              number_in(directory + "/memory.failcnt").value_or(0), false});
        }
        path = path.substr(0, path.rfind('/'));
    }
    return limits;
}

std::optional<std::string_view> systemd_unit(std::string_view path) {
    constexpr std::array<std::string_view, 5> suffixes{".service", ".scope", ".mount", ".socket",
                                                       ".swap"};
    while (!path.empty()) {
        const std::string_view name = path.substr(path.rfind('/') + 1);
        for (const std::string_view suffix : suffixes) {
            if (name.size() > suffix.size() && name.ends_with(suffix)) {
                return name;
            }
        }
        path.remove_suffix(std::min(path.size(), name.size() + 1));
    }
    return std::nullopt;
}

std::optional<std::string_view> container_id(std::string_view path) {
    size_t end = path.size();
    while (end >= container_id_length) {
        size_t begin = end;
        while (begin > 0 && is_hex(path[begin - 1])) {
            begin--;
        }
        if (end - begin == container_id_length) {
            return path.substr(begin, container_id_length);
        }
        end = begin == end ? end - 1 : begin;
    }
    return std::nullopt;
}

}  // namespace vigil::host
