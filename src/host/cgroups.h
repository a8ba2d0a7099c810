// SPDX-License-Identifier: Apache-2.0
// Control groups: paths in the cgroup v2 hierarchy, and the unit or container that a path names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace vigil::host {

struct CgroupMounts {
    std::string unified;  // mount point of cgroup v2; empty: not mounted
    std::string memory;   // mount point of version 1's memory controller; empty: not mounted
    bool v1 = false;      // version 1 controllers are mounted too ("hybrid")
};
CgroupMounts cgroup_mounts();

struct Cgroup {
    uint64_t id = 0;
    uint32_t level = 0;  // 0 for the root
    std::string path;    // from the root: "/user.slice"
};

// Finds a cgroup v2 by its path: absolute below the cgroup2 mount (/sys/fs/cgroup/user.slice) or
// relative to it (user.slice, /user.slice).
Result<Cgroup> find_cgroup(const std::string& path);

// The path of a cgroup v2 by its id, as in /proc/PID/cgroup; nullopt if the cgroup is gone or
// CAP_DAC_READ_SEARCH is missing (open_by_handle_at(2)).
std::optional<std::string> cgroup_path(uint64_t id);

// The memory limits (memory.max) that apply to a process in `path`, the deepest cgroup first.
struct MemoryLimit {
    std::string cgroup;  // path
    uint64_t bytes = 0;
    // That it was out of memory (memory.events.local) since it was made; of version 1 that it was
    // reached (memory.failcnt), also where enough could be reclaimed.
    uint64_t times_hit = 0;
    bool counts_oom = true;  // false: version 1
};
std::vector<MemoryLimit> memory_limits(std::string_view path);
// The same of version 1 (memory.limit_in_bytes); `path` is that of the memory controller.
std::vector<MemoryLimit> memory_limits_v1(std::string_view path);

// The systemd unit of a cgroup path: its deepest service, scope or other unit that can contain
// processes; nullopt if there is none.
std::optional<std::string_view> systemd_unit(std::string_view path);

// The container id in a cgroup path of Docker, Podman, containerd or CRI-O: the deepest run of
// exactly 64 hex digits; nullopt if there is none.
std::optional<std::string_view> container_id(std::string_view path);

}  // namespace vigil::host
