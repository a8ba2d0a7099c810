// SPDX-License-Identifier: Apache-2.0
// Paths of cgroups by id, each looked up and stored once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

#include "model/process_view.h"

namespace vigil::process {

// Without the unified hierarchy all processes have the root's id, which identifies no cgroup.
constexpr bool identifies_cgroup(uint64_t id) { return id > 1; }

class CgroupCache {
 public:
    static constexpr size_t max_paths = 65'536;

    // The path, from the cache or from the kernel; null if neither has it, and for ids that
    // identify no cgroup.
    model::SharedText path(uint64_t id);

    // Stores a `path` read from /proc. Returns the cached text if it is equal, else a new one,
    // which is cached if the id identifies a cgroup.
    model::SharedText store(uint64_t id, std::string path);

    size_t size() const { return paths_.size(); }

 private:
    void insert(uint64_t id, const model::SharedText& path);

    std::unordered_map<uint64_t, model::SharedText> paths_;  // null: the kernel does not report it
};

}  // namespace vigil::process
