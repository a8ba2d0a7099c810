// SPDX-License-Identifier: Apache-2.0
// Fills in what entries share or inherit: images, cgroups, ancestry, working directories.
#pragma once

#include <cstddef>
#include <string>

#include "model/event.h"
#include "process/ancestry.h"
#include "process/cgroup_cache.h"
#include "process/image_cache.h"
#include "process/proc_reader.h"
#include "process/process_entry.h"
#include "process/process_observer.h"

namespace vigil::process {

class EntryDetails {
 public:
    static constexpr size_t max_node_bytes = 32 << 20;
    static constexpr size_t max_image_bytes = 16 << 20;

    void set_needs(const Needs& needs) { needs_ = needs; }

    // A new entry of which nothing but `process` is known. It has no ancestors: its parent may have
    // changed since the fork.
    void start(ProcessEntry& entry);

    // A fork has made it; what a sweep has read already stays. `parent` may be null.
    void inherit(ProcessEntry& child, ProcessEntry* parent);

    // What /proc says of a process that runs already. `parent` may be null.
    void load(ProcessEntry& entry, ProcessEntry* parent);

    // What it runs now; null: not known.
    void set_image(ProcessEntry& entry, model::ExecImagePtr image);

    // The id of its cgroup, as an event or a sample says; a new one gives a new path.
    void update_cgroup(ProcessEntry& entry, uint64_t cgroup_id);

    // Reads image and cgroup where they are not complete. What events have said stays.
    void read_from_proc(ProcessEntry& entry, uint64_t now_ns);
    void read_cgroup_from_proc(ProcessEntry& entry);
    // Nothing where too much was read in this second.
    void read_cgroup_within_budget(ProcessEntry& entry, uint64_t now_ns);

    // After an exec cwd and cgroup are usually final. Within the budget for reads.
    void read_place(ProcessEntry& entry, uint64_t now_ns);

    ProcReader& proc() { return proc_; }
    // Of nodes and images.
    size_t bytes() const { return ancestry_.bytes() + images_.bytes(); }

 private:
    void set_cwd(ProcessEntry& entry, std::string path);

    Needs needs_;
    ProcReader proc_;
    AncestryStore ancestry_{max_node_bytes};
    ImageCache images_{max_image_bytes};
    CgroupCache cgroups_;
};

}  // namespace vigil::process
