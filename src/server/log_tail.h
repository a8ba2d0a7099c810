// SPDX-License-Identifier: Apache-2.0
// Reads new lines of the log, for the console and `vigil ctl`. On the server's thread.
#pragma once

#include <string>

#include "journal/reader.h"
#include "server/server_state.h"

namespace vigil::server {

class LogTail {
 public:
    // Starts with the next line. The server state must outlive it.
    explicit LogTail(ServerState& state)
        : state_(&state), reader_(state.options().log, state.log().synced() + 1) {}

    // Lines that became durable since the last call, in the form of append_log_escaped(); "" if
    // there are none.
    std::string next();

 private:
    ServerState* state_;
    journal::Reader reader_;
};

}  // namespace vigil::server
