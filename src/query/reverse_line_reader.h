// SPDX-License-Identifier: Apache-2.0
// Reads the lines of a journal (docs/journal.md), newest first. Other processes may write and
// rotate it meanwhile.
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

// Lines added after open() are not returned, nor are lines deleted before they are reached. Lines
// that are too long are skipped, as is a torn line at the end of a file. Lines after the end of a
// segment that were written again to the next segment are returned twice.
class ReverseLineReader {
 public:
    // `path`: the active file. A missing journal or directory has no lines.
    static Result<ReverseLineReader> open(const std::string& path);

    // The next older line without its line end, valid until the next call. Empty after the oldest
    // one. A segment that can't be read is an error; the next call continues after it.
    Result<std::optional<std::string_view>> next();

 private:
    ReverseLineReader() = default;

    void start_segment(Fd file, std::string path, uint64_t size_bytes);
    Result<bool> open_next();
    Result<void> fill();
    std::string_view pop_line(size_t begin);

    std::vector<std::string> rotated_;  // not opened yet; the next to open is the last

    // The segment being read, from its end. The buffer holds its bytes from offset_ on, less the
    // returned ones: at [begin_, end_). Before begin_ there is free space.
    Fd file_;
    std::string path_;
    uint64_t offset_ = 0;
    std::string buffer_;
    size_t begin_ = 0;
    size_t end_ = 0;
    bool torn_ = false;  // the buffer ends with an incomplete line
};

}  // namespace vigil::query
