// SPDX-License-Identifier: Apache-2.0
// One connection of an agent: validates its messages, passes events to the log, sends configuration
// and acknowledgements. On the server's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/dedup_index.h"
#include "server/stats.h"
#include "wire/line_buffer.h"
#include "wire/protocol.h"
#include "wire/stream.h"

namespace vigil::server {

class SessionHost;

class Session : public std::enable_shared_from_this<Session> {
 public:
    // The host must outlive it.
    Session(SessionHost& host, std::unique_ptr<wire::Stream> stream, std::string address);

    // Serves the agent until either side ends it.
    wire::Awaitable<void> run();

    // Sends the host's configuration unless it was the last one sent.
    void send_configuration();

    // More lines of its journal are durable: acknowledges them, unless more will follow at once.
    void durable();

    // Sends the reason, and closes the connection.
    void refuse(CloseReason close_reason, const std::string& reason,
                std::optional<uint64_t> sequence = std::nullopt);

    void close();

    // Call it about once a second.
    void check_time(uint64_t now_ns);

    // Empty until the agent has sent its hello.
    const std::optional<wire::Hello>& hello() const { return hello_; }
    const wire::AgentStatus& status() const { return status_; }
    const std::string& address() const { return address_; }
    bool is_refused() const { return ending_; }
    // Neither said hello nor refused: it counts among those that may be silent.
    bool is_greeting() const { return !hello_ && !ending_ && !closed_; }
    const std::string& sent_hash() const { return sent_hash_; }
    uint64_t started_ns() const { return started_ns_; }  // since boot

 private:
    wire::Awaitable<bool> read_lines();
    wire::Awaitable<bool> append_batch();
    wire::Awaitable<void> write_out();
    bool handle_line(std::string_view line);
    bool on_hello(wire::Hello hello);
    bool begin_journal(const std::string& journal, uint64_t next_sequence);
    void handle_event(const wire::EventLine& event);
    void acknowledge();  // acknowledges all durable lines of its journal
    void send_due_ack();
    void send(std::string_view line);
    void close_slow_reader();
    void release_journal();

    SessionHost* host_;
    std::unique_ptr<wire::Stream> stream_;
    std::string address_;
    wire::LineBuffer lines_{wire::max_agent_line_bytes};

    std::optional<wire::Hello> hello_;
    wire::AgentStatus status_;
    std::string journal_;
    DedupIndex::Entry* entry_ = nullptr;
    std::string sent_hash_;
    uint64_t acknowledged_ = 0;  // sequence in the agent's journal
    uint64_t acknowledged_ns_ = 0;

    // Lines in the shared batch that are not yet appended to the log.
    size_t batch_lines_ = 0;
    uint64_t batch_last_ = 0;  // sequence in the agent's journal
    bool saw_duplicate_ = false;
    std::optional<std::pair<std::string, uint64_t>> next_journal_;  // after the batch

    std::string unsent_;
    bool ack_due_ = false;    // once what is being sent is out
    bool tls_ready_ = false;  // TLS is done, or not needed
    bool writing_ = false;
    bool ending_ = false;  // refused: nothing more is accepted or sent
    bool closed_ = false;
    uint64_t started_ns_;
    uint64_t last_received_ns_;  // last time a byte was received
    uint64_t last_written_ns_;   // last time everything sent was written
    uint64_t ending_ns_ = 0;
};

}  // namespace vigil::server
