// SPDX-License-Identifier: Apache-2.0
// Standard output of a command that runs until it is stopped: lines, and on a terminal one status
// line that stays below them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "output/nonblocking_writer.h"

namespace vigil::output {

// How wide a terminal is.
size_t columns_of(int fd);

class StatusTerminal {
 public:
    // `with_status`: where `fd` (which stays the caller's) is a terminal.
    StatusTerminal(int fd, bool with_status);

    // A line with its end; above a status line it is cut to the terminal's width.
    void add(std::string line);

    // What the status line is to say; cut to the terminal's width.
    void set_status(std::string status);

    // Shows what can be shown without waiting.
    Result<void> flush();

    // Before something else is written to the terminal, and at the end.
    void clear_status();

    bool closed() const { return lines_.closed(); }
    bool has_status() const { return with_status_; }
    uint64_t dropped() const { return lines_.dropped(); }
    size_t waiting() const { return lines_.waiting(); }

 private:
    Fd nonblocking_fd_;  // the same one, opened again for writing without waiting
    int fd_;
    bool with_status_;
    NonblockingWriter lines_;
    std::string status_;
    std::string shown_;  // what stands there; empty: nothing
};

}  // namespace vigil::output
