// SPDX-License-Identifier: Apache-2.0
// The one way out: a buffered descriptor that knows which events have really been written.
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
    // Called while the reader of a pipe or terminal is slow, about ten times a second, with the
    // time since it last took something; false gives up on it.
    using StallHandler = std::function<bool(uint64_t stalled_ms)>;

    // `fd` stays the caller's.
    explicit BufferedOutput(int fd);

    void set_stall_handler(StallHandler handler) { stall_handler_ = std::move(handler); }

    // Append an event's bytes here, then call end_event().
    std::string& buffer() { return buffer_; }

    // One more event of this kind ends at the end of the buffer.
    void end_event(model::Kind kind) { ends_.push_back({buffer_.size(), kind}); }

    // Writes everything. An error closes the output: what could not be written is undelivered,
    // now and from now on. A reader that went away (EPIPE) is no error.
    Result<void> flush();

    bool closed() const { return closed_; }

    // Events whose last byte was written, by kind.
    const KindCounts& delivered() const { return delivered_; }
    // Events that were handed in but not written.
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
