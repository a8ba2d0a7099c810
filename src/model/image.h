// SPDX-License-Identifier: Apache-2.0
// What a process runs, as its exec or /proc told. Forks share their parent's.
#pragma once

#include <memory>
#include <optional>
#include <string>

namespace vigil::model {

struct Image {
    std::string file;        // path of the program or script; empty: not known
    std::string executable;  // base name of what runs: for a script its interpreter; may be empty
    std::string script;      // base name of a script, beyond comm's 15 bytes; empty: none, unknown
    std::optional<std::string> argv;  // a NUL after each; may be cut; absent: not known
};

using ImagePtr = std::shared_ptr<const Image>;  // may be null: nothing is known

}  // namespace vigil::model
