// SPDX-License-Identifier: Apache-2.0
// One connection of an agent to its server: the agent's side of docs/protocol.md. Runs on the
// connection's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "agent/spool.h"
#include "wire/line_buffer.h"
#include "wire/protocol.h"
#include "wire/stream.h"

namespace vigil::agent {

// Owner of a connection. All calls come on the connection's thread.
class ConnectionOwner {
 public:
    virtual ~ConnectionOwner() = default;
    virtual Spool& spool() = 0;
    virtual void on_welcome() = 0;
    // The server has acknowledged more lines.
    virtual void on_progress() = 0;
    virtual void on_config(wire::Config config) = 0;
    // The server refused the event with this sequence number for good.
    virtual void on_refused(uint64_t sequence) = 0;
    virtual bool is_refused(uint64_t sequence) const = 0;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
    // io and owner must outlive the connection.
    Connection(boost::asio::io_context& io, ConnectionOwner& owner,
               std::unique_ptr<wire::Stream> stream);

    // Runs until the connection ends; returns the reason as an error. The caller fills in `hello`
    // and `status` as far as it knows them.
    wire::Awaitable<Result<void>> run(wire::Hello hello, wire::AgentStatus status);

    // Call it when the spool has more durable lines.
    void notify_new_lines();
    void set_status(const wire::AgentStatus& status);

    // Call it about once a second.
    void check_time(uint64_t now_ns);

 private:
    wire::Awaitable<void> send_all();
    wire::Awaitable<bool> send_lines();
    void handle(wire::FromServer message);
    void end(const std::string& reason);

    boost::asio::io_context* io_;
    ConnectionOwner* owner_;
    std::unique_ptr<wire::Stream> stream_;
    boost::asio::steady_timer wakeup_;
    wire::LineBuffer lines_{wire::max_server_line_bytes};
    wire::MessageParser parser_;

    std::string journal_;    // journal of the next events
    bool welcomed_ = false;  // the server has reported what it has of journal_
    uint64_t sent_ = 0;      // sequence in the spool
    wire::AgentStatus status_;
    bool status_due_ = false;
    uint64_t status_sent_ns_ = 0;
    uint64_t last_received_ns_ = 0;
    bool handshake_done_ = false;
    bool closed_ = false;
    std::string reason_;
};

}  // namespace vigil::agent
