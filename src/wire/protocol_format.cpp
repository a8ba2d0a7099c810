// SPDX-License-Identifier: Apache-2.0
#include <fmt/compile.h>
#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>

#include "base/text.h"
#include "wire/protocol.h"

namespace vigil::wire {
namespace {

// Writes one object: members in the order of the calls.
class Object {
 public:
    explicit Object(std::string_view type) { add("type", type); }

    Object& add(std::string_view key, std::string_view value) {
        open(key);
        append_json_string(text_, value);
        return *this;
    }
    Object& add(std::string_view key, uint64_t value) {
        open(key);
        fmt::format_to(std::back_inserter(text_), FMT_COMPILE("{}"), value);
        return *this;
    }
    Object& add(std::string_view key, std::optional<double> value) {
        open(key);
        text_ += value ? fmt::format("{:.3f}", *value) : "null";
        return *this;
    }
    Object& add_json(std::string_view key, std::string_view json) {
        open(key);
        text_ += json;
        return *this;
    }
    std::string line() const { return text_ + "}\n"; }

 private:
    void open(std::string_view key) {
        text_ += text_.empty() ? "{\"" : ",\"";
        text_ += key;
        text_ += "\":";
    }

    std::string text_;
};

// The text between `begin` and the next quote, searched from `at`, which is moved after that quote.
std::optional<std::string_view> quoted(std::string_view line, size_t& at, std::string_view begin) {
    if (line.substr(at, begin.size()) != begin) {
        return std::nullopt;
    }
    const size_t from = at + begin.size();
    const size_t end = line.find('"', from);
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    at = end + 1;
    return line.substr(from, end - from);
}

constexpr std::string_view logged_sequence = ",\"journal_seq\":";
constexpr std::string_view logged_agent = ",\"agent\":\"";
constexpr std::string_view logged_journal = ",\"journal\":\"";
constexpr size_t uuid_length = 36;

}  // namespace

std::string format(const Hello& hello) {
    return Object("hello")
        .add("protocol", hello.protocol)
        .add("agent", hello.agent)
        .add("host", hello.host)
        .add("version", hello.version)
        .add("boot_id", hello.boot_id)
        .add("journal", hello.journal)
        .add("next_seq", hello.next_sequence)
        .add("config", hello.config)
        .line();
}

std::string format(const JournalChange& change) {
    return Object("journal")
        .add("journal", change.journal)
        .add("next_seq", change.next_sequence)
        .line();
}

std::string format(const AgentStatus& status) {
    return Object("status")
        .add("config", status.config)
        .add("config_error", status.config_error)
        .add("processes", status.processes)
        .add("rules", status.rules)
        .add("raised", status.raised)
        .add("queued", status.queued)
        .add("lost", status.lost)
        .add("cpu_percent", status.cpu_percent)
        .add("memory_mb", status.memory_mb)
        .line();
}

std::string format(const Welcome& welcome) {
    return Object("welcome").add("journal", welcome.journal).add("seq", welcome.sequence).line();
}

std::string format(const Config& config) {
    return Object("config").add("hash", config.hash).add_json("rules", config.rules).line();
}

std::string format(const Ack& ack) {
    return Object("ack").add("journal", ack.journal).add("seq", ack.sequence).line();
}

std::string format(const ErrorMessage& error_message) {
    Object object("error");
    object.add("reason", error_message.reason);
    if (error_message.sequence) {
        object.add("seq", *error_message.sequence);
    }
    return object.line();
}

void append_event(std::string& out, std::string_view event, uint64_t sequence) {
    const size_t end = event.rfind('}');
    out += event.substr(0, end);
    fmt::format_to(std::back_inserter(out), FMT_COMPILE("{}{}}}\n"), logged_sequence, sequence);
}

void append_logged(std::string& out, const EventLine& event, std::string_view agent,
                   std::string_view journal) {
    out += event.line.substr(0, event.line.size() - 1);
    out += logged_agent;
    out += agent;
    out += '"';
    out += logged_journal;
    out += journal;
    out += "\"}\n";
}

std::optional<Origin> parse_origin(std::string_view line) {
    // Neither a name nor a UUID has a quote, and they end the line.
    constexpr size_t max_suffix_bytes = logged_sequence.size() + 20 + logged_agent.size() +
                                        max_agent_name_bytes + 1 + logged_journal.size() +
                                        uuid_length + 2;
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) {
        line.remove_suffix(1);
    }
    const std::string_view end = line.substr(line.size() - std::min(line.size(), max_suffix_bytes));
    size_t at = end.rfind(logged_sequence);
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    at += logged_sequence.size();
    Origin origin;
    const size_t digits = at;
    while (at < end.size() && end[at] >= '0' && end[at] <= '9') {
        const auto digit = static_cast<uint64_t>(end[at] - '0');
        if (origin.sequence > (UINT64_MAX - digit) / 10) {
            return std::nullopt;
        }
        origin.sequence = origin.sequence * 10 + digit;
        at++;
    }
    const bool has_sequence = at > digits;
    const auto agent = quoted(end, at, logged_agent);
    const auto journal = agent ? quoted(end, at, logged_journal) : std::nullopt;
    if (!has_sequence || !journal || end.substr(at) != "}" || !is_name(*agent) ||
        !is_uuid(*journal)) {
        return std::nullopt;
    }
    origin.agent = *agent;
    origin.journal = *journal;
    return origin;
}

bool is_uuid(std::string_view text) {
    if (text.size() != uuid_length) {
        return false;
    }
    for (size_t i = 0; i < text.size(); i++) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        const bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
        if (dash ? text[i] != '-' : !hex) {
            return false;
        }
    }
    return true;
}

// Version 4 (RFC 9562): random except for six bits.
std::string make_uuid() {
    std::array<uint8_t, 16> bytes{};
    CHECK(::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
    bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0f) | 0x40);
    bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3f) | 0x80);
    std::string text;
    for (size_t i = 0; i < bytes.size(); i++) {
        text += i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "";
        text += fmt::format("{:02x}", bytes[i]);
    }
    return text;
}

}  // namespace vigil::wire
