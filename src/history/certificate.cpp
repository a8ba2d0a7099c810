// SPDX-License-Identifier: Apache-2.0
#include "history/certificate.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

#include "base/clock.h"
#include "model/signals.h"

namespace vigil::history {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

std::optional<std::string_view> text_of(element from) {
    std::string_view text;
    return from.get(text) == simdjson::SUCCESS ? std::optional(text) : std::nullopt;
}

constexpr model::Cause last_of(model::Cause) { return model::Cause::oom; }
constexpr model::SignalSource last_of(model::SignalSource) { return model::SignalSource::unknown; }
constexpr model::Kind last_of(model::Kind) { return model::Kind::death; }

// The one that is called so.
template <class Enum>
std::optional<Enum> named(std::string_view name) {
    for (int i = 0; i <= static_cast<int>(last_of(Enum{})); i++) {
        if (name == to_string(static_cast<Enum>(i))) {
            return static_cast<Enum>(i);
        }
    }
    return std::nullopt;
}

int digit_of(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// The bytes that append_json_string() was given: one that was no UTF-8 came as "\xHH".
std::string bytes_of(std::string_view text) {
    std::string bytes;
    while (!text.empty()) {
        const size_t at = std::min(text.find("\\x"), text.size());
        bytes += text.substr(0, at);
        text.remove_prefix(at);
        if (text.size() >= 4 && digit_of(text[2]) >= 8 && digit_of(text[3]) >= 0) {
            bytes += static_cast<char>(digit_of(text[2]) * 16 + digit_of(text[3]));
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
std::optional<T> value_of(element from) {
    if constexpr (std::is_same_v<T, std::string>) {
        const auto text = text_of(from);
        return text ? std::optional(bytes_of(*text)) : std::nullopt;
    } else if constexpr (std::is_enum_v<T>) {
        const auto text = text_of(from);
        return text ? named<T>(*text) : std::nullopt;
    } else {
        // What JSON has of numbers, then what fits.
        using Wide = std::conditional_t<std::is_same_v<T, bool> || std::is_same_v<T, double>, T,
                                        std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>;
        Wide wide{};
        const bool fits = from.get(wide) == simdjson::SUCCESS && Wide(T(wide)) == wide;
        return fits ? std::optional(T(wide)) : std::nullopt;
    }
}

std::optional<int64_t> time_of(element from) {
    const auto text = text_of(from);
    return text ? parse_utc(*text) : std::nullopt;
}

// Not parse_signal(): its errors cost more than a line of foreign bytes should.
std::optional<int> signal_number_of(element from) {
    const auto text = text_of(from);
    for (int number = 1; text && number <= model::signal_max; number++) {
        if (*text == model::signal_name(number)) {
            return number;
        }
    }
    return std::nullopt;
}

template <class T>
void take(element from, std::optional<T>& member) {
    member = value_of<T>(from);
}

template <class T>
void take(element from, T& member) {
    member = value_of<T>(from).value_or(T{});
}

// Each one has its place, whatever it is: the lists belong together.
template <class T, class Get>
void take_list(element from, std::vector<T>& list, Get get) {
    simdjson::dom::array values;
    list.clear();
    if (from.get(values) == simdjson::SUCCESS) {
        for (const element each : values) {
            list.push_back(get(each).value_or(T{}));
        }
    }
}

template <class T>
void take(element from, std::vector<T>& list) {
    take_list(from, list, value_of<T>);
}

struct Row {
    std::string_view key;
    void (*set)(Certificate&, element);
};

// `path`: pointers to members, from the certificate down.
template <auto... path>
constexpr Row value(std::string_view key) {
    return {key, [](Certificate& c, element from) { take(from, (c.*....*path)); }};
}
template <auto... path>
constexpr Row time(std::string_view key) {
    return {key, [](Certificate& c, element from) { (c.*....*path) = time_of(from); }};
}
template <auto... path>
constexpr Row signal(std::string_view key) {
    return {key, [](Certificate& c, element from) { (c.*....*path) = signal_number_of(from); }};
}

using C = Certificate;

// In the order in which a writer puts them.
constexpr std::array rows{
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
    signal<&C::before, &Earlier::number>("before_signal"),
    value<&C::before, &Earlier::source>("before_source"),
    time<&C::before, &Earlier::unix_ns>("before_time"),
    value<&C::before, &Earlier::pid>("before_pid"),
    value<&C::before, &Earlier::start_ns>("before_start_ns"),
    value<&C::before, &Earlier::comm>("before_comm"),
    value<&C::before, &Earlier::uid>("before_uid"),
    value<&C::before, &Earlier::parent_pid>("before_parent_pid"),
    value<&C::before, &Earlier::parent_comm>("before_parent_comm"),
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
    time<&C::born_unix_ns>("born"),
    value<&C::ancestors, &Ancestors::pids>("ancestor_pids"),
    value<&C::ancestors, &Ancestors::comms>("ancestor_comms"),
    value<&C::ancestors, &Ancestors::start_ns>("ancestor_start_ns"),
    value<&C::ancestors, &Ancestors::cut>("ancestry_cut"),
    value<&C::limits, &BrokenLimits::metrics>("broken_metrics"),
    value<&C::limits, &BrokenLimits::limits>("broken_limits"),
    value<&C::limits, &BrokenLimits::peaks>("broken_peaks"),
    Row{"broken_since",
        [](C& c, element from) { take_list(from, c.limits.since_unix_ns, time_of); }},
    value<&C::bill, &Bill::lifetime_ns>("lifetime_ns"),
    value<&C::bill, &Bill::cpu_ns>("cpu_ns"),
    value<&C::bill, &Bill::cpu_user_ns>("cpu_user_ns"),
    value<&C::bill, &Bill::cpu_system_ns>("cpu_system_ns"),
    value<&C::bill, &Bill::partial>("bill_partial"),
    value<&C::bill, &Bill::peak_rss_bytes>("peak_rss_bytes"),
    value<&C::bill, &Bill::peak_rss_at_most>("peak_rss_at_most"),
    value<&C::bill, &Bill::read_bytes>("read_bytes"),
    value<&C::bill, &Bill::write_bytes>("write_bytes"),
    value<&C::bill, &Bill::sent_bytes>("sent_bytes"),
    value<&C::bill, &Bill::received_bytes>("received_bytes"),
    value<&C::bill, &Bill::voluntary_switches>("voluntary_switches"),
    value<&C::bill, &Bill::involuntary_switches>("involuntary_switches"),
    value<&C::bill, &Bill::minor_faults>("minor_faults"),
    value<&C::bill, &Bill::major_faults>("major_faults"),
    value<&C::bill, &Bill::threads>("threads"),
    value<&C::login_uid>("login_uid"),
    value<&C::cut>("cut"),
};

// The row of a key: mostly the one behind the last, from which `next` goes on.
const Row* row_of(std::string_view key, size_t& next) {
    for (size_t i = 0; i < rows.size(); i++) {
        const size_t at = (next + i) % rows.size();
        if (rows[at].key == key) {
            next = at + 1;
            return &rows[at];
        }
    }
    return nullptr;
}

Record certificate_of(const object& members) {
    Certificate certificate;
    size_t next = 0;
    for (const auto& [key, from] : members) {
        if (const Row* row = row_of(key, next)) {
            row->set(certificate, from);
        }
    }
    if (!certificate.unix_ns || !certificate.pid || !certificate.cause) {
        return {};
    }
    return certificate;
}

Record receipt_of(const object& members, bool unobserved) {
    const auto member = [&](const char* key) {
        element found;
        return members[key].get(found) == simdjson::SUCCESS ? std::optional(found) : std::nullopt;
    };
    const auto from = member("from");
    const auto to = member("to");
    const auto from_ns = from ? time_of(*from) : std::nullopt;
    const auto to_ns = to ? time_of(*to) : std::nullopt;
    if (!from_ns || !to_ns) {
        return {};
    }
    Receipt receipt;
    receipt.unobserved = unobserved;
    receipt.from_unix_ns = *from_ns;
    receipt.to_unix_ns = *to_ns;
    if (const auto kind = member("lost_kind")) {
        receipt.lost_kind = value_of<model::Kind>(*kind);
    }
    if (const auto count = member("count")) {
        receipt.count = value_of<uint64_t>(*count).value_or(0);
    }
    if (const auto rebooted = member("rebooted")) {
        receipt.rebooted = value_of<bool>(*rebooted).value_or(false);
    }
    return receipt;
}

}  // namespace

struct Parser::State {
    simdjson::dom::parser parser;
};

Parser::Parser() : state_(std::make_unique<State>()) {}
Parser::~Parser() = default;

Record Parser::parse(std::string_view line) {
    object members;
    std::string_view kind;
    if (state_->parser.parse(line.data(), line.size()).get(members) != simdjson::SUCCESS ||
        members["kind"].get(kind) != simdjson::SUCCESS) {
        return {};
    }
    if (kind == "death") {
        return certificate_of(members);
    }
    if (kind == "loss" || kind == "unobserved") {
        return receipt_of(members, kind == "unobserved");
    }
    return {};
}

}  // namespace vigil::history
