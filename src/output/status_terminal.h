// SPDX-License-Identifier: Apache-2.0
// Standard output of a long-running command: lines, and on a terminal one status line below them.
// Not thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "output/nonblocking_writer.h"

namespace vigil::output {

// Width of a terminal in columns.
size_t columns_of(int fd);

class StatusTerminal {
 public:
    // `with_status`: show a status line if `fd` is a terminal. `fd` is not closed.
    StatusTerminal(int fd, bool with_status);

    // Adds a line with its line end. Above a status line it is truncated to the terminal's width.
    void add(std::string line);

    // Sets the status line's text, which is truncated to the terminal's width.
    void set_status(std::string status);

    // Writes what can be written without blocking.
    Result<void> flush();

    // Call it before anything else is written to the terminal, and at the end.
    void clear_status();

    bool closed() const { return lines_.closed(); }
    bool has_status() const { return with_status_; }
    uint64_t dropped() const { return lines_.dropped(); }
    size_t waiting() const { return lines_.waiting(); }

 private:
    Fd nonblocking_fd_;  // the same terminal, opened again for nonblocking writes
    int fd_;
    bool with_status_;
    NonblockingWriter lines_;
    std::string status_;
    std::string shown_;  // the text on the terminal; empty: none
};

}  // namespace vigil::output
