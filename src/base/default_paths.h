// SPDX-License-Identifier: Apache-2.0
// Default paths: in /var/lib and /run for root, in the user's own directories for other users.
#pragma once

#include <string>

namespace vigil {

// "/var/lib/vigil/NAME", or NAME's directory in $XDG_STATE_HOME or ~/.local/state.
std::string default_state_directory(const std::string& name);

// The server's control socket, used by `vigil ctl`: "/run/vigil/server.sock", or in
// $XDG_RUNTIME_DIR or the state directory.
std::string default_control_path();

}  // namespace vigil
