// SPDX-License-Identifier: Apache-2.0
// Any bytes as what comes over a connection or stands in a server's log: nothing is read beyond
// them, what is taken can be said again, and pieces of any size make the same lines.
#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "check.h"
#include "server/dedup_index.h"
#include "support/printable.h"
#include "wire/line_buffer.h"
#include "wire/protocol.h"

namespace {

using vigil::fuzz::require;
using namespace vigil::wire;

constexpr size_t max_line_bytes = 200;
constexpr const char* uuid = "0f8fad5b-d9cb-469f-a165-70867728950e";

// With readable bytes behind it, as a LineBuffer hands it out; in memory of its own, so that a read
// beyond those shows.
class Line {
 public:
    explicit Line(std::string_view text)
        : size_(text.size()), bytes_(size_ + MessageParser::padding, '"') {
        std::memcpy(bytes_.data(), text.data(), size_);
    }
    operator std::string_view() const { return {bytes_.data(), size_}; }

 private:
    size_t size_;
    std::vector<char> bytes_;
};

bool is_json(std::string_view line) {
    static simdjson::dom::parser parser;
    return parser.parse(line.data(), line.size()).error() == simdjson::SUCCESS;
}

void check_output_line(const std::string& line, bool is_ours) {
    require(line.ends_with('\n'), "no line", line);
    require(is_json(line), "no JSON", line);
    const std::string wrong = is_ours ? vigil::test::unprintable(line, true) : "";
    require(wrong.empty(), wrong.c_str(), line);
}

void check_event(const EventLine& event, std::string_view input) {
    require(event.sequence > 0 && event.sequence <= INT64_MAX, "sequence", input);
    std::string logged;
    append_logged(logged, event, "web-1", uuid);
    check_output_line(logged, false);
    const auto origin = parse_origin(logged);
    require(origin && origin->sequence == event.sequence && origin->agent == "web-1" &&
                origin->journal == uuid,
            "origin", logged);
    // It stays what it is: the same server may see it again.
    MessageParser parser;
    const Line again(event.line);
    const auto read = parser.from_agent(again);
    require(read && std::holds_alternative<EventLine>(*read), "not taken again", logged);
    require(std::get<EventLine>(*read).line == event.line, "changed", logged);
}

// What is taken and said is taken again, and said in the same words.
template <class Read>
void check_round_trip(const std::string& formatted, Read read) {
    check_output_line(formatted, true);
    const Line line(std::string_view(formatted).substr(0, formatted.size() - 1));
    const auto again = read(line);
    require(again.has_value(), "not taken again", formatted);
    std::visit(
        [&](const auto& message) {
            if constexpr (!std::is_same_v<std::decay_t<decltype(message)>, EventLine>) {
                require(format(message) == formatted, "other words", formatted);
            }
        },
        *again);
}

void check_line(std::string_view text) {
    const Line line(text);
    MessageParser parser;
    if (const auto from_agent = parser.from_agent(line); !from_agent) {
        const std::string& reason = from_agent.error().context;
        require(vigil::test::unprintable(reason, false).empty(), "reason", reason);
    } else if (const auto* event = std::get_if<EventLine>(&*from_agent)) {
        check_event(*event, text);
    } else {
        std::visit(
            [&](const auto& message) {
                if constexpr (!std::is_same_v<std::decay_t<decltype(message)>, EventLine>) {
                    MessageParser other;
                    check_round_trip(format(message), [&](std::string_view formatted) {
                        return other.from_agent(formatted);
                    });
                }
            },
            *from_agent);
    }
    if (const auto from_server = parser.from_server(line)) {
        std::visit(
            [&](const auto& message) {
                MessageParser other;
                const std::string formatted = format(message);
                // Of the rules, what stands in their strings is passed on as it came.
                if constexpr (std::is_same_v<std::decay_t<decltype(message)>, Config>) {
                    require(is_json(formatted), "no JSON", formatted);
                } else {
                    check_round_trip(
                        formatted, [&](std::string_view each) { return other.from_server(each); });
                }
            },
            *from_server);
    }
    if (const auto origin = parse_origin(text)) {
        require(vigil::is_name(origin->agent) && is_uuid(origin->journal), "origin", text);
    }
}

std::vector<std::string> lines_of(std::string_view bytes, size_t piece, bool& too_long) {
    LineBuffer buffer(max_line_bytes);
    std::vector<std::string> lines;
    while (!bytes.empty() && !buffer.is_too_long()) {
        char* const writable = buffer.writable();
        const size_t count = std::min({piece, bytes.size(), buffer.writable_bytes()});
        require(count > 0, "no room", bytes);
        std::memcpy(writable, bytes.data(), count);
        buffer.add(count);
        bytes.remove_prefix(count);
        while (const auto line = buffer.next()) {
            require(line->size() <= max_line_bytes, "longer than allowed", *line);
            lines.emplace_back(*line);
        }
    }
    too_long = buffer.is_too_long();
    return lines;
}

void check_pieces(std::string_view bytes) {
    bool too_long = false;
    const auto whole = lines_of(bytes, SIZE_MAX, too_long);
    for (const size_t piece : {size_t{1}, size_t{7}, size_t{101}}) {
        bool also_too_long = false;
        require(lines_of(bytes, piece, also_too_long) == whole, "other lines", bytes);
        require(too_long == also_too_long, "long and not long", bytes);
    }
}

void check_ledger(std::string_view text) {
    vigil::server::DedupIndex index;
    const auto loaded = index.load(text);
    require(loaded || index.agents() == 0, "something is left", text);
    if (!loaded) {
        return;
    }
    const std::string formatted = index.text(*loaded);
    vigil::server::DedupIndex again;
    const auto position = again.load(formatted);
    require(position && *position == *loaded && again.text(*position) == formatted,
            "another ledger", formatted);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    check_line(bytes);
    check_pieces(bytes);
    check_ledger(bytes);
    vigil::server::DedupIndex index;
    index.recover(bytes, 1);
    return 0;
}
