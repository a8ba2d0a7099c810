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

// Appends lines of the log, safe for a terminal: JSON with the same meaning, with control and
// misleading characters escaped.
void append_log_escaped(std::string& out, std::string_view lines);

}  // namespace vigil::server
