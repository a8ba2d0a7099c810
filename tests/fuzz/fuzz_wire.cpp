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
#include "server/ledger.h"
#include "support/printable.h"
#include "wire/line_buffer.h"
#include "wire/protocol.h"

namespace {

using vigil::fuzz::require;
using namespace vigil::wire;

constexpr size_t longest = 200;
constexpr const char* uuid = "0f8fad5b-d9cb-469f-a165-70867728950e";

// With readable bytes behind it, as a LineBuffer hands it out; in memory of its own, so that a read
// beyond those shows.
class Line {
 public:
    explicit Line(std::string_view text)
        : size_(text.size()), bytes_(size_ + Parser::padding, '"') {
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

void check_said(const std::string& line, bool is_ours) {
    require(line.ends_with('\n'), "no line", line);
    require(is_json(line), "no JSON", line);
    const std::string wrong = is_ours ? vigil::test::unprintable(line, true) : "";
    require(wrong.empty(), wrong.c_str(), line);
}

void check_event(const EventLine& event, std::string_view input) {
    require(event.sequence > 0 && event.sequence <= INT64_MAX, "sequence", input);
    std::string logged;
    append_logged(logged, event, "web-1", uuid);
    check_said(logged, false);
    const auto origin = parse_origin(logged);
    require(origin && origin->sequence == event.sequence && origin->agent == "web-1" &&
                origin->journal == uuid,
            "origin", logged);
    // It stays what it is: the same server may see it again.
    Parser parser;
    const Line again(event.line);
    const auto read = parser.from_agent(again);
    require(read && std::holds_alternative<EventLine>(*read), "not taken again", logged);
    require(std::get<EventLine>(*read).line == event.line, "changed", logged);
}

// What is taken and said is taken again, and said in the same words.
template <class Read>
void check_again(const std::string& said, Read read) {
    check_said(said, true);
    const Line line(std::string_view(said).substr(0, said.size() - 1));
    const auto again = read(line);
    require(again.has_value(), "not taken again", said);
    std::visit(
        [&](const auto& message) {
            if constexpr (!std::is_same_v<std::decay_t<decltype(message)>, EventLine>) {
                require(format(message) == said, "other words", said);
            }
        },
        *again);
}

void check_line(std::string_view text) {
    const Line line(text);
    Parser parser;
    if (const auto from_agent = parser.from_agent(line); !from_agent) {
        const std::string& reason = from_agent.error().context;
        require(vigil::test::unprintable(reason, false).empty(), "reason", reason);
    } else if (const auto* event = std::get_if<EventLine>(&*from_agent)) {
        check_event(*event, text);
    } else {
        std::visit(
            [&](const auto& message) {
                if constexpr (!std::is_same_v<std::decay_t<decltype(message)>, EventLine>) {
                    Parser other;
                    check_again(format(message),
                                [&](std::string_view said) { return other.from_agent(said); });
                }
            },
            *from_agent);
    }
    if (const auto from_server = parser.from_server(line)) {
        std::visit(
            [&](const auto& message) {
                Parser other;
                const std::string said = format(message);
                // Of the rules, what stands in their strings is passed on as it came.
                if constexpr (std::is_same_v<std::decay_t<decltype(message)>, Config>) {
                    require(is_json(said), "no JSON", said);
                } else {
                    check_again(said,
                                [&](std::string_view each) { return other.from_server(each); });
                }
            },
            *from_server);
    }
    if (const auto origin = parse_origin(text)) {
        require(is_name(origin->agent) && is_uuid(origin->journal), "origin", text);
    }
}

std::vector<std::string> lines_of(std::string_view bytes, size_t piece, bool& too_long) {
    LineBuffer buffer(longest);
    std::vector<std::string> lines;
    while (!bytes.empty() && !buffer.is_too_long()) {
        char* const room = buffer.room();
        const size_t count = std::min({piece, bytes.size(), buffer.room_bytes()});
        require(count > 0, "no room", bytes);
        std::memcpy(room, bytes.data(), count);
        buffer.add(count);
        bytes.remove_prefix(count);
        while (const auto line = buffer.next()) {
            require(line->size() <= longest, "longer than allowed", *line);
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
    vigil::server::Ledger ledger;
    const auto loaded = ledger.load(text);
    require(loaded || ledger.agents() == 0, "something is left", text);
    if (!loaded) {
        return;
    }
    const std::string said = ledger.text(*loaded);
    vigil::server::Ledger again;
    const auto place = again.load(said);
    require(place && *place == *loaded && again.text(*place) == said, "another ledger", said);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    check_line(bytes);
    check_pieces(bytes);
    check_ledger(bytes);
    vigil::server::Ledger ledger;
    ledger.found(bytes, 1);
    return 0;
}
