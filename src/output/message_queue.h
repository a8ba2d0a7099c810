// SPDX-License-Identifier: Apache-2.0
// Words of a command that must go on meanwhile: nothing waits for whoever reads them, be it a
// stopped terminal or a pipe that is full.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/fd.h"
#include "output/nonblocking_writer.h"

namespace vigil::output {

// The same terminal, opened again for writing without waiting: one that polls writable may have
// room for one byte only. Nothing where `fd` is no terminal.
Fd reopen_nonblocking(int fd);

class MessageQueue {
 public:
    // `fd` stays the caller's.
    explicit MessageQueue(int fd);

    // Lines with their ends. Beyond 4 MiB that wait, the oldest are dropped, and it is said.
    void add(std::string lines);

    // Writes what is taken now. To be called again while something waits.
    void flush();
    size_t waiting() const { return lines_.waiting(); }

 private:
    Fd own_;
    NonblockingWriter lines_;
    uint64_t dropped_reported_ = 0;
};

}  // namespace vigil::output
