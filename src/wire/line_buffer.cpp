// SPDX-License-Identifier: Apache-2.0
#include "wire/line_buffer.h"

#include <algorithm>
#include <cstring>

namespace vigil::wire {

// There are thousands of connections with a buffer each, most of them idle: the buffer grows a
// little when it was filled, and further only for a line that does not fit.
char* LineBuffer::writable() {
    if (too_long_) {
        begin_ = searched_ = end_ = 0;  // discarded unread, so that the buffer stays writable
    }
    const size_t kept = end_ - begin_;
    const bool filled = bytes_.empty() || writable_bytes() == 0;
    const bool full = filled && (bytes_.size() < busy_bytes || begin_ == 0);
    if (begin_ > 0) {
        std::memmove(bytes_.data(), bytes_.data() + begin_, kept);
    }
    searched_ -= begin_;
    begin_ = 0;
    end_ = kept;
    if (full) {
        // A whole line with its end, and space to detect a longer one.
        const size_t max_size = max_line_bytes_ + first_bytes;
        bytes_.resize(std::min(std::max(bytes_.size() * 2, first_bytes), max_size) + padding);
    }
    return bytes_.data() + end_;
}

std::optional<std::string_view> LineBuffer::next() {
    const char* found = searched_ < end_ ? static_cast<const char*>(std::memchr(
                                               bytes_.data() + searched_, '\n', end_ - searched_))
                                         : nullptr;
    if (found == nullptr) {
        searched_ = end_;
        too_long_ = too_long_ || end_ - begin_ > max_line_bytes_ + 1;  // one more may be a '\r'
        return std::nullopt;
    }
    const auto at = static_cast<size_t>(found - bytes_.data());
    std::string_view line(bytes_.data() + begin_, at - begin_);
    if (line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    if (line.size() > max_line_bytes_) {
        too_long_ = true;
        return std::nullopt;
    }
    begin_ = searched_ = at + 1;
    return line;
}

}  // namespace vigil::wire
