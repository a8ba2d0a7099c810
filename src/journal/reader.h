// SPDX-License-Identifier: Apache-2.0
// Reads a journal that another thread or process may be writing.
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
    // From the line `sequence` on. Nothing is opened yet.
    Reader(std::string path, uint64_t sequence);

    // Appends whole lines from next_sequence() on, none beyond `last`, until max_bytes are in (at
    // least one line if there is one); the number of lines. 0: nothing there yet. Where the next
    // lines have been deleted it goes on with the oldest there is: next_sequence() less the number
    // of lines is then the first one read. After the error of a damaged line the next call goes on
    // behind it.
    //
    // Lines that are not durable yet are read too: one that is to act on nothing that a power cut
    // can take back gives Writer::synced() as `last`.
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

    // The segment that is read, or was read last.
    Fd file_;
    std::string file_path_;  // as it was when opened
    bool active_ = false;    // more may be written to it
    bool done_ = true;       // nothing is left to be read of it
    uint64_t first_ = 0;     // sequence of its first line
    uint64_t end_ = 0;       // lines from this sequence on are not the segment's
    uint64_t offset_ = 0;    // in the file
    uint64_t at_ = 0;        // sequence of the line at the offset
};

}  // namespace vigil::journal
