// SPDX-License-Identifier: Apache-2.0
// A format: turns one event into bytes.
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

    // What stands above the first event; may be empty.
    virtual std::string header() const { return {}; }

    // Appends the event to `out`; nothing where this format does not show its kind.
    virtual void append(std::string& out, const model::Event& event) = 0;
};

// What a journal takes: a line with its end.
constexpr size_t max_journal_line_bytes = 32 << 10;

// One flat JSON object a line, as docs/events.md describes. Where a line would be longer than
// `max_line_bytes`, foreign strings in it are cut to some hundred bytes, and it says so:
// "cut":true.
std::unique_ptr<Formatter> make_json_formatter(std::string host, size_t max_line_bytes = SIZE_MAX);

// One line for people. `details`: key=value pairs after the line proper. `colour`: with ANSI
// colours.
std::unique_ptr<Formatter> make_text_formatter(bool details, bool colour);

// The classic columns PID PPID COMM: one row a new process. Shows forks (and losses) only.
std::unique_ptr<Formatter> make_table_formatter();

// Nothing: for counting.
std::unique_ptr<Formatter> make_null_formatter();

}  // namespace vigil::format
