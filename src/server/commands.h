// SPDX-License-Identifier: Apache-2.0
// The commands of the console and of `vigil ctl`.
#pragma once

#include <string>
#include <string_view>

namespace vigil::server {

class ServerState;

struct Reply {
    enum class Next { nothing, follow, quit };

    bool failed = false;
    std::string text;           // lines, safe for a terminal
    Next next = Next::nothing;  // what the caller must do next
};

// Runs one command; "" does nothing. On the server's thread.
Reply run_command(ServerState& state, std::string_view line);

}  // namespace vigil::server
