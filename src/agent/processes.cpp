// SPDX-License-Identifier: Apache-2.0
#include "agent/processes.h"

#include <utility>

#include "host/procfs.h"

namespace vigil::agent {

Known* Processes::find(uint32_t pid) {
    const auto it = known_.find(pid);
    return it != known_.end() ? &it->second : nullptr;
}

Known* Processes::find(uint32_t pid, uint64_t start_ns) {
    Known* known = find(pid);
    return known != nullptr && model::same_start(known->subject.process.start_ns, start_ns)
               ? known
               : nullptr;
}

Known& Processes::add(const model::Process& process, const Known* parent) {
    Known fresh;
    fresh.subject.process = process;
    if (parent != nullptr) {
        fresh.subject.image = parent->subject.image;
        if (parent->subject.process.cgroup_id == process.cgroup_id) {
            fresh.subject.cgroup = parent->subject.cgroup;
        }
    }
    return known_.insert_or_assign(process.pid, std::move(fresh)).first->second;
}

void read_details(Known& known) {
    rules::Subject& subject = known.subject;
    const uint32_t pid = subject.process.pid;
    auto image = subject.image ? std::make_shared<model::Image>(*subject.image)
                               : std::make_shared<model::Image>();
    if (const auto executable = host::read_executable(pid)) {
        image->executable = model::base_name(*executable);
        if (image->file.empty()) {
            image->file = *executable;
        }
    }
    if (!image->argv) {
        image->argv = host::read_arguments(pid, model::longest_argv_bytes);
    }
    if (image->argv) {
        image->script =
            model::script_name(subject.process.comm.view(), image->executable, *image->argv);
    }
    subject.image = std::move(image);
    if (auto cgroup = host::read_cgroup(pid);
        cgroup && (!subject.cgroup || *subject.cgroup != *cgroup)) {
        subject.cgroup = std::make_shared<const std::string>(std::move(*cgroup));
    }
    known.details_read = true;
}

}  // namespace vigil::agent
