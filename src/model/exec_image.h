// SPDX-License-Identifier: Apache-2.0
// Image that a process executes, from its exec event or /proc. Forks share their parent's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/event.h"

namespace vigil::model {

struct ExecImage {
    // Path of the program or script; only its base name if it was executed through a descriptor
    // and nothing better is known; empty: unknown.
    std::string file;
    // base name of the executed file, for a script that of its interpreter; may be empty
    std::string executable;
    // what the arguments name: see find_programs(); paths as they are written there
    std::vector<std::string> programs;
    // a NUL after each argument; may be truncated; absent: unknown
    std::optional<std::string> argv;

    bool operator==(const ExecImage&) const = default;

    // It was executed through a descriptor: only /proc knows the path, while it runs.
    bool needs_proc() const;
};

using ExecImagePtr = std::shared_ptr<const ExecImage>;  // null: nothing is known

constexpr size_t max_argv_bytes = 1024;

// From an exec event; arguments are truncated to 1 KiB.
ExecImagePtr make_exec_image(const Exec& exec);

// The programs that the arguments (a NUL after each) name: see model/interpreters.h. And the
// argument that the kernel truncated to `comm`, if that is full: the whole name of a script.
std::vector<std::string> find_programs(std::string_view comm, std::string_view executable,
                                       std::string_view argv);

// True for a path that is another file for each process: of a descriptor, as fexecve(3) passes it,
// or a link of /proc. Nobody can look it up later.
bool is_indirect(std::string_view path);

// The descriptor of such a path, "3" of "/dev/fd/3", with the path below it that execveat(2) was
// given, "3/run"; "" if it is none.
std::string_view descriptor_of(std::string_view path);

// True if the script's interpreter got the file as an argument: the kernel puts it there.
bool is_script(const ExecImage& image);

inline std::string_view base_name(std::string_view path) {
    return path.substr(path.rfind('/') + 1);
}

}  // namespace vigil::model
