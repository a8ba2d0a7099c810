// SPDX-License-Identifier: Apache-2.0
#include "query/death_record.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

#include "base/clock.h"
#include "model/signals.h"

namespace vigil::query {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

std::optional<std::string_view> string_from(element from) {
    std::string_view text;
    return from.get(text) == simdjson::SUCCESS ? std::optional(text) : std::nullopt;
}

constexpr model::Cause last_enumerator(model::Cause) { return model::Cause::oom; }
constexpr model::SignalSource last_enumerator(model::SignalSource) {
    return model::SignalSource::unknown;
}
constexpr model::Kind last_enumerator(model::Kind) { return model::Kind::death; }

// The enumerator of this name.
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

// The bytes that were passed to append_json_string(): it writes a byte that is not UTF-8 as "\xHH".
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

// Empty if the value is of another type or out of range.
template <class T>
std::optional<T> value_from(element from) {
    if constexpr (std::is_same_v<T, std::string>) {
        const auto text = string_from(from);
        return text ? std::optional(unescape_bytes(*text)) : std::nullopt;
    } else if constexpr (std::is_enum_v<T>) {
        const auto text = string_from(from);
        return text ? parse_enumerator<T>(*text) : std::nullopt;
    } else {
        // Read it in the widest type first, then check the range.
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

// Not parse_signal(): building its errors would be too slow for a damaged line.
std::optional<int> signal_number_from(element from) {
    const auto text = string_from(from);
    for (int number = 1; text && number <= model::signal_max; number++) {
        if (*text == model::signal_name(number)) {
            return number;
        }
    }
    return std::nullopt;
}

template <class T>
void assign(element from, std::optional<T>& member) {
    member = value_from<T>(from);
}

template <class T>
void assign(element from, T& member) {
    member = value_from<T>(from).value_or(T{});
}

// Adds an element for each entry, even for an unreadable one: the lists are parallel.
template <class T, class Get>
void assign_list(element from, std::vector<T>& list, Get get) {
    simdjson::dom::array values;
    list.clear();
    if (from.get(values) == simdjson::SUCCESS) {
        for (const element each : values) {
            list.push_back(get(each).value_or(T{}));
        }
    }
}

template <class T>
void assign(element from, std::vector<T>& list) {
    assign_list(from, list, value_from<T>);
}

struct SchemaField {
    std::string_view key;
    void (*set)(DeathRecord&, element);
};

// `path`: pointers to members, from the record down.
template <auto... path>
constexpr SchemaField value(std::string_view key) {
    return {key, [](DeathRecord& c, element from) { assign(from, (c.*....*path)); }};
}
template <auto... path>
constexpr SchemaField time(std::string_view key) {
    return {key, [](DeathRecord& c, element from) { (c.*....*path) = time_from(from); }};
}
template <auto... path>
constexpr SchemaField signal(std::string_view key) {
    return {key, [](DeathRecord& c, element from) { (c.*....*path) = signal_number_from(from); }};
}

using C = DeathRecord;

// In the order of the written line.
constexpr std::array schema_fields{
    time<&C::unix_ns>("time"),
    value<&C::host>("host"),
    value<&C::pid>("pid"),
    value<&C::ppid>("ppid"),
    value<&C::start_ns>("start_ns"),
    value<&C::comm>("comm"),
    value<&C::uid>("uid"),
    value<&C::cgroup_id>("cgroup_id"),
    value<&C::cause>("cause"),
    value<&C::exit_code>("exit_code"),
    signal<&C::exit_signal>("exit_signal"),
    value<&C::core_dumped>("core_dumped"),
    signal<&C::signal>("signal"),
    value<&C::source>("signal_source"),
    value<&C::code>("signal_code"),
    time<&C::signal_unix_ns>("signal_time"),
    value<&C::killer, &Killer::pid>("killer_pid"),
    value<&C::killer, &Killer::start_ns>("killer_start_ns"),
    value<&C::killer, &Killer::comm>("killer_comm"),
    value<&C::killer, &Killer::uid>("killer_uid"),
    value<&C::killer, &Killer::user>("killer_user"),
    value<&C::killer, &Killer::executable>("killer_executable"),
    value<&C::killer, &Killer::argv>("killer_argv"),
    value<&C::killer, &Killer::ancestors, &Ancestors::pids>("killer_ancestor_pids"),
    value<&C::killer, &Killer::ancestors, &Ancestors::comms>("killer_ancestor_comms"),
    value<&C::killer, &Killer::ancestors, &Ancestors::start_ns>("killer_ancestor_start_ns"),
    value<&C::killer, &Killer::ancestors, &Ancestors::cut>("killer_ancestry_cut"),
    signal<&C::prior, &PriorSignal::number>("before_signal"),
    value<&C::prior, &PriorSignal::source>("before_source"),
    time<&C::prior, &PriorSignal::unix_ns>("before_time"),
    value<&C::prior, &PriorSignal::pid>("before_pid"),
    value<&C::prior, &PriorSignal::start_ns>("before_start_ns"),
    value<&C::prior, &PriorSignal::comm>("before_comm"),
    value<&C::prior, &PriorSignal::uid>("before_uid"),
    value<&C::prior, &PriorSignal::parent_pid>("before_parent_pid"),
    value<&C::prior, &PriorSignal::parent_comm>("before_parent_comm"),
    value<&C::oom, &OutOfMemory::rss_bytes>("oom_rss_bytes"),
    value<&C::oom, &OutOfMemory::limit_bytes>("oom_limit_bytes"),
    value<&C::oom, &OutOfMemory::limit_cgroup>("oom_limit_cgroup"),
    value<&C::oom, &OutOfMemory::trigger_pid>("oom_trigger_pid"),
    value<&C::oom, &OutOfMemory::trigger_comm>("oom_trigger_comm"),
    value<&C::executable>("executable"),
    value<&C::argv>("argv"),
    value<&C::cwd>("cwd"),
    value<&C::user>("user"),
    value<&C::login_user>("login_user"),
    value<&C::cgroup>("cgroup"),
    value<&C::unit>("systemd_unit"),
    value<&C::container>("container_id"),
    time<&C::started_unix_ns>("born"),
    value<&C::ancestors, &Ancestors::pids>("ancestor_pids"),
    value<&C::ancestors, &Ancestors::comms>("ancestor_comms"),
    value<&C::ancestors, &Ancestors::start_ns>("ancestor_start_ns"),
    value<&C::ancestors, &Ancestors::cut>("ancestry_cut"),
    value<&C::limits, &LimitViolations::metrics>("broken_metrics"),
    value<&C::limits, &LimitViolations::limits>("broken_limits"),
    value<&C::limits, &LimitViolations::peaks>("broken_peaks"),
    SchemaField{"broken_since",
                [](C& c, element from) { assign_list(from, c.limits.since_unix_ns, time_from); }},
    value<&C::usage, &FinalUsage::lifetime_ns>("lifetime_ns"),
    value<&C::usage, &FinalUsage::cpu_ns>("cpu_ns"),
    value<&C::usage, &FinalUsage::cpu_user_ns>("cpu_user_ns"),
    value<&C::usage, &FinalUsage::cpu_system_ns>("cpu_system_ns"),
    value<&C::usage, &FinalUsage::partial>("bill_partial"),
    value<&C::usage, &FinalUsage::peak_rss_bytes>("peak_rss_bytes"),
    value<&C::usage, &FinalUsage::peak_rss_at_most>("peak_rss_at_most"),
    value<&C::usage, &FinalUsage::read_bytes>("read_bytes"),
    value<&C::usage, &FinalUsage::write_bytes>("write_bytes"),
    value<&C::usage, &FinalUsage::sent_bytes>("sent_bytes"),
    value<&C::usage, &FinalUsage::received_bytes>("received_bytes"),
    value<&C::usage, &FinalUsage::voluntary_switches>("voluntary_switches"),
    value<&C::usage, &FinalUsage::involuntary_switches>("involuntary_switches"),
    value<&C::usage, &FinalUsage::minor_faults>("minor_faults"),
    value<&C::usage, &FinalUsage::major_faults>("major_faults"),
    value<&C::usage, &FinalUsage::threads>("threads"),
    value<&C::login_uid>("login_uid"),
    value<&C::cut>("cut"),
};

// The field of a key: usually the one after the last match, where `next` starts.
const SchemaField* find_field(std::string_view key, size_t& next) {
    for (size_t i = 0; i < schema_fields.size(); i++) {
        const size_t at = (next + i) % schema_fields.size();
        if (schema_fields[at].key == key) {
            next = at + 1;
            return &schema_fields[at];
        }
    }
    return nullptr;
}

ParsedRecord record_from(const object& members) {
    DeathRecord record;
    size_t next = 0;
    for (const auto& [key, from] : members) {
        if (const SchemaField* field = find_field(key, next)) {
            field->set(record, from);
        }
    }
    if (!record.unix_ns || !record.pid || !record.cause) {
        return {};
    }
    return record;
}

ParsedRecord gap_from(const object& members, bool unobserved) {
    const auto member = [&](const char* key) {
        element found;
        return members[key].get(found) == simdjson::SUCCESS ? std::optional(found) : std::nullopt;
    };
    const auto from = member("from");
    const auto to = member("to");
    const auto from_ns = from ? time_from(*from) : std::nullopt;
    const auto to_ns = to ? time_from(*to) : std::nullopt;
    if (!from_ns || !to_ns) {
        return {};
    }
    CoverageGap gap;
    gap.unobserved = unobserved;
    gap.from_unix_ns = *from_ns;
    gap.to_unix_ns = *to_ns;
    if (const auto kind = member("lost_kind")) {
        gap.lost_kind = value_from<model::Kind>(*kind);
    }
    if (const auto count = member("count")) {
        gap.count = value_from<uint64_t>(*count).value_or(0);
    }
    if (const auto rebooted = member("rebooted")) {
        gap.rebooted = value_from<bool>(*rebooted).value_or(false);
    }
    return gap;
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
        members["kind"].get(kind) != simdjson::SUCCESS) {
        return {};
    }
    if (kind == "death") {
        return record_from(members);
    }
    if (kind == "loss" || kind == "unobserved") {
        return gap_from(members, kind == "unobserved");
    }
    return {};
}

}  // namespace vigil::query
