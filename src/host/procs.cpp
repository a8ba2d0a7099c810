// SPDX-License-Identifier: Apache-2.0
#include "host/procs.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <unordered_map>

#include "host/probe.h"
#include "host/procfs.h"

namespace vigil::host {

namespace fs = std::filesystem;

std::vector<uint32_t> process_tree(uint32_t root) {
    std::unordered_map<uint32_t, std::vector<uint32_t>> children;
    bool root_runs = false;
    for (const uint32_t pid : list_processes()) {
        if (const auto stat = read_stat(pid)) {
            children[stat->ppid].push_back(pid);
            root_runs = root_runs || pid == root;
        }
    }
    std::vector<uint32_t> tree;
    if (root_runs) {
        tree.push_back(root);
    }
    for (size_t i = 0; i < tree.size(); i++) {
        const auto& next = children[tree[i]];
        tree.insert(tree.end(), next.begin(), next.end());
    }
    return tree;
}

namespace {

// The last of a process's threads to end need not be its leader, but that has begun to end then.
bool has_thread_on_its_way(uint32_t pid) {
    for (const uint32_t tid : list_threads(pid)) {
        const auto thread = read_thread_stat(pid, tid);
        if (thread && thread->exiting && thread->state != 'Z' && thread->state != 'X') {
            return true;
        }
    }
    return false;
}

}  // namespace

std::vector<ExitingProcess> exiting_processes() {
    std::vector<ExitingProcess> found;
    for (const uint32_t pid : list_processes()) {
        const auto leader = read_stat(pid);
        if (leader && leader->exiting && !leader->is_zombie() && has_thread_on_its_way(pid)) {
            found.push_back({pid, leader->comm});
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
    if (root_info.st_ino != 1) {  // kernfs: the true root
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
    return Cgroup{info.st_ino, static_cast<uint32_t>(parts)};
}

}  // namespace vigil::host
