// SPDX-License-Identifier: Apache-2.0
// The lines of a journal (docs/journal.md), newest first. Others may write and rotate it meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace vigil::query {

// What is added after open() is not seen, and what is deleted before it is reached neither. Lines
// that are too long are passed over, and so is a torn one at the end of a file. Lines behind the
// end of a segment, which were written again to the next one, come twice.
class ReverseLineReader {
 public:
    // `path`: the active file's. A journal or directory that is not there has no lines.
    static Result<ReverseLineReader> open(const std::string& path);

    // The next older line without its end, good until the next call. Nothing: that was the oldest.
    // Behind a segment that can't be read, which is an error, the next call goes on.
    Result<std::optional<std::string_view>> next();

 private:
    ReverseLineReader() = default;

    void start_segment(Fd file, std::string path, uint64_t size_bytes);
    Result<bool> open_next();
    Result<void> fill();
    std::string_view pop_line(size_t begin);

    std::vector<std::string> rotated_;  // not opened yet; the next one last

    // The segment that is read, from its end. Its bytes from offset_ on are in the buffer, up to
    // those that have been taken: at [begin_, end_). In front of them is room.
    Fd file_;
    std::string path_;
    uint64_t offset_ = 0;
    std::string buffer_;
    size_t begin_ = 0;
    size_t end_ = 0;
    bool torn_ = false;  // what the buffer ends with is no whole line
};

}  // namespace vigil::query
