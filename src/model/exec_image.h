// SPDX-License-Identifier: Apache-2.0
// What a process runs, as its exec or /proc told. Forks share their parent's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "model/event.h"

namespace vigil::model {

struct ExecImage {
    std::string file;        // path of the program or script; empty: not known
    std::string executable;  // base name of what runs: for a script its interpreter; may be empty
    std::string script;      // base name of a script, beyond comm's 15 bytes; empty: none, unknown
    std::optional<std::string> argv;  // a NUL after each; may be cut; absent: not known
};

using ExecImagePtr = std::shared_ptr<const ExecImage>;  // may be null: nothing is known

constexpr size_t max_argv_bytes = 1024;

// What an exec event tells of; arguments are cut to 1 KiB.
ExecImagePtr make_exec_image(const Exec& exec);

// The script that the arguments (a NUL after each) name: of an interpreter its first one that is no
// option, else the one whose name the kernel cut to make comm. "" where there is none.
std::string script_name(std::string_view comm, std::string_view executable, std::string_view argv);

inline std::string_view base_name(std::string_view path) {
    return path.substr(path.rfind('/') + 1);
}

}  // namespace vigil::model
