// SPDX-License-Identifier: Apache-2.0
#include "process/recent_exits.h"

#include <algorithm>
#include <utility>

namespace vigil::process {

void RecentExits::add(const ProcessKey& key, NodePtr node) {
    keys_[next_] = key;
    nodes_[next_] = std::move(node);
    next_ = (next_ + 1) % max_nodes;
    if (near_sweep_.size() < max_near_sweep) {
        near_sweep_[key.pid] = key.start_ns;
    }
}

size_t RecentExits::find_index(const ProcessKey& key) const {
    const auto it = std::find_if(keys_.begin(), keys_.end(), [&](const ProcessKey& each) {
        return each.pid != 0 && same_process(each, key);
    });
    return static_cast<size_t>(it - keys_.begin());
}

NodePtr RecentExits::find_node(const ProcessKey& key) const {
    const size_t index = find_index(key);
    return index != max_nodes ? nodes_[index] : nullptr;
}

bool RecentExits::ended_near_sweep(const ProcessKey& key) const {
    for (const StartByPid* ended : {&near_sweep_, &near_sweep_before_}) {
        if (ended->empty()) {
            continue;
        }
        const auto it = ended->find(key.pid);
        if (it != ended->end() && model::same_start(it->second, key.start_ns)) {
            return true;
        }
    }
    return false;
}

void RecentExits::begin_sweep() { near_sweep_before_ = std::exchange(near_sweep_, {}); }

EntryMap::node_type RecentExits::hold(EntryMap::node_type entry) {
    const ProcessKey key = key_of(entry.mapped());
    EntryMap::node_type displaced = pending_.extract(key.pid);
    while (pending_.size() >= max_pending && !order_.empty()) {
        const ProcessKey oldest = order_.front();
        order_.pop_front();
        if (find_pending(oldest) != nullptr) {
            displaced = pending_.extract(oldest.pid);
        }
    }
    order_.push_back(key);
    pending_.insert(std::move(entry));
    if (order_.size() > 2 * max_pending) {
        compact_order();
    }
    return displaced;
}

void RecentExits::compact_order() {
    std::erase_if(order_, [this](const ProcessKey& key) { return find_pending(key) == nullptr; });
}

ProcessEntry* RecentExits::find_pending(const ProcessKey& key) {
    const auto it = pending_.find(key.pid);
    return it != pending_.end() && same_process(key_of(it->second), key) ? &it->second : nullptr;
}

}  // namespace vigil::process
