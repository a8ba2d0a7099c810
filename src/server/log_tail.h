// SPDX-License-Identifier: Apache-2.0
// The log as it grows, for the console and `vigil ctl`.
#pragma once

#include <string>

#include "journal/reader.h"
#include "server/server_state.h"

namespace vigil::server {

class LogTail {
 public:
    // From the next line on. The hub must outlive it.
    explicit LogTail(ServerState& state)
        : state_(&state), reader_(state.options().log, state.log().synced() + 1) {}

    // Lines that have become durable since the last call, as append_log_escaped() has them; ""
    // where there are none.
    std::string next();

 private:
    ServerState* state_;
    journal::Reader reader_;
};

}  // namespace vigil::server
