// SPDX-License-Identifier: Apache-2.0
#include "wire/stream.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "base/address.h"

namespace vigil::wire {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);

Error failure(const error_code& error) { return {ErrorCode::failed, error.message()}; }

// Overloads for the stream type: TCP or TLS.
Error failure(Socket&, const error_code& error) { return failure(error); }
Error failure(asio::ssl::stream<Socket>& stream, const error_code& error) {
    if (error.category() != asio::error::get_ssl_category()) {
        return failure(error);
    }
    const auto code = static_cast<unsigned long>(error.value());
    return {ErrorCode::failed, handshake_failure(stream.native_handle(), code)};
}

// An end of file without TLS's close_notify counts as an end too: lines have their own ends.
bool is_end(const error_code& error) {
    return error == asio::error::eof || error == asio::ssl::error::stream_truncated;
}

template <class Next>
Awaitable<Result<size_t>> read_from(Next& next, char* to, size_t max_bytes) {
    const auto [error, count] =
        co_await next.async_read_some(asio::buffer(to, max_bytes), as_values);
    if (is_end(error)) {
        co_return size_t{0};
    }
    if (error) {
        co_return failure(next, error);
    }
    co_return count;
}

template <class Next>
Awaitable<Result<void>> write_to(Next& next, std::string_view bytes) {
    const auto [error, count] =
        co_await asio::async_write(next, asio::buffer(bytes.data(), bytes.size()), as_values);
    if (error) {
        co_return failure(next, error);
    }
    co_return Result<void>();
}

void set_up(Socket& socket) {
    error_code ignored;
    // Acknowledgements are small, and the agent waits for them.
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);
}

void shutdown_socket_write(Socket& socket) {
    error_code ignored;
    socket.shutdown(Socket::shutdown_send, ignored);
}

void close_socket(Socket& socket) {
    error_code ignored;
    socket.close(ignored);
}

class PlainStream final : public Stream {
 public:
    explicit PlainStream(Socket socket) : socket_(std::move(socket)) { set_up(socket_); }

    Awaitable<Result<void>> handshake() override { co_return Result<void>(); }
    Awaitable<Result<size_t>> read_some(char* to, size_t max_bytes) override {
        return read_from(socket_, to, max_bytes);
    }
    Awaitable<Result<void>> write(std::string_view bytes) override {
        return write_to(socket_, bytes);
    }
    void shutdown_write() override { shutdown_socket_write(socket_); }
    void close() override { close_socket(socket_); }
    std::optional<std::string> peer_name() const override { return std::nullopt; }

 private:
    Socket socket_;
};

class TlsStream final : public Stream {
 public:
    TlsStream(Socket socket, const TlsContext& context, bool is_server)
        : context_(shared(context)), stream_(std::move(socket), context_), is_server_(is_server) {
        set_up(stream_.next_layer());
        // Releases the buffers of idle connections.
        SSL_set_mode(stream_.native_handle(), SSL_MODE_RELEASE_BUFFERS);
    }

    SSL* ssl() { return stream_.native_handle(); }

    Awaitable<Result<void>> handshake() override {
        const auto side =
            is_server_ ? asio::ssl::stream_base::server : asio::ssl::stream_base::client;
        const auto [error] = co_await stream_.async_handshake(side, as_values);
        if (!error) {
            co_return Result<void>();
        }
        co_return is_end(error) ? Error{ErrorCode::failed, "the other side closed the connection"}
                                : failure(stream_, error);
    }
    Awaitable<Result<size_t>> read_some(char* to, size_t max_bytes) override {
        return read_from(stream_, to, max_bytes);
    }
    Awaitable<Result<void>> write(std::string_view bytes) override {
        return write_to(stream_, bytes);
    }
    void shutdown_write() override { shutdown_socket_write(stream_.next_layer()); }
    void close() override { close_socket(stream_.next_layer()); }
    std::optional<std::string> peer_name() const override {
        // Asio has no const accessor.
        return wire::peer_name(const_cast<TlsStream*>(this)->ssl());
    }

 private:
    static asio::ssl::context shared(const TlsContext& context) {
        SSL_CTX_up_ref(context.get());
        return asio::ssl::context(context.get());
    }

    asio::ssl::context context_;
    asio::ssl::stream<Socket> stream_;
    bool is_server_;
};

}  // namespace

std::unique_ptr<Stream> plain_stream(Socket socket) {
    return std::make_unique<PlainStream>(std::move(socket));
}

std::unique_ptr<Stream> tls_server_stream(Socket socket, const TlsContext& context) {
    return std::make_unique<TlsStream>(std::move(socket), context, true);
}

Result<std::unique_ptr<Stream>> tls_agent_stream(Socket socket, const TlsContext& context,
                                                 const std::string& host) {
    auto stream = std::make_unique<TlsStream>(std::move(socket), context, false);
    TRY(expect_host(stream->ssl(), host));
    return std::unique_ptr<Stream>(std::move(stream));
}

std::string endpoint_text(const Socket& socket) {
    error_code error;
    const auto endpoint = socket.remote_endpoint(error);
    if (error) {
        return "?";
    }
    return to_string(Address{endpoint.address().to_string(), endpoint.port()});
}

}  // namespace vigil::wire
