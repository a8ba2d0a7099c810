// SPDX-License-Identifier: Apache-2.0
#include "process/entry_details.h"

#include <memory>
#include <utility>

#include "host/cgroups.h"

namespace vigil::process {

void EntryDetails::start(ProcessEntry& entry) {
    entry.cgroup_id = entry.process.cgroup_id;
    entry.cgroup = cgroups_.path(entry.cgroup_id);
    if (needs_.ancestry) {
        entry.node = ancestry_.add(entry.process, nullptr, nullptr);
    }
}

void EntryDetails::inherit(ProcessEntry& child, ProcessEntry* parent) {
    NodePtr parent_node;
    if (parent != nullptr) {
        if (!child.image) {
            child.image = parent->image;
        }
        if (!child.cgroup) {
            child.cgroup = parent->cgroup;
            child.cgroup_id = parent->cgroup_id;
        }
        if (!child.cwd) {
            child.cwd = parent->cwd;
        }
        if (!child.memory_cgroup) {
            child.memory_cgroup = parent->memory_cgroup;
        }
        if (parent->node) {
            parent->node = ancestry_.truncate(parent->node);
            parent_node = parent->node;
        }
    }
    const uint64_t cgroup_id = child.process.cgroup_id;
    if (child.cgroup_id != cgroup_id || !child.cgroup) {
        if (identifies_cgroup(cgroup_id)) {
            child.cgroup = cgroups_.path(cgroup_id);
        }
        child.cgroup_id = cgroup_id;
    }
    if (needs_.ancestry) {
        child.node = ancestry_.add(child.process, child.image, std::move(parent_node));
    }
    child.origin_known = true;
    child.version++;
}

void EntryDetails::load(ProcessEntry& entry, ProcessEntry* parent) {
    const uint32_t pid = entry.process.pid;
    entry.image = images_.intern(ProcReader::image(entry.process, nullptr));
    if (needs_.ancestry) {
        entry.node = ancestry_.truncate(
            ancestry_.add(entry.process, entry.image, parent != nullptr ? parent->node : nullptr));
    }
    if (auto cgroups = ProcReader::cgroups(pid)) {
        if (parent != nullptr) {
            entry.memory_cgroup = parent->memory_cgroup;
        }
        set_memory_cgroup(entry, std::move(cgroups->memory));
        if (parent != nullptr && parent->cgroup && *parent->cgroup == cgroups->path) {
            entry.cgroup = parent->cgroup;
            entry.cgroup_id = parent->cgroup_id;
        } else {
            const auto group = host::find_cgroup(cgroups->path);
            entry.cgroup_id = group ? group->id : 0;
            entry.cgroup = cgroups_.store(entry.cgroup_id, std::move(cgroups->path));
        }
    }
    if (needs_.working_directory) {
        if (auto cwd = ProcReader::working_directory(pid)) {
            set_cwd(entry, std::move(*cwd));
        }
    }
    entry.origin_known = true;
    entry.details_read = true;
    entry.version++;
}

void EntryDetails::set_image(ProcessEntry& entry, model::ExecImagePtr image) {
    image = image ? images_.intern(std::move(image)) : nullptr;
    entry.version++;
    if (image == entry.image) {
        return;
    }
    entry.image = std::move(image);
    if (entry.node) {
        entry.node = ancestry_.replace_image(*entry.node, entry.process, entry.image);
    }
}

void EntryDetails::update_cgroup(ProcessEntry& entry, uint64_t cgroup_id) {
    if (entry.cgroup_id == cgroup_id) {
        return;
    }
    if (identifies_cgroup(cgroup_id)) {
        model::SharedText path = cgroups_.path(cgroup_id);
        // the process was moved; otherwise the path from /proc is kept
        if (path || entry.cgroup_id != 0) {
            entry.cgroup = std::move(path);
        }
    }
    entry.cgroup_id = cgroup_id;
    entry.version++;
}

void EntryDetails::read_cgroup_from_proc(ProcessEntry& entry) {
    auto cgroups = ProcReader::cgroups(entry.process.pid);
    if (!cgroups) {
        return;
    }
    set_memory_cgroup(entry, std::move(cgroups->memory));
    if (!entry.cgroup || *entry.cgroup != cgroups->path) {
        entry.cgroup = cgroups_.store(entry.cgroup_id, std::move(cgroups->path));
        entry.version++;
    }
}

// Usually that of its parent, whose text is then shared.
void EntryDetails::set_memory_cgroup(ProcessEntry& entry, std::string path) {
    if (!path.empty() && (!entry.memory_cgroup || *entry.memory_cgroup != path)) {
        entry.memory_cgroup = std::make_shared<const std::string>(std::move(path));
    }
}

void EntryDetails::read_cgroup_within_budget(ProcessEntry& entry, uint64_t now_ns) {
    if (!identifies_cgroup(entry.cgroup_id) && cgroup_reads_.acquire_proc_read(now_ns)) {
        read_cgroup_from_proc(entry);
    }
}

void EntryDetails::read_from_proc(ProcessEntry& entry, uint64_t now_ns) {
    proc_.count_read(now_ns);
    set_image(entry, ProcReader::image(entry.process, entry.image.get()));
    if (!identifies_cgroup(entry.cgroup_id) || !entry.cgroup) {
        read_cgroup_from_proc(entry);
    }
    entry.details_read = true;
}

void EntryDetails::read_place(ProcessEntry& entry, uint64_t now_ns) {
    entry.cwd_read = false;
    // The pid of a process whose exit is pending may already belong to another process.
    if (entry.state != EntryState::living || !proc_.acquire_proc_read(now_ns)) {
        return;
    }
    if (auto cwd = ProcReader::working_directory(entry.process.pid)) {
        set_cwd(entry, std::move(*cwd));
    }
    if (!identifies_cgroup(entry.cgroup_id) || !entry.cgroup) {
        read_cgroup_from_proc(entry);
    }
    if (entry.image && entry.image->needs_proc()) {
        set_image(entry, ProcReader::image(entry.process, entry.image.get()));
    }
}

// Usually the parent's cwd, whose text is then shared.
void EntryDetails::set_cwd(ProcessEntry& entry, std::string path) {
    if (!entry.cwd || *entry.cwd != path) {
        entry.cwd = std::make_shared<const std::string>(std::move(path));
    }
    entry.cwd_read = true;
}

}  // namespace vigil::process
