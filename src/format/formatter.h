// SPDX-License-Identifier: Apache-2.0
// A formatter turns one event into bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "model/event.h"

namespace vigil::format {

class Formatter {
 public:
    virtual ~Formatter() = default;

    // Text before the first event; may be empty.
    virtual std::string header() const { return {}; }

    // Appends the event to `out`; nothing if this format omits the event's kind.
    virtual void append(std::string& out, const model::Event& event) = 0;
};

// Max bytes of a line of a journal, with its line end.
constexpr size_t max_journal_line_bytes = 32 << 10;

// One flat JSON object per line, as described in docs/events.md. If a line would be longer than
// `max_line_bytes`, untrusted strings are truncated to some hundred bytes and the line contains
// "cut":true.
std::unique_ptr<Formatter> make_json_formatter(std::string host, size_t max_line_bytes = SIZE_MAX);

// One line of text. `details`: append key=value pairs. `colour`: use ANSI colours.
std::unique_ptr<Formatter> make_text_formatter(bool details, bool colour);

// The columns PID PPID COMM, one row per new process. Shows only forks and losses.
std::unique_ptr<Formatter> make_table_formatter();

// Writes nothing, for runs that only count.
std::unique_ptr<Formatter> make_null_formatter();

}  // namespace vigil::format
