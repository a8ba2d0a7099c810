// SPDX-License-Identifier: Apache-2.0
// Paths of cgroups by id, each looked up and stored once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

#include "model/process_view.h"

namespace vigil::process {

// Where the unified hierarchy is not in use all processes have the root's id: it says nothing.
constexpr bool identifies_cgroup(uint64_t id) { return id > 1; }

class CgroupCache {
 public:
    static constexpr size_t max_paths = 65'536;

    // The path, from the cache or from the kernel; null where neither has it, and for ids that
    // identify none.
    model::SharedText path(uint64_t id);

    // `path` as /proc has it. The result is the cached text where that is equal, else a new one,
    // cached where the id identifies a cgroup.
    model::SharedText store(uint64_t id, std::string path);

    size_t size() const { return paths_.size(); }

 private:
    void insert(uint64_t id, const model::SharedText& path);

    std::unordered_map<uint64_t, model::SharedText> paths_;  // null: the kernel does not tell
};

}  // namespace vigil::process
