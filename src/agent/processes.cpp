// SPDX-License-Identifier: Apache-2.0
#include "agent/processes.h"

#include <array>
#include <utility>

#include "host/procfs.h"

namespace vigil::agent {
namespace {

constexpr size_t longest_argv_bytes = 1024;
// How far into the arguments a script's name is looked for: behind the interpreter's options.
constexpr int script_arguments = 8;

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// comm is the first 15 bytes of the script's name, if a script was executed.
std::string script_name(std::string_view comm, std::string_view argv) {
    for (int i = 0; i < script_arguments && !argv.empty(); i++) {
        const size_t end = argv.find('\0');
        const std::string_view name = base_name(argv.substr(0, end));
        if (!comm.empty() && name.size() > comm.size() && name.starts_with(comm)) {
            return std::string(name);
        }
        argv.remove_prefix(end == std::string_view::npos ? argv.size() : end + 1);
    }
    return {};
}

}  // namespace

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

model::ImagePtr image_of(const model::Exec& exec) {
    auto image = std::make_shared<model::Image>();
    image->file = exec.file;
    image->executable = exec.executable.value_or("");
    if (exec.argv) {
        image->argv = std::string(exec.argv->substr(0, longest_argv_bytes));
    }
    return image;
}

void read_details(Known& known) {
    rules::Subject& subject = known.subject;
    const uint32_t pid = subject.process.pid;
    auto image = subject.image ? std::make_shared<model::Image>(*subject.image)
                               : std::make_shared<model::Image>();
    if (const auto executable = host::read_executable(pid)) {
        image->executable = base_name(*executable);
        if (image->file.empty()) {
            image->file = *executable;
        }
    }
    if (!image->argv) {
        image->argv = host::read_arguments(pid, longest_argv_bytes);
    }
    if (image->argv) {
        image->script = script_name(subject.process.comm.view(), *image->argv);
    }
    subject.image = std::move(image);
    if (auto cgroup = host::read_cgroup(pid);
        cgroup && (!subject.cgroup || *subject.cgroup != *cgroup)) {
        subject.cgroup = std::make_shared<const std::string>(std::move(*cgroup));
    }
    known.details_read = true;
}

std::optional<std::string_view> systemd_unit(std::string_view cgroup) {
    constexpr std::array<std::string_view, 5> suffixes{".service", ".scope", ".mount", ".socket",
                                                       ".swap"};
    while (!cgroup.empty()) {
        const std::string_view name = base_name(cgroup);
        for (const std::string_view suffix : suffixes) {
            if (name.size() > suffix.size() && name.ends_with(suffix)) {
                return name;
            }
        }
        cgroup.remove_suffix(std::min(cgroup.size(), name.size() + 1));
    }
    return std::nullopt;
}

}  // namespace vigil::agent
