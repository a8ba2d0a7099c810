// SPDX-License-Identifier: Apache-2.0
#include "process/cgroup_cache.h"

#include <utility>

#include "host/cgroups.h"

namespace vigil::process {

void CgroupCache::insert(uint64_t id, const model::SharedText& path) {
    if (paths_.size() >= max_paths && paths_.find(id) == paths_.end()) {
        paths_.clear();
    }
    paths_[id] = path;
}

model::SharedText CgroupCache::path(uint64_t id) {
    if (!identifies_cgroup(id)) {
        return nullptr;
    }
    if (const auto it = paths_.find(id); it != paths_.end()) {
        return it->second;
    }
    auto path = host::cgroup_path(id);
    model::SharedText text = path ? std::make_shared<const std::string>(std::move(*path)) : nullptr;
    insert(id, text);
    return text;
}

model::SharedText CgroupCache::store(uint64_t id, std::string path) {
    const auto it = paths_.find(id);
    if (it != paths_.end() && it->second && *it->second == path) {
        return it->second;
    }
    auto text = std::make_shared<const std::string>(std::move(path));
    if (identifies_cgroup(id)) {
        insert(id, text);
    }
    return text;
}

}  // namespace vigil::process
