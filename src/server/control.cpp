// SPDX-License-Identifier: Apache-2.0
#include "server/control.h"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <string>

#include "server/commands.h"
#include "server/log_tail.h"

namespace vigil::server {
namespace {

namespace asio = boost::asio;

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
constexpr size_t max_command_bytes = 64 << 10;

wire::Awaitable<bool> write(ControlSocket& socket, const std::string& text) {
    const auto [error, count] = co_await asio::async_write(socket, asio::buffer(text), as_values);
    co_return !error;
}

// The client sends nothing more, so readable means end of file.
bool is_disconnected(ControlSocket& socket) {
    char byte = 0;
    return ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

// Sends new lines once they are durable, until the client disconnects.
wire::Awaitable<void> follow(ServerState& state, ControlSocket& socket) {
    LogTail tail(state);
    while (!is_disconnected(socket)) {
        const std::string lines = tail.next();
        if (lines.empty()) {
            co_await state.wait_for_log();
            continue;
        }
        const bool written = co_await write(socket, lines);
        if (!written) {
            break;
        }
    }
}

}  // namespace

wire::Awaitable<bool> serve_control(ServerState& state, ControlSocket socket) {
    std::string line;
    const auto [error, size] = co_await asio::async_read_until(
        socket, asio::dynamic_buffer(line, max_command_bytes), '\n', as_values);
    if (error) {
        co_return false;
    }
    const Reply reply = run_command(state, std::string_view(line).substr(0, size - 1));
    const std::string text =
        fmt::format("{} {}\n", reply.failed ? "error" : "ok", reply.text.size()) + reply.text;
    const bool written = co_await write(socket, text);
    if (written && reply.next == Reply::Next::follow) {
        co_await follow(state, socket);
    }
    co_return reply.next == Reply::Next::quit;
}

}  // namespace vigil::server
