// SPDX-License-Identifier: Apache-2.0
// The files of a journal, by their names and lines. The format is in docs/journal.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace vigil::journal {

// Sequence numbers are 1 to this; a file name with any other number is not of the journal.
constexpr uint64_t max_sequence = INT64_MAX;

// A longer line on disk is damage: readers skip it.
constexpr size_t max_line_bytes = 1 << 20;

struct Segment {
    std::string path;
    uint64_t first_sequence;
    uint64_t size_bytes;
    bool active;
};

// All segments of the journal at `path`, oldest first; the active one last, if it exists. Without
// another file that records its number, the active one starts at `first_sequence_if_unknown`.
// Sequence markers (empty rotated files), foreign names and files that the manifest does not list
// are left out. A missing directory is an error. Without a manifest it reads the newest rotated
// segment to count its lines.
Result<std::vector<Segment>> list_segments(const std::string& path,
                                           uint64_t first_sequence_if_unknown = 1);

// The same with the markers, and without the active one: no file is read.
Result<std::vector<Segment>> list_rotated(const std::string& path);

// True if two lists of rotated segments end the same. While they do, the active file is the same as
// at the first: a rotation adds a segment, or lines to a marker.
bool same_newest(const std::vector<Segment>& a, const std::vector<Segment>& b);

// The path of the rotated segment that starts at `sequence`.
std::string rotated_path(const std::string& path, uint64_t sequence);

uint64_t count_line_ends(std::string_view bytes);

// Whole lines of a file: their number, and their bytes from its start. The rest is a torn line.
struct WholeLines {
    uint64_t count = 0;
    uint64_t bytes = 0;
};
Result<WholeLines> count_lines(const std::string& path);

}  // namespace vigil::journal
