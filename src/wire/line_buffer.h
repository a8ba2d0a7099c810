// SPDX-License-Identifier: Apache-2.0
// Splits the bytes of a connection into lines.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace vigil::wire {

class LineBuffer {
 public:
    // Lines of at most `max_line_bytes` bytes, without their end.
    explicit LineBuffer(size_t max_line_bytes) : max_line_bytes_(max_line_bytes) {}

    // Where the next bytes go; at least one is writable. Invalidates all lines.
    char* writable();
    size_t writable_bytes() const { return bytes_.size() - padding - end_; }
    void add(size_t count) { end_ += count; }

    // The next whole line, without its end ("\n" or "\r\n"). Valid until writable() is called;
    // MessageParser::padding bytes after it are readable.
    std::optional<std::string_view> next();

    // True if a line exceeds the bound: nothing after it can be read.
    bool is_too_long() const { return too_long_; }

 private:
    static constexpr size_t padding = 64;
    static constexpr size_t first_bytes = 4 << 10;
    static constexpr size_t busy_bytes = 16 << 10;

    size_t max_line_bytes_;
    std::vector<char> bytes_;
    size_t begin_ = 0;     // of the bytes that were not returned yet
    size_t searched_ = 0;  // no line end before it
    size_t end_ = 0;
    bool too_long_ = false;
};

}  // namespace vigil::wire
