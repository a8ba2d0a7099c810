// SPDX-License-Identifier: Apache-2.0
// A buffered file descriptor that counts which events were really written. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/event.h"

namespace vigil::output {

using KindCounts = std::array<uint64_t, model::kind_count>;

class BufferedOutput {
 public:
    // Called about ten times a second while the reader of a pipe or terminal is slow, with the time
    // since it last read something; returning false closes the output.
    using StallHandler = std::function<bool(uint64_t stalled_ms)>;

    // `fd` is not closed.
    explicit BufferedOutput(int fd);

    void set_stall_handler(StallHandler handler) { stall_handler_ = std::move(handler); }

    // Append an event's bytes here, then call end_event().
    std::string& buffer() { return buffer_; }

    // Marks the end of the buffer as the end of an event of this kind.
    void end_event(model::Kind kind) { ends_.push_back({buffer_.size(), kind}); }

    // Writes everything. An error closes the output: what could not be written, and all later
    // events, count as undelivered. A reader that closed its end (EPIPE) is no error.
    Result<void> flush();

    bool closed() const { return closed_; }

    // Events that were written completely, by kind.
    const KindCounts& delivered() const { return delivered_; }
    // Events that were passed to end_event() but not written.
    const KindCounts& undelivered() const { return undelivered_; }

 private:
    struct End {
        size_t offset;
        model::Kind kind;
    };

    void close_after(size_t written);

    int fd_;
    bool may_block_;  // pipe, socket, terminal
    StallHandler stall_handler_;
    std::string buffer_;
    std::vector<End> ends_;
    KindCounts delivered_{};
    KindCounts undelivered_{};
    bool closed_ = false;
};

}  // namespace vigil::output
