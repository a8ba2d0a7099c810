// SPDX-License-Identifier: Apache-2.0
#include "query/record_parser.h"

#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "base/clock.h"
#include "model/fields.h"
#include "model/json_layout.h"
#include "model/signals.h"

namespace vigil::query {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

// A required time that a line lacks; before all times that a text can name.
constexpr int64_t no_time = INT64_MIN;

std::optional<std::string_view> string_from(element from) {
    std::string_view text;
    return from.get(text) == simdjson::SUCCESS ? std::optional(text) : std::nullopt;
}

constexpr model::Cause last_enumerator(model::Cause) { return model::Cause::oom; }
constexpr model::SignalSource last_enumerator(model::SignalSource) {
    return model::SignalSource::unknown;
}
constexpr model::Kind last_enumerator(model::Kind) { return model::Kind::death; }

// The one that is called so.
template <class Enum>
std::optional<Enum> parse_enumerator(std::string_view name) {
    for (int i = 0; i <= static_cast<int>(last_enumerator(Enum{})); i++) {
        if (name == to_string(static_cast<Enum>(i))) {
            return static_cast<Enum>(i);
        }
    }
    return std::nullopt;
}

int hex_digit_value(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// The bytes that append_json_string() was given: one that was no UTF-8 came as "\xHH".
std::string unescape_bytes(std::string_view text) {
    std::string bytes;
    while (!text.empty()) {
        const size_t at = std::min(text.find("\\x"), text.size());
        bytes += text.substr(0, at);
        text.remove_prefix(at);
        if (text.size() >= 4 && hex_digit_value(text[2]) >= 8 && hex_digit_value(text[3]) >= 0) {
            bytes += static_cast<char>(hex_digit_value(text[2]) * 16 + hex_digit_value(text[3]));
            text.remove_prefix(4);
        } else if (!text.empty()) {
            bytes += text[0];
            text.remove_prefix(1);
        }
    }
    return bytes;
}

// Absent where the value is of another type, or out of range.
template <class T>
std::optional<T> value_from(element from) {
    if constexpr (std::is_same_v<T, std::string>) {
        const auto text = string_from(from);
        return text ? std::optional(unescape_bytes(*text)) : std::nullopt;
    } else if constexpr (std::is_enum_v<T>) {
        const auto text = string_from(from);
        return text ? parse_enumerator<T>(*text) : std::nullopt;
    } else {
        // What JSON has of numbers, then what fits.
        using Wide = std::conditional_t<std::is_same_v<T, bool> || std::is_same_v<T, double>, T,
                                        std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>;
        Wide wide{};
        const bool fits = from.get(wide) == simdjson::SUCCESS && Wide(T(wide)) == wide;
        return fits ? std::optional(T(wide)) : std::nullopt;
    }
}

std::optional<int64_t> time_from(element from) {
    const auto text = string_from(from);
    return text ? parse_utc(*text) : std::nullopt;
}

// Not parse_signal(): its errors cost more than a line of foreign bytes should.
std::optional<int> signal_number_from(element from) {
    const auto text = string_from(from);
    for (int number = 1; text && number <= model::signal_max; number++) {
        if (*text == model::signal_name(number)) {
            return number;
        }
    }
    return std::nullopt;
}

// Elements keep their places whatever they are: the lists of a record belong together.
template <class T, class Get>
void read_list(element from, std::vector<T>& list, Get get) {
    simdjson::dom::array values;
    list.clear();
    if (from.get(values) == simdjson::SUCCESS) {
        for (const element each : values) {
            list.push_back(get(each).value_or(T{}));
        }
    }
}

template <class T>
void read(element from, std::optional<T>* value) {
    *value = value_from<T>(from);
}
template <class T>
void read(element from, std::vector<T>* list) {
    read_list(from, *list, value_from<T>);
}
template <class T>
void read(element from, T* value) {
    *value = value_from<T>(from).value_or(T{});
}
void read(element from, model::SignalName slot) { *slot.number = signal_number_from(from); }
void read(element from, model::Time slot) { *slot.unix_ns = time_from(from); }
void read(element from, model::RequiredTime slot) {
    *slot.unix_ns = time_from(from).value_or(no_time);
}
void read(element from, model::TimeList slot) { read_list(from, *slot.unix_ns, time_from); }

struct Row {
    std::string_view key;
    model::Slot (*slot)(ParsedRecord&);
};
using Rows = std::vector<Row>;

DeathRecord& death_of(ParsedRecord& record) { return *std::get_if<DeathRecord>(&record); }

// What is read of a kind's lines, in the order in which they are written.
Rows rows_of(model::Kind kind) {
    Rows rows;
    if (kind == model::Kind::death) {
        rows.push_back({model::time_key, [](ParsedRecord& record) -> model::Slot {
                            return model::Time{&death_of(record).unix_ns};
                        }});
        rows.push_back({model::host_key, [](ParsedRecord& record) -> model::Slot {
                            return &death_of(record).host;
                        }});
    }
    for (const auto fields : {model::process_fields(kind), model::fields(kind)}) {
        for (const model::Field& field : fields) {
            if (!field.json.empty() && field.slot != nullptr) {
                rows.push_back({field.json, field.slot});
            }
        }
    }
    if (kind == model::Kind::death) {
        rows.push_back({model::cut_key,
                        [](ParsedRecord& record) -> model::Slot { return &death_of(record).cut; }});
    }
    return rows;
}

// The row of a key: mostly the one after the last, from which `next` goes on.
const Row* find_row(const Rows& rows, std::string_view key, size_t& next) {
    for (size_t i = 0; i < rows.size(); i++) {
        const size_t at = (next + i) % rows.size();
        if (rows[at].key == key) {
            next = at + 1;
            return &rows[at];
        }
    }
    return nullptr;
}

void read_members(const object& members, const Rows& rows, ParsedRecord& record) {
    size_t next = 0;
    for (const auto& [key, from] : members) {
        if (const Row* row = find_row(rows, key, next)) {
            std::visit([from = from](auto slot) { read(from, slot); }, row->slot(record));
        }
    }
}

ParsedRecord read_death(const object& members) {
    static const Rows rows = rows_of(model::Kind::death);
    ParsedRecord record = DeathRecord{};
    read_members(members, rows, record);
    const DeathRecord& death = death_of(record);
    return death.unix_ns && death.pid && death.cause ? std::move(record) : ParsedRecord{};
}

ParsedRecord read_gap(const object& members, model::Kind kind) {
    static const Rows loss_rows = rows_of(model::Kind::loss);
    static const Rows unobserved_rows = rows_of(model::Kind::unobserved);
    const bool unobserved = kind == model::Kind::unobserved;
    ParsedRecord record =
        CoverageGap{.unobserved = unobserved, .from_unix_ns = no_time, .to_unix_ns = no_time};
    read_members(members, unobserved ? unobserved_rows : loss_rows, record);
    const CoverageGap& gap = *std::get_if<CoverageGap>(&record);
    return gap.from_unix_ns != no_time && gap.to_unix_ns != no_time ? record : ParsedRecord{};
}

}  // namespace

struct RecordParser::State {
    simdjson::dom::parser parser;
};

RecordParser::RecordParser() : state_(std::make_unique<State>()) {}
RecordParser::~RecordParser() = default;

ParsedRecord RecordParser::parse(std::string_view line) {
    object members;
    std::string_view kind;
    if (state_->parser.parse(line.data(), line.size()).get(members) != simdjson::SUCCESS ||
        members[model::kind_key].get(kind) != simdjson::SUCCESS) {
        return {};
    }
    if (kind == to_string(model::Kind::death)) {
        return read_death(members);
    }
    for (const auto gap_kind : {model::Kind::loss, model::Kind::unobserved}) {
        if (kind == to_string(gap_kind)) {
            return read_gap(members, gap_kind);
        }
    }
    return {};
}

}  // namespace vigil::query
