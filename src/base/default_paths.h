// SPDX-License-Identifier: Apache-2.0
// Where things are by default: root's in /var/lib and /run, another user's in his own directories.
#pragma once

#include <string>

namespace vigil {

// "/var/lib/vigil/NAME", or below $XDG_STATE_HOME or ~/.local/state.
std::string default_state_directory(const std::string& name);

// Where `vigil ctl` finds the server: "/run/vigil/server.sock", or below $XDG_RUNTIME_DIR or the
// state directory.
std::string default_control_path();

}  // namespace vigil
