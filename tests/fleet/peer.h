// SPDX-License-Identifier: Apache-2.0
// The agent's side of docs/protocol.md, spoken by hand: a socket that waits, with TLS if asked.
// What a stranger would write, with nothing of the project's own.
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
    // `tls`: a file of `vigil certs issue`. Fails the test where there is no connection; a
    // handshake that is refused shows in errors of what comes after.
    explicit Peer(uint16_t port, const std::string& tls = "");
    Peer(Peer&&) noexcept = default;
    Peer& operator=(Peer&&) noexcept = default;
    ~Peer() = default;

    // False where the other side takes nothing any more.
    bool send(const std::string& text);
    // The next line, without its end; nothing where the connection has ended, or for a minute
    // nothing came.
    std::optional<std::string> line();
    // The next line with this "type"; others are passed over.
    std::optional<std::string> line_of_type(const std::string& type);
    // Waits for the acknowledgement of this line; false where it does not come.
    bool acknowledged(uint64_t sequence);

    std::string hello(const std::string& agent, uint64_t next_sequence = 1) const;
    // A number of its own for each peer.
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

// A valid event of about that size.
std::string peer_event(uint64_t sequence, int64_t number, size_t bytes = 300);
std::string peer_status();

}  // namespace vigil::tests
