// SPDX-License-Identifier: Apache-2.0
// Words of a command that must go on meanwhile: nothing waits for whoever reads them, be it a
// stopped terminal or a pipe that is full.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/fd.h"
#include "sinks/line_queue.h"

namespace vigil::apps {

// The same terminal, opened again for writing without waiting: one that polls writable may have
// room for one byte only. Nothing where `fd` is no terminal.
Fd without_waiting(int fd);

class Words {
 public:
    // `fd` stays the caller's.
    explicit Words(int fd);

    // Lines with their ends. Beyond 4 MiB that wait, the oldest are dropped, and it is said.
    void say(std::string lines);

    // Writes what is taken now. To be called again while something waits.
    void flush();
    size_t waiting() const { return lines_.waiting(); }

 private:
    Fd own_;
    sinks::LineQueue lines_;
    uint64_t dropped_told_ = 0;
};

}  // namespace vigil::apps
