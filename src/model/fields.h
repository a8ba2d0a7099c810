// SPDX-License-Identifier: Apache-2.0
// The field tables: key, unit and value of each field of every kind of event. Text and JSON output
// and the JSON reader derive from these rows; a new field is one row. The layout around them is in
// model/json_layout.h.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/death.h"
#include "model/event.h"

namespace vigil::model {

struct Unknown {};  // unknown or not applicable: never written as 0
struct Omitted {};  // one of a group of keys that are left out: nothing is written

// Untrusted bytes: escape them before display.
struct UntrustedText {
    std::string_view bytes;
};

// Arguments, a NUL after each; the last one may be truncated.
struct Arguments {
    std::string_view bytes;
};

// A wait(2) status.
struct WaitStatus {
    uint32_t value;
};

struct UnixTime {
    int64_t ns;
};

struct Duration {
    uint64_t ns;
};

struct Size {
    uint64_t bytes;
};

// Lists.
using Numbers = std::span<const uint64_t>;
using Doubles = std::span<const double>;
using Comms = std::span<const Comm>;
using Strings = std::span<const std::string_view>;
struct UnixTimes {
    std::span<const int64_t> ns;
};

using Value = std::variant<Unknown, Omitted, bool, uint64_t, int64_t, double, std::string_view,
                           UntrustedText, Arguments, WaitStatus, UnixTime, Duration, Size, Numbers,
                           Doubles, Comms, Strings, UnixTimes>;

// Where a value that is read back goes. Each type is written one way: a time as UTC text, an
// enumerator as its name, a string as untrusted text. A value of another type than the slot's, or
// out of its range, is unknown.
struct SignalName {
    std::optional<int>* number;
};
struct Time {
    std::optional<int64_t>* unix_ns;
};
struct RequiredTime {
    int64_t* unix_ns;
};
struct TimeList {
    std::vector<int64_t>* unix_ns;
};

using Slot = std::variant<bool*, uint64_t*, std::optional<uint32_t>*, std::optional<uint64_t>*,
                          std::optional<int>*, std::string*, std::optional<std::string>*,
                          std::optional<Cause>*, std::optional<SignalSource>*, std::optional<Kind>*,
                          SignalName, Time, RequiredTime, std::vector<uint64_t>*,
                          std::vector<double>*, std::vector<std::string>*, TimeList>;

struct Field {
    std::string_view json;  // key in JSON; empty: not in JSON
    std::string_view text;  // key in a text line; empty: not in text
    Value (*get)(const Event&);
    // Of the kinds that are read back (death, loss, unobserved), where the reader needs the value;
    // else nullptr. The record must be the one of the row's kind.
    Slot (*slot)(ParsedRecord&) = nullptr;
};

// Keys that identify the process, after `time`, `kind` and `host`: all that the kernel side
// reports; of a violation the process identity; of a loss none.
std::span<const Field> process_fields(Kind kind);

// Keys of the kind itself.
std::span<const Field> fields(Kind kind);

}  // namespace vigil::model
