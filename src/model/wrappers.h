// SPDX-License-Identifier: Apache-2.0
// Programs whose exit code says how a command ended that they ran.
#pragma once

#include <string_view>

namespace vigil::model {

// Shells, and wrappers like timeout, sudo or xargs: 126, 127 and 128 + n are about their command.
// `path` may be a name or a path, "-bash" of a login shell too.
bool is_shell(std::string_view path);
bool is_wrapper(std::string_view path);

// The exit code that a shell makes of the status of its command, as wait(2) gives it.
int shell_exit_code(int signal, int code);

}  // namespace vigil::model
