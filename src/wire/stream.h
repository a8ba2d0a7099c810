// SPDX-License-Identifier: Apache-2.0
// A connection, plain or with TLS: bytes in, bytes out, for coroutines.
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

    // Proves who both sides are. Nothing to do without TLS. Before anything else.
    virtual Awaitable<Result<void>> handshake() = 0;

    // Waits for bytes; how many came. 0: the other side has said its last.
    virtual Awaitable<Result<size_t>> read_some(char* to, size_t max_bytes) = 0;

    // Writes all of it. One write at a time; reads may go on meanwhile.
    virtual Awaitable<Result<void>> write(std::string_view bytes) = 0;

    // The other side sees the end, once it has read all.
    virtual void shutdown_write() = 0;

    // Ends what is under way. Bytes that were not read yet are gone.
    virtual void close() = 0;

    // The name in the certificate of the other side; nothing without TLS.
    virtual std::optional<std::string> peer_name() const = 0;
};

using Socket = boost::asio::ip::tcp::socket;

std::unique_ptr<Stream> plain_stream(Socket socket);

// `context` must outlive the stream.
std::unique_ptr<Stream> tls_server_stream(Socket socket, const TlsContext& context);

// `host`: the name or address that the server's certificate must be for.
Result<std::unique_ptr<Stream>> tls_agent_stream(Socket socket, const TlsContext& context,
                                                 const std::string& host);

// "127.0.0.1:4242", "[::1]:4242"; "?" where it is gone.
std::string endpoint_text(const Socket& socket);

}  // namespace vigil::wire
