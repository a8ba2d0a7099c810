// SPDX-License-Identifier: Apache-2.0
// Image that a process executes, from its exec event or /proc. Forks share their parent's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "model/event.h"

namespace vigil::model {

struct ExecImage {
    std::string file;  // path of the program or script; empty: unknown
    // base name of the executed file, for a script that of its interpreter; may be empty
    std::string executable;
    // base name of a script, longer than comm's 15 bytes; empty: none, or unknown
    std::string script;
    // a NUL after each argument; may be truncated; absent: unknown
    std::optional<std::string> argv;
};

using ExecImagePtr = std::shared_ptr<const ExecImage>;  // null: nothing is known

constexpr size_t max_argv_bytes = 1024;

// From an exec event; arguments are truncated to 1 KiB.
ExecImagePtr make_exec_image(const Exec& exec);

// Name of the script in the arguments (a NUL after each): for an interpreter the first argument
// that is not an option, otherwise the argument that the kernel truncated to comm. "" if there is
// none.
std::string script_name(std::string_view comm, std::string_view executable, std::string_view argv);

inline std::string_view base_name(std::string_view path) {
    return path.substr(path.rfind('/') + 1);
}

}  // namespace vigil::model
