// SPDX-License-Identifier: Apache-2.0
// The list of a journal's files, "events.log.segments": a name does not decide what is a segment,
// because other programs (logrotate) give the same names. The format is in docs/journal.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace vigil::journal {

// What a file is recognized by. One with the inode and the size is the same; a copy (a restored
// backup) has the same first bytes.
struct FileIdentity {
    uint64_t inode = 0;       // 0: not known
    uint64_t size_bytes = 0;  // of a rotated segment; 0: it grows
    uint64_t head_bytes = 0;  // how many of its first bytes are hashed; 0: none
    uint64_t head_hash = 0;

    bool operator==(const FileIdentity&) const = default;
};

// Of an open file, with its size or without.
FileIdentity identify(int fd, bool grows);

// Whether the file at the path, a link not followed, is that one.
bool is_same_file(const std::string& path, const FileIdentity& identity);

struct ManifestEntry {
    uint64_t first_sequence = 0;
    FileIdentity file;

    bool operator==(const ManifestEntry&) const = default;
};

struct Manifest {
    ManifestEntry active;  // its number, when the last listed segment has been rotated
    std::vector<ManifestEntry> rotated;  // also one that is about to be
    std::vector<uint64_t> markers;
    // No line has this number or a higher one; after a crash it may be too high. 0: not known.
    uint64_t unused_from = 0;

    bool operator==(const Manifest&) const = default;

    // Whether the file of that name may be listed, by what it is.
    bool lists(const std::string& path, uint64_t sequence, uint64_t size_bytes) const;
    // The number of the first line of the active file at `path`, also where it was to be rotated.
    uint64_t active_first_at(const std::string& path) const;
};

std::string manifest_path(const std::string& path);
std::string format_manifest(const Manifest& manifest);
// Nothing where the text is no manifest.
std::optional<Manifest> parse_manifest(std::string_view text);
// Of the journal at `path`; nothing where it has none.
Result<std::optional<Manifest>> read_manifest(const std::string& path);
// Replaces it, durable on return. A file of that name that is no manifest is left and an error.
Result<void> write_manifest(const std::string& path, const Manifest& manifest, unsigned mode);

}  // namespace vigil::journal
