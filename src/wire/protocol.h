// SPDX-License-Identifier: Apache-2.0
// The line protocol between agent and server, as docs/protocol.md tells it: one JSON object a line,
// both ways. A line with the key "type" is a message; any other line from an agent is an event.
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
// Without the line end. A server's may hold a configuration of 1 MiB.
constexpr size_t max_agent_line_bytes = 64 << 10;
constexpr size_t max_server_line_bytes = (1 << 20) + (64 << 10);
// After so long without a line the other side counts as gone. An agent sends its status, which a
// server answers, so often that only a dead one is silent.
constexpr uint64_t status_interval_s = 10;
constexpr uint64_t max_silence_s = 45;

// --- From the agent.

// The first line. `journal` and `next_sequence` tell where events begin.
struct Hello {
    uint64_t protocol = protocol_version;
    std::string agent;    // its name; with TLS that of its certificate
    std::string host;     // its machine's name
    std::string version;  // of vigil
    std::string boot_id;
    std::string journal;         // UUID of the journal that the events to come are of
    uint64_t next_sequence = 1;  // of its first line that is not acknowledged
    std::string config;          // hash of the configuration in use, at most 64 hex digits in
                                 // lower case; empty: none
};

// The events to come are of another journal.
struct JournalChange {
    std::string journal;
    uint64_t next_sequence = 1;
};

// How the agent is; also the answer to a configuration.
struct AgentStatus {
    std::string config;        // hash of the configuration in use; empty: none
    std::string config_error;  // why the last one that came was refused; empty: it was not
    uint64_t processes = 0;
    uint64_t rules = 0;
    uint64_t raised = 0;  // limits that are broken now
    uint64_t queued = 0;  // lines that wait to be acknowledged
    uint64_t lost = 0;    // lines that its queue had no room for, since it started
    std::optional<double> cpu_percent;
    std::optional<double> memory_mb;
};

// An event, as it is to stand in the log: what would act on a terminal or mislead a reader is
// escaped.
struct EventLine {
    uint64_t sequence = 0;
    std::string_view line;  // the whole object, without line end; its last member is "journal_seq"
};

using FromAgent = std::variant<Hello, JournalChange, AgentStatus, EventLine>;

// --- From the server.

// The answer to Hello and JournalChange: the last line of that journal that is durable here; 0 if
// there is none. The agent goes on after it.
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
    std::optional<uint64_t> sequence;  // of the event that was at fault
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

// Appends the line of an event (a JSON object without line end) with its sequence, and a line end.
void append_event(std::string& out, std::string_view event, uint64_t sequence);

// Appends the line as it stands in a server's log: with the names of whom it came from.
void append_logged(std::string& out, const EventLine& event, std::string_view agent,
                   std::string_view journal);

// Where a line of a server's log came from. Views into the line.
struct Origin {
    std::string_view agent;
    std::string_view journal;
    uint64_t sequence = 0;
};
// Of append_logged()'s line; nothing where it is none.
std::optional<Origin> parse_origin(std::string_view line);

// Reads lines. One for each connection; keeps memory from line to line.
class MessageParser {
 public:
    // So many bytes behind the line must be readable; what they hold does not matter.
    static constexpr size_t padding = 64;

    MessageParser();
    ~MessageParser();
    MessageParser(MessageParser&&) noexcept;
    MessageParser& operator=(MessageParser&&) noexcept;

    // The error says what is wrong, in words for the other side. Views of an EventLine are valid
    // until the next call, as long as `line` is.
    Result<FromAgent> from_agent(std::string_view line);
    Result<FromServer> from_server(std::string_view line);

    // Of the event in the last line that from_agent() refused, if it could be read.
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
