// SPDX-License-Identifier: Apache-2.0
// Fills in the parts that entries share or inherit: images, cgroups, ancestry, working directories.
// On the monitor's thread.
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

    // Initialises a new entry of which only `process` is known. It gets no ancestors: its parent
    // may have changed since the fork.
    void start(ProcessEntry& entry);

    // Initialises the entry of a forked process; values that a sweep has read already stay.
    // `parent` may be null.
    void inherit(ProcessEntry& child, ProcessEntry* parent);

    // Reads a process that runs already from /proc. `parent` may be null.
    void load(ProcessEntry& entry, ProcessEntry* parent);

    // Sets the image that the process runs now; null: unknown.
    void set_image(ProcessEntry& entry, model::ExecImagePtr image);

    // Sets the cgroup id from an event or sample; a new id gives a new path.
    void update_cgroup(ProcessEntry& entry, uint64_t cgroup_id);

    // Reads image and cgroup if they are incomplete. Values from events stay.
    void read_from_proc(ProcessEntry& entry, uint64_t now_ns);
    void read_cgroup_from_proc(ProcessEntry& entry);
    // Where ids identify no cgroup only /proc shows that a process has moved. Nothing where too
    // many were read in this second.
    void read_cgroup_within_budget(ProcessEntry& entry, uint64_t now_ns);

    // Reads cwd and cgroup, which are usually final after an exec. Within the budget for reads.
    void read_place(ProcessEntry& entry, uint64_t now_ns);

    ProcReader& proc() { return proc_; }
    // Memory of nodes and images.
    size_t bytes() const { return ancestry_.bytes() + images_.bytes(); }

 private:
    void set_cwd(ProcessEntry& entry, std::string path);
    static void set_memory_cgroup(ProcessEntry& entry, std::string path);

    Needs needs_;
    ProcReader proc_;
    ProcReader cgroup_reads_;  // a budget of its own: a storm of execs uses up the other
    AncestryStore ancestry_{max_node_bytes};
    ImageCache images_{max_image_bytes};
    CgroupCache cgroups_;
};

}  // namespace vigil::process
