// SPDX-License-Identifier: Apache-2.0
#include "agent/processes.h"

#include <algorithm>
#include <array>
#include <utility>

#include "host/procfs.h"

namespace vigil::agent {
namespace {

constexpr size_t longest_argv_bytes = 1024;
// How far into the arguments a script's name is looked for: behind the interpreter's options.
constexpr int script_arguments = 8;
constexpr size_t cut_comm_bytes = 15;
constexpr std::array<std::string_view, 5> shells{"sh", "bash", "dash", "zsh", "ksh"};
constexpr std::array<std::string_view, 7> languages{"python", "perl", "ruby", "node",
                                                    "php",    "lua",  "tclsh"};

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

enum class Interpreter { none, shell, language };

// "python3.11" is python.
Interpreter interpreter_of(std::string_view executable) {
    const std::string_view name = executable.substr(0, executable.find_first_of("0123456789"));
    const auto is_among = [&](const auto& names) {
        return std::find(names.begin(), names.end(), name) != names.end();
    };
    return is_among(shells)      ? Interpreter::shell
           : is_among(languages) ? Interpreter::language
                                 : Interpreter::none;
}

// Behind it comes what to do, and no script.
bool takes_program(Interpreter interpreter, std::string_view option) {
    if (interpreter == Interpreter::shell) {  // "-ec"
        return !option.starts_with("--") && option.find('c') != std::string_view::npos;
    }
    return option == "-c" || option == "-e" || option == "-E" || option == "-m" || option == "-r";
}

// The script that the arguments name: of an interpreter its first one that is no option, else the
// one whose name the kernel cut to make comm.
std::string script_name(std::string_view comm, std::string_view executable, std::string_view argv) {
    const Interpreter interpreter = interpreter_of(executable);
    for (int i = 0; i < script_arguments && !argv.empty(); i++) {
        const size_t end = argv.find('\0');
        const std::string_view argument = argv.substr(0, end);
        const std::string_view name = base_name(argument);
        argv.remove_prefix(end == std::string_view::npos ? argv.size() : end + 1);
        if (comm.size() == cut_comm_bytes && name.size() > comm.size() && name.starts_with(comm)) {
            return std::string(name);
        }
        if (interpreter == Interpreter::none || i == 0) {
            continue;
        }
        if (!argument.starts_with('-')) {
            return std::string(name);
        }
        if (takes_program(interpreter, argument)) {
            return {};
        }
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
        image->script = script_name({}, image->executable, *image->argv);
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
        image->script = script_name(subject.process.comm.view(), image->executable, *image->argv);
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
