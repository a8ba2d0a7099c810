// SPDX-License-Identifier: Apache-2.0
// Queue of lines for a file, pipe or terminal that may be slow or full: writing never blocks. Not
// thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "base/result.h"

namespace vigil::output {

class NonblockingWriter {
 public:
    static constexpr size_t default_limit_bytes = 4 << 20;

    // `fd` is not closed.
    explicit NonblockingWriter(int fd, size_t limit_bytes = default_limit_bytes);

    // Writes to this descriptor from now on, pending lines included. Reopens a closed queue.
    void set_fd(int fd);

    // Adds a line with its line end. Beyond the limit it writes what it can, then drops the oldest
    // pending lines.
    void add(std::string line);

    // Writes as much as possible without blocking. After an error, unwritten lines stay for the
    // next call; a line is never torn. EPIPE closes the queue and is no error.
    Result<void> flush();

    bool empty() const { return lines_.empty(); }
    size_t waiting() const { return lines_.size(); }
    bool closed() const { return closed_; }
    uint64_t written() const { return written_; }
    uint64_t dropped() const { return dropped_; }

 private:
    bool writable() const;

    int fd_;
    bool may_block_;
    size_t limit_bytes_;
    std::deque<std::string> lines_;
    size_t bytes_ = 0;
    size_t first_written_ = 0;  // bytes of the first line
    uint64_t written_ = 0;      // lines
    uint64_t dropped_ = 0;      // lines
    bool closed_ = false;
};

}  // namespace vigil::output
