// SPDX-License-Identifier: Apache-2.0
#include "base/default_paths.h"

#include <unistd.h>

#include <cstdlib>

namespace vigil {
namespace {

std::string variable(const char* name) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): read at start
    return value != nullptr ? value : "";
}

}  // namespace

std::string default_state_directory(const std::string& name) {
    if (::geteuid() == 0) {
        return "/var/lib/vigil/" + name;
    }
    const std::string state = variable("XDG_STATE_HOME");
    return (state.empty() ? variable("HOME") + "/.local/state" : state) + "/vigil/" + name;
}

std::string default_control_path() {
    if (::geteuid() == 0) {
        return "/run/vigil/server.sock";
    }
    const std::string runtime = variable("XDG_RUNTIME_DIR");
    return runtime.empty() ? default_state_directory("server.sock")
                           : runtime + "/vigil/server.sock";
}

}  // namespace vigil
