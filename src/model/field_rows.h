// SPDX-License-Identifier: Apache-2.0
// What the field tables are made with, and the rows that exits and deaths share. For
// model/fields.cpp and model/death_fields.cpp only.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "model/death.h"
#include "model/fields.h"
#include "model/json_layout.h"
#include "model/signals.h"

namespace vigil::model {

using E = const Event&;
using R = DeathRecord;

inline const Death& death_of(E event) { return *std::get<const Death*>(event.body); }
inline const Exit& exit_of(E event) {
    return event.kind == Kind::death ? death_of(event).exit : std::get<Exit>(event.body);
}

template <size_t m, size_t n>
constexpr std::array<Field, m + n> joined(const std::array<Field, m>& a,
                                          const std::array<Field, n>& b) {
    std::array<Field, m + n> all{};
    std::copy(a.begin(), a.end(), all.begin());
    std::copy(b.begin(), b.end(), all.begin() + m);
    return all;
}

inline Value number(uint64_t value) { return value; }
inline Value integer(int value) { return int64_t{value}; }

// `make` converts the content of the optional to a Value.
template <class T, class Make>
inline Value maybe(const std::optional<T>& value, Make make) {
    return value ? make(*value) : Value{Unknown{}};
}

inline Value size(const std::optional<uint64_t>& bytes) {
    return maybe(bytes, [](uint64_t b) -> Value { return Size{b}; });
}

inline Value untrusted(const std::optional<std::string_view>& bytes) {
    return maybe(bytes, [](std::string_view b) -> Value { return UntrustedText{b}; });
}

inline Value arguments(const std::optional<std::string_view>& bytes) {
    return maybe(bytes, [](std::string_view b) -> Value { return Arguments{b}; });
}

inline Value time(const std::optional<int64_t>& unix_ns) {
    return maybe(unix_ns, [](int64_t ns) -> Value { return UnixTime{ns}; });
}

inline Value exit_code(const Exit& exit) {
    return exit.signal() == 0 ? integer(exit.code()) : Value{Unknown{}};
}

inline Value exit_signal(const Exit& exit) {
    return exit.signal() != 0 ? Value{signal_name(exit.signal())} : Value{Unknown{}};
}

// The place of a row's value in what a line is read back to. `path`: pointers to members, from the
// record down. Only rows of kinds that are read back have one.
template <auto... path>
Slot slot(ParsedRecord& record) {
    return &(*std::get_if<R>(&record).*....*path);
}
template <auto... path>
Slot signal_slot(ParsedRecord& record) {
    return SignalName{&(*std::get_if<R>(&record).*....*path)};
}

// Usage at the end of a process: of exits and deaths.
inline constexpr std::array usage_table{
    Field{keys::lifetime_ns, "lived", [](E e) -> Value { return Duration{exit_of(e).lifetime_ns}; },
          slot<&R::usage, &FinalUsage::lifetime_ns>},
    Field{keys::cpu_ns, "cpu", [](E e) -> Value { return Duration{exit_of(e).cpu_ns}; },
          slot<&R::usage, &FinalUsage::cpu_ns>},
    Field{"cpu_user_ns", "", [](E e) -> Value { return Duration{exit_of(e).cpu_user_ns}; },
          slot<&R::usage, &FinalUsage::cpu_user_ns>},
    Field{"cpu_system_ns", "", [](E e) -> Value { return Duration{exit_of(e).cpu_system_ns}; },
          slot<&R::usage, &FinalUsage::cpu_system_ns>},
    Field{"bill_partial", "", [](E e) -> Value { return exit_of(e).usage_partial; },
          slot<&R::usage, &FinalUsage::partial>},
    Field{keys::peak_rss_bytes, "peak_rss", [](E e) { return size(exit_of(e).peak_rss_bytes); },
          slot<&R::usage, &FinalUsage::peak_rss_bytes>},
    Field{"peak_rss_at_most", "", [](E e) -> Value { return exit_of(e).peak_rss_at_most; },
          slot<&R::usage, &FinalUsage::peak_rss_at_most>},
    Field{keys::read_bytes, "read", [](E e) { return size(exit_of(e).read_bytes); },
          slot<&R::usage, &FinalUsage::read_bytes>},
    Field{keys::write_bytes, "written", [](E e) { return size(exit_of(e).write_bytes); },
          slot<&R::usage, &FinalUsage::write_bytes>},
    Field{keys::sent_bytes, "sent", [](E e) { return size(exit_of(e).sent_bytes); },
          slot<&R::usage, &FinalUsage::sent_bytes>},
    Field{keys::received_bytes, "received", [](E e) { return size(exit_of(e).received_bytes); },
          slot<&R::usage, &FinalUsage::received_bytes>},
    Field{"voluntary_switches", "", [](E e) { return number(exit_of(e).voluntary_switches); },
          slot<&R::usage, &FinalUsage::voluntary_switches>},
    Field{"involuntary_switches", "", [](E e) { return number(exit_of(e).involuntary_switches); },
          slot<&R::usage, &FinalUsage::involuntary_switches>},
    Field{"minor_faults", "", [](E e) { return number(exit_of(e).minor_faults); },
          slot<&R::usage, &FinalUsage::minor_faults>},
    Field{"major_faults", "", [](E e) { return number(exit_of(e).major_faults); },
          slot<&R::usage, &FinalUsage::major_faults>},
    Field{"threads", "threads",
          [](E e) { return maybe(exit_of(e).threads, [](uint32_t n) { return number(n); }); },
          slot<&R::usage, &FinalUsage::threads>},
    Field{"login_uid", "",
          [](E e) { return maybe(exit_of(e).login_uid, [](uint32_t uid) { return number(uid); }); },
          slot<&R::login_uid>},
};

// The rows of a death, after those of process_fields().
std::span<const Field> death_fields();

}  // namespace vigil::model
