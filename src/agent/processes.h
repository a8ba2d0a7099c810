// SPDX-License-Identifier: Apache-2.0
// Every process that lives, as far as events and sweeps have told.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "model/event.h"
#include "model/image.h"
#include "model/sample.h"
#include "rules/engine.h"

namespace vigil::agent {

struct Known {
    rules::Subject subject;
    uint64_t exec_id = 0;        // of the last sample
    uint64_t exec_told_ns = 0;   // when the event of its last exec was; 0: none has come
    bool details_read = false;   // /proc has been asked for what events don't tell
    bool matches_rules = false;  // its standing goes by what it is now
    uint64_t measured_ns = 0;    // when `counters` was read; 0: never
    model::Counters counters;
    uint64_t tick = 0;  // the last one that showed it
    rules::Standing standing;
};

class Processes {
 public:
    // The process of this pid, whichever it is; null: none known. Valid until the next change.
    Known* find(uint32_t pid);
    // Only if it is this very one.
    Known* find(uint32_t pid, uint64_t start_ns);

    // A new process takes the pid; it shares what `parent` (may be null) runs.
    Known& add(const model::Process& process, const Known* parent);
    void remove(uint32_t pid) { known_.erase(pid); }

    size_t size() const { return known_.size(); }
    auto begin() { return known_.begin(); }
    auto end() { return known_.end(); }
    template <class Iterator>
    Iterator erase(Iterator it) {
        return known_.erase(it);
    }

 private:
    std::unordered_map<uint32_t, Known> known_;
};

// Asks /proc for what the process runs and for its cgroup. What events have told already stays.
void read_details(Known& known);

}  // namespace vigil::agent
