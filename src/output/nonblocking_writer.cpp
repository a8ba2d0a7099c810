// SPDX-License-Identifier: Apache-2.0
#include "output/nonblocking_writer.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

#include "output/can_block.h"

namespace vigil::output {
NonblockingWriter::NonblockingWriter(int fd, size_t limit_bytes)
    : fd_(fd), may_block_(can_block(fd)), limit_bytes_(limit_bytes) {}

void NonblockingWriter::set_fd(int fd) {
    // Do not write the rest of a partly written line to the new file.
    if (first_written_ > 0) {
        bytes_ -= lines_.front().size();
        lines_.pop_front();
        first_written_ = 0;
        dropped_++;
    }
    fd_ = fd;
    may_block_ = can_block(fd);
    closed_ = false;
}

void NonblockingWriter::add(std::string line) {
    if (closed_) {
        dropped_++;
        return;
    }
    bytes_ += line.size();
    lines_.push_back(std::move(line));
    if (bytes_ > limit_bytes_) {
        (void)flush();  // the next flush() returns an error again
    }
    // A partly written line must be finished.
    const size_t oldest = first_written_ > 0 ? 1 : 0;
    while (bytes_ > limit_bytes_ && lines_.size() > oldest) {
        bytes_ -= lines_[oldest].size();
        lines_.erase(lines_.begin() + static_cast<ptrdiff_t>(oldest));
        dropped_++;
    }
}

bool NonblockingWriter::writable() const {
    pollfd poll{fd_, POLLOUT, 0};
    return !may_block_ || ::poll(&poll, 1, 0) > 0;
}

Result<void> NonblockingWriter::flush() {
    while (!closed_ && !lines_.empty() && writable()) {
        const std::string& line = lines_.front();
        // A pipe that polls writable takes this much without blocking.
        const size_t rest = line.size() - first_written_;
        const size_t chunk = may_block_ ? std::min<size_t>(rest, PIPE_BUF) : rest;
        const ssize_t got = ::write(fd_, line.data() + first_written_, chunk);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 && errno == EAGAIN) {
            return {};
        }
        if (got < 0 && errno == EPIPE) {
            closed_ = true;
            dropped_ += lines_.size();
            lines_.clear();
            bytes_ = first_written_ = 0;
            return {};
        }
        if (got < 0) {
            return Error{ErrorCode::failed, std::strerror(errno)};
        }
        first_written_ += static_cast<size_t>(got);
        if (first_written_ == line.size()) {
            bytes_ -= line.size();
            lines_.pop_front();
            first_written_ = 0;
            written_++;
        }
    }
    return {};
}

}  // namespace vigil::output
