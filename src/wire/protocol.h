// SPDX-License-Identifier: Apache-2.0
// The line protocol between agent and server, specified in docs/protocol.md: one JSON object per
// line, in both directions. A line with the key "type" is a message; any other line from an agent
// is an event.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/address.h"
#include "base/result.h"

namespace vigil::wire {

constexpr uint64_t protocol_version = 1;
// Without the line end. A server's line may have a configuration of 1 MiB.
constexpr size_t max_agent_line_bytes = 64 << 10;
constexpr size_t max_server_line_bytes = (1 << 20) + (64 << 10);
// After this time without a line the peer counts as gone. An agent sends its status, which a server
// answers, often enough that only a dead peer is silent.
constexpr uint64_t status_interval_s = 10;
constexpr uint64_t max_silence_s = 45;

// --- From the agent.

// The first line. `journal` and `next_sequence` define where events begin.
struct Hello {
    uint64_t protocol = protocol_version;
    std::string agent;    // its name; with TLS the one in its certificate
    std::string host;     // host name of its machine
    std::string version;  // vigil's version
    std::string boot_id;
    std::string journal;         // UUID of the journal of the following events
    uint64_t next_sequence = 1;  // first line of it that is not acknowledged
    // hash of the configuration in use, at most 64 hex digits in lower case; empty: none
    std::string config;
};

// The following events are of another journal.
struct JournalChange {
    std::string journal;
    uint64_t next_sequence = 1;
};

// State of the agent; also the answer to a configuration.
struct AgentStatus {
    std::string config;        // hash of the configuration in use; empty: none
    std::string config_error;  // why the last configuration was refused; empty: it was not
    uint64_t processes = 0;
    uint64_t rules = 0;
    uint64_t raised = 0;  // limits that are exceeded now
    uint64_t queued = 0;  // lines that are not acknowledged yet
    uint64_t lost = 0;    // lines that did not fit into its spool, since it started
    std::optional<double> cpu_percent;
    std::optional<double> memory_mb;
};

// An event as it is written to the log: bytes that would act on a terminal or mislead a reader are
// escaped.
struct EventLine {
    uint64_t sequence = 0;
    std::string_view line;  // the whole object, without line end; its last member is "journal_seq"
};

using FromAgent = std::variant<Hello, JournalChange, AgentStatus, EventLine>;

// --- From the server.

// The answer to Hello and JournalChange: the last line of that journal that is durable on the
// server; 0 if there is none. The agent continues after it.
struct Welcome {
    std::string journal;
    uint64_t sequence = 0;
};

struct Config {
    std::string hash;   // SHA-256 of `rules`, in hex
    std::string rules;  // the JSON array, in one line
};

// All lines up to this one are durable. Also the answer to AgentStatus.
struct Ack {
    std::string journal;
    uint64_t sequence = 0;
};

// The last line before the server closes the connection.
struct ErrorMessage {
    std::string reason;
    std::optional<uint64_t> sequence;  // of the event that caused it
};

using FromServer = std::variant<Welcome, Config, Ack, ErrorMessage>;

// --- Text.

// One line, with its end.
std::string format(const Hello& hello);
std::string format(const JournalChange& change);
std::string format(const AgentStatus& status);
std::string format(const Welcome& welcome);
std::string format(const Config& config);
std::string format(const Ack& ack);
std::string format(const ErrorMessage& error_message);

// Appends an event (a JSON object without line end) with its sequence number, and a line end.
void append_event(std::string& out, std::string_view event, uint64_t sequence);

// Appends the line of a server's log: the event with the names of the agent and journal that it
// came from.
void append_logged(std::string& out, const EventLine& event, std::string_view agent,
                   std::string_view journal);

// Origin of a line of a server's log. Views into the line.
struct Origin {
    std::string_view agent;
    std::string_view journal;
    uint64_t sequence = 0;
};
// Parses a line of append_logged(); nullopt for any other.
std::optional<Origin> parse_origin(std::string_view line);

// Parses lines. One for each connection; reuses memory from line to line. Not thread-safe.
class MessageParser {
 public:
    // This many bytes after the line must be readable, with any content.
    static constexpr size_t padding = 64;

    MessageParser();
    ~MessageParser();
    MessageParser(MessageParser&&) noexcept;
    MessageParser& operator=(MessageParser&&) noexcept;

    // The error describes the problem for the peer. Views of an EventLine are valid until the next
    // call, while `line` is.
    Result<FromAgent> from_agent(std::string_view line);
    Result<FromServer> from_server(std::string_view line);

    // Sequence number of the event that from_agent() refused last, if it was readable.
    std::optional<uint64_t> refused_sequence() const { return refused_sequence_; }

 private:
    struct State;
    std::unique_ptr<State> state_;
    std::optional<uint64_t> refused_sequence_;
};

// 8-4-4-4-12 lower-case hex digits.
bool is_uuid(std::string_view text);
std::string make_uuid();

}  // namespace vigil::wire
