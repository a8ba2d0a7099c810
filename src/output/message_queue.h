// SPDX-License-Identifier: Apache-2.0
// Nonblocking messages on standard error: a stopped terminal or a full pipe never delays the
// command. The oldest messages are dropped. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/fd.h"
#include "output/nonblocking_writer.h"

namespace vigil::output {

// Opens the same terminal again for nonblocking writes: a terminal that polls writable may accept
// only one byte. No descriptor if `fd` is not a terminal.
Fd reopen_nonblocking(int fd);

class MessageQueue {
 public:
    // `fd` is not closed.
    explicit MessageQueue(int fd);

    // Adds lines with their line ends. Beyond 4 MiB of pending lines the oldest are dropped, and a
    // message reports their number.
    void add(std::string lines);

    // Writes what can be written without blocking. Call it again while waiting() is not 0.
    void flush();
    size_t waiting() const { return lines_.waiting(); }

 private:
    Fd own_;
    NonblockingWriter lines_;
    uint64_t dropped_reported_ = 0;
};

}  // namespace vigil::output
