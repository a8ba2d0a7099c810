// SPDX-License-Identifier: Apache-2.0
// The files of a journal as its one writer keeps them. What has to hold between any two steps,
// because a crash may come there: the disk tells the number of the active segment's first line.
// The newest rotated segment does by its name and lines; where that is gone or can't be trusted,
// a mark does: an empty rotated file, named by the number that the active segment starts at.
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

// Not thread-safe. After an error every function can be called again, and goes on where it stuck.
class SegmentStore {
 public:
    // Checks that an active file is a journal's, by its first line and by the last, torn one; then
    // takes the lock, cuts off a torn last line and makes all that is there durable. The disk must
    // live as long as the store.
    static Result<std::unique_ptr<SegmentStore>> open(const std::string& path,
                                                      uint64_t first_sequence, mode_t mode,
                                                      FileSystem& file_system,
                                                      const OwnLine& is_own_line = {});

    // Writes `count` whole lines; they are durable on return. After an error next_sequence() and
    // written_bytes() tell how many of them are; nothing of the others is left on disk that a
    // later call would not remove. A segment that can't be synced, or that somebody else has
    // moved or changed, is given up first, and the lines go to a new one.
    Result<void> write(std::string_view lines, uint64_t count);

    // The next line begins a new segment; nothing happens where it would anyway.
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
    // The line behind the oldest rotated segment; there must be one.
    uint64_t oldest_end() const;

    // What write() has had to get over, for people; "" once it is told.
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
    // What stands at the path now, a link not followed; st_nlink 0: nothing.
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
    std::optional<Manifest> saved_manifest_;
    uint64_t rotated_bytes_ = 0;
    bool torn_tail_ = false;         // behind active_bytes_ there may be more, to be cut off
    bool sync_failed_ = false;       // the kernel may have thrown away what was not synced
    bool directory_synced_ = false;  // the active file's name is durable
    bool replacing_active_ = false;  // replace_active() has not come to its end
    std::string notice_;
};

}  // namespace vigil::journal
