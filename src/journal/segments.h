// SPDX-License-Identifier: Apache-2.0
// The files of a journal, as their names and lines tell. The format is in docs/journal.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace vigil::journal {

// Numbers of lines are 1 to this; a file with another number in its name is not of the journal.
constexpr uint64_t max_sequence = INT64_MAX;

// A line that is longer, found on disk, is damage: readers go on behind it.
constexpr size_t max_line_bytes = 1 << 20;

struct Segment {
    std::string path;
    uint64_t first_sequence;
    uint64_t size_bytes;
    bool active;
};

// All segments of the journal at `path`, oldest first; the active one last, if it is there. An
// active one that no other file tells the number of starts at `first_sequence_if_unknown`. Marks
// (empty rotated files), foreign names and files that the journal's manifest does not list are left
// out. A directory that is not there is an error.
// Without a manifest the newest rotated segment is read, to count its lines.
Result<std::vector<Segment>> list_segments(const std::string& path,
                                           uint64_t first_sequence_if_unknown = 1);

// The same with the marks, and without the active one: no file is read.
Result<std::vector<Segment>> list_rotated(const std::string& path);

// Whether two lists of rotated segments end the same. While they do, the active file is the one
// that it was at the first: a rotation adds a segment, or lines to a mark.
bool same_newest(const std::vector<Segment>& a, const std::vector<Segment>& b);

// The name of the rotated segment that starts at `sequence`.
std::string rotated_path(const std::string& path, uint64_t sequence);

uint64_t count_line_ends(std::string_view bytes);

// Whole lines of a file: how many, and the bytes that they take from its start. What is behind is
// a torn line.
struct WholeLines {
    uint64_t count = 0;
    uint64_t bytes = 0;
};
Result<WholeLines> count_lines(const std::string& path);

}  // namespace vigil::journal
