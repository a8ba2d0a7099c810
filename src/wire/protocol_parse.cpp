// SPDX-License-Identifier: Apache-2.0
#include <fmt/compile.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>

#include "base/text.h"
#include "base/units.h"
#include "wire/protocol.h"

namespace vigil::wire {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

static_assert(MessageParser::padding >= simdjson::SIMDJSON_PADDING);

constexpr uint64_t max_sequence = INT64_MAX;
constexpr size_t max_kind_bytes = 32;
constexpr size_t max_hash_bytes = 64;
constexpr size_t max_text_bytes = 4096;  // of a member of a message

Error protocol_error(std::string text) { return {ErrorCode::failed, std::move(text)}; }

bool is_hash(std::string_view text) {
    return text.size() <= max_hash_bytes && std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

bool needs_escaping(char c) { return static_cast<unsigned char>(c) >= 0x7f; }

// Eight bytes at a time, because every line is checked.
bool has_bytes_to_escape(std::string_view line) {
    uint64_t found = 0;
    size_t at = 0;
    for (uint64_t chunk = 0; at + sizeof chunk <= line.size(); at += sizeof chunk) {
        std::memcpy(&chunk, line.data() + at, sizeof chunk);
        // A carry only comes from a byte that is itself a match.
        found |= chunk | (chunk + 0x0101010101010101);
    }
    return (found & 0x8080808080808080) != 0 ||
           std::any_of(line.begin() + static_cast<ptrdiff_t>(at), line.end(), needs_escaping);
}

// The members of a message; stores the first error.
class Members {
 public:
    explicit Members(object members) : members_(members) {}

    std::string text(const char* key, size_t max_bytes = max_text_bytes) {
        std::string_view value;
        if (members_[key].get(value) != simdjson::SUCCESS || value.size() > max_bytes) {
            set_error(key, fmt::format("a string of at most {} bytes", max_bytes));
            return {};
        }
        return std::string(value);
    }
    uint64_t number(const char* key) {
        uint64_t value = 0;
        if (members_[key].get(value) != simdjson::SUCCESS) {
            set_error(key, "a whole number");
        }
        return value;
    }
    std::optional<double> optional_number(const char* key) {
        element value;
        double number = 0;
        if (members_[key].get(value) != simdjson::SUCCESS || value.is_null()) {
            return std::nullopt;
        }
        if (value.get(number) != simdjson::SUCCESS) {
            set_error(key, "a number or null");
            return std::nullopt;
        }
        return number;
    }
    std::string uuid(const char* key) {
        std::string value = text(key);
        if (error_.empty() && !is_uuid(value)) {
            set_error(key, "a UUID in lower case");
        }
        return value;
    }
    std::string hash(const char* key) {
        std::string value = text(key);
        if (error_.empty() && !is_hash(value)) {
            set_error(key, "at most 64 digits of 0-9 and a-f");
        }
        return value;
    }
    void set_error(const char* key, const std::string& expected) {
        if (error_.empty()) {
            error_ = fmt::format("\"{}\": expected {}", key, expected);
        }
    }
    const std::string& error() const { return error_; }

 private:
    object members_;
    std::string error_;
};

Hello read_hello(Members& members) {
    Hello hello;
    hello.protocol = members.number("protocol");
    hello.agent = members.text("agent", max_agent_name_bytes);
    if (!is_name(hello.agent)) {
        members.set_error("agent", "a name of letters, digits, '.', '_', '-'");
    }
    hello.host = members.text("host", 256);
    hello.version = members.text("version", 64);
    hello.boot_id = members.text("boot_id", 64);
    hello.journal = members.uuid("journal");
    hello.next_sequence = members.number("next_seq");
    hello.config = members.hash("config");
    return hello;
}

AgentStatus read_status(Members& members) {
    AgentStatus status;
    status.config = members.hash("config");
    status.config_error = members.text("config_error");
    status.processes = members.number("processes");
    status.rules = members.number("rules");
    status.raised = members.number("raised");
    status.queued = members.number("queued");
    status.lost = members.number("lost");
    status.cpu_percent = members.optional_number("cpu_percent");
    status.memory_mb = members.optional_number("memory_mb");
    return status;
}

template <class Side, class Message>
Result<Side> checked(const Members& members, Message message) {
    if (!members.error().empty()) {
        return protocol_error(members.error());
    }
    return Side(std::move(message));
}

// "" if it is not a string.
std::string_view text_of(element value) {
    std::string_view text;
    return value.get(text) == simdjson::SUCCESS ? text : std::string_view();
}

bool is_kind(std::string_view text) {
    return !text.empty() && text.size() <= max_kind_bytes &&
           std::all_of(text.begin(), text.end(),
                       [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

// "2026-11-20T22:33:49.123456Z"
bool is_time(std::string_view text) {
    constexpr std::string_view form = "dddd-dd-ddTdd:dd:dd.ddddddZ";
    return text.size() == form.size() &&
           std::equal(text.begin(), text.end(), form.begin(), [](char c, char place) {
               return place == 'd' ? c >= '0' && c <= '9' : c == place;
           });
}

// A constant length avoids a call for each member of each line.
template <size_t size>
bool is(std::string_view key, const char (&name)[size]) {
    return key.size() == size - 1 && std::memcmp(key.data(), name, size - 1) == 0;
}

// Results of one pass over the members: those that the server needs.
struct EventMembers {
    std::optional<element> type;  // of a message
    std::string_view kind;
    std::string_view time;
    std::string_view added;  // a key that only the server may write
    size_t sequences = 0;
    std::optional<uint64_t> sequence;
};

EventMembers scan_members(object members) {
    EventMembers seen;
    for (const auto& [key, value] : members) {
        if (is(key, "journal_seq")) {
            uint64_t number = 0;
            if (value.get(number) == simdjson::SUCCESS && number > 0 && number <= max_sequence) {
                seen.sequence = number;
            }
            seen.sequences++;
        } else if (is(key, "kind")) {
            seen.kind = text_of(value);
        } else if (is(key, "time")) {
            seen.time = text_of(value);
        } else if (is(key, "agent") || is(key, "journal")) {
            seen.added = key;
        } else if (is(key, "type") && !seen.type) {
            seen.type = value;
        }
    }
    return seen;
}

// The number at the position where append_event() writes it.
std::optional<uint64_t> sequence_at_end(std::string_view line) {
    constexpr std::string_view name = ",\"journal_seq\":";
    const size_t at = line.rfind(name);
    if (at == std::string_view::npos || !line.ends_with('}')) {
        return std::nullopt;
    }
    line.remove_suffix(1);
    const auto number = parse_number(line.substr(at + name.size()), 1, max_sequence);
    return number ? std::optional(*number) : std::nullopt;
}

}  // namespace

struct MessageParser::State {
    simdjson::dom::parser parser;
    std::string rebuilt;  // an event that must be changed before it is logged

    Result<object> read(std::string_view line);
    Result<EventLine> event(std::string_view line, object members, const EventMembers& seen);
};

MessageParser::MessageParser() : state_(std::make_unique<State>()) {}
MessageParser::~MessageParser() = default;
MessageParser::MessageParser(MessageParser&&) noexcept = default;
MessageParser& MessageParser::operator=(MessageParser&&) noexcept = default;

Result<object> MessageParser::State::read(std::string_view line) {
    object members;
    const auto error = parser.parse(line.data(), line.size(), false).get(members);
    if (error == simdjson::INCORRECT_TYPE) {
        return protocol_error("expected a JSON object");
    }
    if (error != simdjson::SUCCESS) {
        return protocol_error(fmt::format("no valid JSON: {}", simdjson::error_message(error)));
    }
    return members;
}

// Checks whether the event may be logged, and whether its members are at vigil's positions.
Result<EventLine> MessageParser::State::event(std::string_view line, object members,
                                              const EventMembers& seen) {
    if (!seen.added.empty()) {
        return protocol_error(fmt::format("\"{}\" is for the server to add", seen.added));
    }
    const std::optional<uint64_t> sequence = seen.sequence;
    if (seen.sequences != 1 || !sequence) {
        return protocol_error("\"journal_seq\": expected one whole number above 0");
    }
    if (!is_kind(seen.kind)) {
        return protocol_error("\"kind\": expected the kind of the event, or \"type\" in a message");
    }
    if (!is_time(seen.time)) {
        return protocol_error("\"time\": expected UTC like 2026-11-20T22:33:49.123456Z");
    }
    std::array<char, 48> end{};
    const char* stop = fmt::format_to(end.data(), FMT_COMPILE(",\"journal_seq\":{}}}"), *sequence);
    if (line.ends_with(std::string_view(end.data(), static_cast<size_t>(stop - end.data())))) {
        if (!has_bytes_to_escape(line)) {
            return EventLine{*sequence, line};
        }
        rebuilt = escape_terminal_json(line);
        return EventLine{*sequence, rebuilt};
    }
    rebuilt.assign(1, '{');
    for (const auto& [key, value] : members) {
        if (key != "journal_seq") {
            append_json_string(rebuilt, key);
            rebuilt += ':';
            rebuilt += simdjson::minify(value);
            rebuilt += ',';
        }
    }
    rebuilt.pop_back();
    rebuilt.append(end.data(), static_cast<size_t>(stop - end.data()));
    if (has_bytes_to_escape(rebuilt)) {
        rebuilt = escape_terminal_json(rebuilt);
    }
    return EventLine{*sequence, rebuilt};
}

Result<FromAgent> MessageParser::from_agent(std::string_view line) {
    refused_sequence_.reset();
    const auto object_read = state_->read(line);
    if (!object_read) {
        // So that a line that was damaged on an agent's disk is not sent again and again.
        refused_sequence_ = sequence_at_end(line);
        return object_read.error();
    }
    const object& members = *object_read;
    const EventMembers seen = scan_members(members);
    if (!seen.type) {
        refused_sequence_ = seen.sequence;
        TRY_ASSIGN(const EventLine event, state_->event(line, members, seen));
        return FromAgent(event);
    }
    std::string_view type;
    if (seen.type->get(type) != simdjson::SUCCESS) {
        return protocol_error("\"type\": expected a string");
    }
    Members values(members);
    if (type == "hello") {
        return checked<FromAgent>(values, read_hello(values));
    }
    if (type == "journal") {
        JournalChange change;
        change.journal = values.uuid("journal");
        change.next_sequence = values.number("next_seq");
        return checked<FromAgent>(values, std::move(change));
    }
    if (type == "status") {
        return checked<FromAgent>(values, read_status(values));
    }
    return protocol_error("\"type\": expected \"hello\", \"journal\" or \"status\"");
}

Result<FromServer> MessageParser::from_server(std::string_view line) {
    TRY_ASSIGN(const object members, state_->read(line));
    std::string_view type;
    if (members["type"].get(type) != simdjson::SUCCESS) {
        return protocol_error("\"type\": expected a string");
    }
    Members values(members);
    if (type == "welcome") {
        Welcome welcome;
        welcome.journal = values.uuid("journal");
        welcome.sequence = values.number("seq");
        return checked<FromServer>(values, std::move(welcome));
    }
    if (type == "ack") {
        Ack ack;
        ack.journal = values.uuid("journal");
        ack.sequence = values.number("seq");
        return checked<FromServer>(values, std::move(ack));
    }
    if (type == "config") {
        Config config;
        config.hash = values.hash("hash");
        element rules;
        if (members["rules"].get(rules) != simdjson::SUCCESS || !rules.is_array()) {
            values.set_error("rules", "an array");
        } else {
            config.rules = simdjson::minify(rules);
        }
        return checked<FromServer>(values, std::move(config));
    }
    if (type == "error") {
        ErrorMessage error_message;
        error_message.reason = values.text("reason");
        uint64_t sequence = 0;
        if (members["seq"].get(sequence) == simdjson::SUCCESS) {
            error_message.sequence = sequence;
        }
        return checked<FromServer>(values, std::move(error_message));
    }
    return protocol_error("\"type\": expected \"welcome\", \"config\", \"ack\" or \"error\"");
}

}  // namespace vigil::wire
