// SPDX-License-Identifier: Apache-2.0
// A connection, plain or with TLS, for coroutines. All calls are on the thread of the socket's
// executor.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/tls.h"

namespace vigil::wire {

template <class T>
using Awaitable = boost::asio::awaitable<T>;

class Stream {
 public:
    virtual ~Stream() = default;

    // Authenticates both sides; without TLS there is nothing to do. Must be the first call.
    virtual Awaitable<Result<void>> handshake() = 0;

    // Waits for bytes and returns their number. 0: the peer has closed its side.
    virtual Awaitable<Result<size_t>> read_some(char* to, size_t max_bytes) = 0;

    // Writes all bytes. One write at a time; reads may run meanwhile.
    virtual Awaitable<Result<void>> write(std::string_view bytes) = 0;

    // Half-close: the peer reads end of file after all bytes.
    virtual void shutdown_write() = 0;

    // Cancels pending operations. Bytes that were not read yet are lost.
    virtual void close() = 0;

    // The name in the peer's certificate; nullopt without TLS.
    virtual std::optional<std::string> peer_name() const = 0;
};

using Socket = boost::asio::ip::tcp::socket;

std::unique_ptr<Stream> plain_stream(Socket socket);

// `context` must outlive the stream.
std::unique_ptr<Stream> tls_server_stream(Socket socket, const TlsContext& context);

// `host`: the name or address that the server's certificate must be for.
Result<std::unique_ptr<Stream>> tls_agent_stream(Socket socket, const TlsContext& context,
                                                 const std::string& host);

// "127.0.0.1:4242", "[::1]:4242"; "?" if the socket is closed.
std::string endpoint_text(const Socket& socket);

}  // namespace vigil::wire
