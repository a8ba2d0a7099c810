// SPDX-License-Identifier: Apache-2.0
// The files of a journal as its only writer manages them. Invariant between any two steps, because
// a crash may happen there: the disk records the number of the active segment's first line. The
// newest rotated segment does so by its name and lines; if it is gone or not trustworthy, a
// sequence marker does: an empty rotated file whose name is the number at which the active segment
// starts.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/fd.h"
#include "base/result.h"
#include "journal/file_system.h"
#include "journal/manifest.h"

namespace vigil::journal {

using OwnLine = std::function<bool(std::string_view line)>;

// Not thread-safe. After an error every function can be called again and resumes where it failed.
class SegmentStore {
 public:
    // Checks that an active file is a journal's, by its first line and by the last, torn one; then
    // takes the lock, truncates a torn last line and makes the existing lines durable. The file
    // system must outlive the store.
    static Result<std::unique_ptr<SegmentStore>> open(const std::string& path,
                                                      uint64_t first_sequence, mode_t mode,
                                                      FileSystem& file_system,
                                                      const OwnLine& is_own_line = {});

    ~SegmentStore();

    // Writes `count` whole lines; they are durable on return. After an error next_sequence() and
    // written_bytes() show how many of them are; the others leave nothing on disk that a later call
    // would not remove. A segment that can't be synced, or that another program has moved or
    // changed, is abandoned first, and the lines go to a new one.
    Result<void> write(std::string_view lines, uint64_t count);

    // The next line starts a new segment. Does nothing if it would anyway.
    Result<void> rotate();

    // Deletes the oldest rotated segment; there must be one.
    struct Removed {
        uint64_t first_sequence;
        uint64_t count;
    };
    Result<Removed> remove_oldest();

    uint64_t next_sequence() const { return next_sequence_; }
    uint64_t oldest_sequence() const;
    uint64_t written_bytes() const { return written_bytes_; }
    uint64_t bytes_on_disk() const { return rotated_bytes_ + active_bytes_; }
    uint64_t active_bytes() const { return active_bytes_; }
    size_t rotated() const { return rotated_.size(); }
    // Sequence after the last line of the oldest rotated segment; there must be one.
    uint64_t oldest_end() const;

    // Message about problems that write() worked around; "" if there is none. Clears it.
    std::string pop_notice() { return std::exchange(notice_, ""); }

 private:
    struct Rotated {
        uint64_t first_sequence;
        uint64_t size_bytes;
        FileIdentity file;
    };

    static constexpr int open_flags =
        O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;

    SegmentStore(std::string path, mode_t mode, FileSystem& file_system);
    // "'path' <what>".
    static Error path_error(const std::string& path, std::string_view what);

    Result<void> lock();
    Result<void> load(uint64_t first_sequence, const OwnLine& is_own_line);
    Result<uint64_t> first_after_moved(const Manifest& manifest) const;
    Manifest manifest() const;
    void reserve_numbers(uint64_t end);
    Result<void> save_manifest(const Manifest& manifest);
    Result<void> truncate_torn_line();
    Result<void> end_torn_line();
    Result<void> sync_existing();
    Result<void> prepare();
    Result<void> write_once(std::string_view lines, uint64_t count);
    Result<void> truncate_tail();
    Result<void> create_active();
    Result<void> rename_active(uint64_t size_bytes);
    Result<void> replace_active();
    Result<void> abandon_active();
    Result<void> quarantine();
    Result<void> create_sequence_marker(uint64_t sequence);
    Result<void> sync_directory();
    // lstat(2) of the path; st_nlink 0: it does not exist.
    Result<struct stat> stat_path() const;
    bool is_active(const struct stat& info) const;
    void close_active();

    const std::string path_;
    const mode_t mode_;
    FileSystem& file_system_;

    Fd lock_;
    Fd active_;
    dev_t active_device_ = 0;
    ino_t active_inode_ = 0;
    uint64_t active_first_ = 0;  // sequence
    uint64_t active_bytes_ = 0;  // durable
    uint64_t next_sequence_ = 0;
    uint64_t written_bytes_ = 0;
    std::deque<Rotated> rotated_;
    std::set<uint64_t> markers_;
    uint64_t unused_from_ = 0;  // as the manifest says
    std::optional<Manifest> saved_manifest_;
    uint64_t rotated_bytes_ = 0;
    bool torn_tail_ = false;         // after active_bytes_ there may be more, to be truncated
    bool sync_failed_ = false;       // the kernel may have dropped unsynced pages
    bool directory_synced_ = false;  // the active file's name is durable
    bool replacing_active_ = false;  // replace_active() has not finished
    std::string notice_;
};

}  // namespace vigil::journal
