// SPDX-License-Identifier: Apache-2.0
// Reads a journal that another thread or process may be writing. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace vigil::journal {

class Reader {
 public:
    // Starts at the line `sequence`. Opens nothing yet.
    Reader(std::string path, uint64_t sequence);

    // Appends whole lines from next_sequence() on, none after `last`, until `out` has max_bytes (at
    // least one line if there is one). Returns the number of lines; 0: none yet. If the next lines
    // have been deleted, reading continues with the oldest line: next_sequence() minus the result
    // is the first line that was read. After the error of a damaged line the next call continues
    // after that line.
    //
    // Also reads lines that are not durable yet. A caller that must not act on lines that a power
    // cut can undo passes Writer::synced() as `last`.
    Result<size_t> read(std::string& out, size_t max_bytes, uint64_t last = UINT64_MAX);

    uint64_t next_sequence() const { return next_sequence_; }

 private:
    enum class Stop { full, end_of_file, end_of_segment };

    Result<bool> open_next_segment();
    Result<bool> try_next_segment(bool& changed);
    Result<Stop> read_lines(std::string& out, size_t max_bytes, uint64_t last, size_t& count);
    Result<std::string_view> whole_lines_at(size_t target_bytes);
    Result<bool> skip_long_line();
    bool is_at_path() const;

    std::string path_;
    uint64_t next_sequence_;
    std::string buffer_;

    // The current segment, or the last one.
    Fd file_;
    std::string file_path_;  // path when it was opened
    bool active_ = false;    // more may be written to it
    bool done_ = true;       // everything in it has been read
    uint64_t first_ = 0;     // sequence of its first line
    uint64_t end_ = 0;       // lines from this sequence on belong to later segments
    uint64_t offset_ = 0;    // in the file
    uint64_t at_ = 0;        // sequence of the line at the offset
};

}  // namespace vigil::journal
