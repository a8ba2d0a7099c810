// SPDX-License-Identifier: Apache-2.0
#include "output/buffered_output.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "output/can_block.h"

namespace vigil::output {
namespace {

constexpr int stall_interval_ms = 100;

}  // namespace

BufferedOutput::BufferedOutput(int fd) : fd_(fd), may_block_(can_block(fd)) {}

void BufferedOutput::close_after(size_t written) {
    closed_ = true;
    for (const End& end : ends_) {
        auto& counts = end.offset <= written ? delivered_ : undelivered_;
        counts[model::index(end.kind)]++;
    }
    ends_.clear();
    buffer_.clear();
}

Result<void> BufferedOutput::flush() {
    if (closed_) {
        close_after(0);
        return {};
    }
    size_t written = 0;
    uint64_t stalled_ms = 0;
    while (written < buffer_.size()) {
        size_t chunk = buffer_.size() - written;
        if (may_block_) {
            // A pipe that polls writable takes PIPE_BUF bytes without blocking, so no write blocks
            // beyond the reach of Ctrl-C.
            chunk = std::min<size_t>(chunk, PIPE_BUF);
            pollfd poll{fd_, POLLOUT, 0};
            const int ready = ::poll(&poll, 1, stall_interval_ms);
            if (ready == 0 || (ready < 0 && errno == EINTR)) {
                stalled_ms += stall_interval_ms;
                if (stall_handler_ && !stall_handler_(stalled_ms)) {
                    close_after(written);
                    return {};
                }
                continue;
            }
        }
        const ssize_t got = ::write(fd_, buffer_.data() + written, chunk);
        if (got >= 0) {
            written += static_cast<size_t>(got);
            stalled_ms = 0;
            continue;
        }
        if (errno == EINTR || errno == EAGAIN) {
            continue;
        }
        const int error = errno;
        close_after(written);
        if (error == EPIPE) {
            return {};
        }
        return Error{ErrorCode::failed,
                     fmt::format("writing the output: {}", std::strerror(error))};
    }
    for (const End& end : ends_) {
        delivered_[model::index(end.kind)]++;
    }
    ends_.clear();
    buffer_.clear();
    return {};
}

}  // namespace vigil::output
