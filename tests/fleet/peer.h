// SPDX-License-Identifier: Apache-2.0
// An independent implementation of docs/protocol.md: the agent's side, with TLS on request, and the
// server's side in plain text. Blocking sockets; no code of the project.
#pragma once

#include <openssl/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/fd.h"

namespace vigil::tests {

class Peer {
 public:
    // `tls`: a file from `vigil certs issue`. Fails the test if there is no connection; a refused
    // handshake shows as an error of later calls.
    explicit Peer(uint16_t port, const std::string& tls = "");
    // A connection that was accepted.
    explicit Peer(Fd socket);
    Peer(Peer&&) noexcept = default;
    Peer& operator=(Peer&&) noexcept = default;
    ~Peer() = default;

    // False if the other side has closed.
    bool send(const std::string& text);
    // The next line, without its line end; empty if the connection has ended, or nothing came for a
    // minute.
    std::optional<std::string> line();
    // The next line with this "type"; others are skipped.
    std::optional<std::string> line_of_type(const std::string& type);
    // Waits for the acknowledgement of this line; false if it does not come.
    bool acknowledged(uint64_t sequence);

    std::string hello(const std::string& agent, uint64_t next_sequence = 1) const;
    // A different id for each peer.
    const std::string& journal() const { return journal_; }

 private:
    struct Free {
        void operator()(SSL* ssl) const;
        void operator()(SSL_CTX* context) const;
    };

    Fd socket_;
    std::unique_ptr<SSL_CTX, Free> context_;
    std::unique_ptr<SSL, Free> ssl_;
    std::string journal_;
    std::string read_;
};

// The server's side, on 127.0.0.1.
class PeerServer {
 public:
    explicit PeerServer(uint16_t port);
    // The next agent, which has said hello and was welcomed; its later lines are unread. Fails the
    // test if none comes within a minute.
    Peer accept() const;

 private:
    Fd socket_;
};

// A valid event of about `bytes` bytes.
std::string peer_event(uint64_t sequence, int64_t number, size_t bytes = 300);
std::string peer_status();

}  // namespace vigil::tests
