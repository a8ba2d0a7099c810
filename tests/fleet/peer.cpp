// SPDX-License-Identifier: Apache-2.0
#include "peer.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "event.h"

namespace vigil::tests {
namespace {

constexpr timeval timeout{.tv_sec = 60, .tv_usec = 0};

std::string next_journal() {
    static uint64_t number = 0;
    return fmt::format("00000000-0000-4000-8000-{:012x}", ++number);
}

sockaddr_in loopback(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

}  // namespace

void Peer::Free::operator()(SSL* ssl) const { ::SSL_free(ssl); }
void Peer::Free::operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }

Peer::Peer(Fd socket) : socket_(std::move(socket)), journal_(next_journal()) {
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
}

Peer::Peer(uint16_t port, const std::string& tls)
    : Peer(Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))) {
    const sockaddr_in address = loopback(port);
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
        0) {
        ADD_FAILURE() << "connecting: " << std::strerror(errno);
        return;
    }
    if (tls.empty()) {
        return;
    }
    context_.reset(::SSL_CTX_new(::TLS_client_method()));
    if (::SSL_CTX_use_certificate_chain_file(context_.get(), tls.c_str()) != 1 ||
        ::SSL_CTX_use_PrivateKey_file(context_.get(), tls.c_str(), SSL_FILETYPE_PEM) != 1 ||
        ::SSL_CTX_load_verify_locations(context_.get(), tls.c_str(), nullptr) != 1) {
        ADD_FAILURE() << tls << " is of no use";
    }
    ::SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    ssl_.reset(::SSL_new(context_.get()));
    ::SSL_set_fd(ssl_.get(), socket_.get());
    if (::SSL_connect(ssl_.get()) != 1) {
        socket_.reset();
    }
}

bool Peer::send(const std::string& text) {
    if (ssl_) {
        return socket_ && ::SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())) ==
                              static_cast<int>(text.size());
    }
    size_t done = 0;
    while (done < text.size()) {
        const ssize_t count =
            ::send(socket_.get(), text.data() + done, text.size() - done, MSG_NOSIGNAL);
        if (count <= 0) {
            return false;
        }
        done += static_cast<size_t>(count);
    }
    return true;
}

std::optional<std::string> Peer::line() {
    std::array<char, 16'384> bytes;
    size_t end = 0;
    while ((end = read_.find('\n')) == std::string::npos) {
        const ssize_t count =
            !socket_ ? 0
            : ssl_   ? ::SSL_read(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()))
                     : ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
        if (count <= 0) {
            return std::nullopt;
        }
        read_.append(bytes.data(), static_cast<size_t>(count));
    }
    std::string line = read_.substr(0, end);
    read_.erase(0, end + 1);
    return line;
}

std::optional<std::string> Peer::line_of_type(const std::string& type) {
    while (auto next = line()) {
        if (next->starts_with("{\"type\":\"" + type + "\"")) {
            return next;
        }
    }
    return std::nullopt;
}

bool Peer::acknowledged(uint64_t sequence) {
    while (const auto ack = line_of_type("ack")) {
        const auto event = Event::parse(*ack);
        if (event && event->text("journal") == journal_ &&
            event->number("seq") >= static_cast<int64_t>(sequence)) {
            return true;
        }
    }
    return false;
}

std::string Peer::hello(const std::string& agent, uint64_t next_sequence) const {
    return fmt::format(
        R"({{"type":"hello","protocol":1,"agent":"{}","host":"{}","version":"test","boot_id":"b",)"
        R"("journal":"{}","next_seq":{},"config":""}})"
        "\n",
        agent, agent, journal_, next_sequence);
}

PeerServer::PeerServer(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_in address = loopback(port);
    const int on = 1;
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(socket_.get(), 8) != 0) {
        ADD_FAILURE() << "listening: " << std::strerror(errno);
    }
}

Peer PeerServer::accept() const {
    Peer peer(Fd(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC)));
    const auto line = peer.line_of_type("hello");
    const auto hello = line ? Event::parse(*line) : std::nullopt;
    if (!hello) {
        ADD_FAILURE() << "no agent said hello";
        return peer;
    }
    peer.send(fmt::format(R"({{"type":"welcome","journal":"{}","seq":0}})"
                          "\n",
                          hello->text("journal")));
    return peer;
}

std::string peer_event(uint64_t sequence, int64_t number, size_t bytes) {
    const std::string begin = fmt::format(
        R"({{"time":"2026-01-01T00:00:00.000000Z","kind":"exit","number":{},"fill":")", number);
    const std::string end = fmt::format(R"(","journal_seq":{}}})"
                                        "\n",
                                        sequence);
    const size_t used = begin.size() + end.size();
    return begin + std::string(bytes > used ? bytes - used : 0, 'x') + end;
}

std::string peer_status() {
    return R"({"type":"status","config":"","config_error":"","processes":1,"rules":0,"raised":0,)"
           R"("queued":0,"lost":0,"cpu_percent":null,"memory_mb":null})"
           "\n";
}

}  // namespace vigil::tests
