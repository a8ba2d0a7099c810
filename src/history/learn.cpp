// SPDX-License-Identifier: Apache-2.0
// Those who were there before the first event.
#include <algorithm>
#include <cstring>
#include <unordered_set>
#include <utility>
#include <vector>

#include "history/registrar.h"
#include "host/cgroups.h"
#include "host/procfs.h"

namespace vigil::history {
namespace {

model::Comm comm_of(const std::string& name) {
    model::Comm comm;
    std::memcpy(comm.bytes.data(), name.data(), std::min(name.size(), comm.bytes.size() - 1));
    return comm;
}

model::ImagePtr read_image(uint32_t pid, const std::string& comm) {
    model::Image image;
    image.file = host::read_executable(pid).value_or("");
    image.executable = model::base_name(image.file);
    image.argv = host::read_arguments(pid, model::longest_argv_bytes);
    if (image.argv) {
        image.script = model::script_name(comm, image.executable, *image.argv);
    }
    return std::make_shared<const model::Image>(std::move(image));
}

}  // namespace

// One after the other from the first that is known down to `pid`: lines may be long.
PersonPtr Registrar::learn(uint32_t pid) {
    struct Unknown {
        uint32_t pid;
        host::ProcStat stat;
    };
    std::vector<Unknown> line;
    std::unordered_set<uint32_t> seen;
    PersonPtr above;
    while (pid != 0 && seen.insert(pid).second) {
        auto stat = host::read_stat(pid);
        if (!stat) {
            break;
        }
        if (const Life* life = find(pid, stat->start_ns)) {
            above = life->person;
            break;
        }
        const uint32_t parent = stat->ppid;
        line.push_back({pid, std::move(*stat)});
        pid = parent;
    }
    for (auto each = line.rbegin(); each != line.rend(); ++each) {
        model::Process process;
        process.pid = each->pid;
        process.ppid = each->stat.ppid;
        process.start_ns = each->stat.start_ns;
        process.comm = comm_of(each->stat.comm);
        Life life;
        life.person = lineage_.add(process, images_.keep(read_image(each->pid, each->stat.comm)),
                                   std::move(above));
        above = life.person = lineage_.shorten(life.person);
        learn_cgroup(life, process);
        if (auto cwd = host::read_working_directory(each->pid)) {
            life.cwd = std::make_shared<const std::string>(std::move(*cwd));
            life.cwd_read = true;
        }
        lives_.insert_or_assign(each->pid, std::move(life));
    }
    return above;
}

// As a rule it is that of its parent.
void Registrar::learn_cgroup(Life& life, const model::Process& process) const {
    auto path = host::read_cgroup(process.pid);
    if (!path) {
        return;
    }
    if (const auto parent = lives_.find(process.ppid);
        parent != lives_.end() && parent->second.cgroup && *parent->second.cgroup == *path) {
        life.cgroup = parent->second.cgroup;
        life.cgroup_id = parent->second.cgroup_id;
        return;
    }
    const auto group = host::find_cgroup(*path);
    life.cgroup_id = group ? group->id : 0;
    life.cgroup = std::make_shared<const std::string>(std::move(*path));
}

void Registrar::learn_living() {
    for (const uint32_t pid : host::list_processes()) {
        (void)learn(pid);
    }
}

}  // namespace vigil::history
