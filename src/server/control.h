// SPDX-License-Identifier: Apache-2.0
// One connection of `vigil ctl`: a line with a command in; "ok" or "error", a space and the number
// of bytes of the reply in a line out, the reply, and with `follow` further lines until the end.
#pragma once

#include <boost/asio/local/stream_protocol.hpp>

#include "server/server_state.h"
#include "wire/stream.h"

namespace vigil::server {

using ControlSocket = boost::asio::local::stream_protocol::socket;

// Serves one command. True if the server must stop.
wire::Awaitable<bool> serve_control(ServerState& state, ControlSocket socket);

}  // namespace vigil::server
