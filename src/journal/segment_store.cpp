// SPDX-License-Identifier: Apache-2.0
#include "journal/segment_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "journal/segments.h"

namespace vigil::journal {

namespace {

// Numbers that are reserved at a time: after a crash as many may be skipped where the active file
// has gone.
constexpr uint64_t reserved_numbers = 65'536;

}  // namespace

Error SegmentStore::path_error(const std::string& path, std::string_view what) {
    return {ErrorCode::failed, fmt::format("'{}' {}", escape_terminal(path), what)};
}

Result<void> SegmentStore::write(std::string_view lines, uint64_t count) {
    auto result = write_once(lines, count);
    if (!result && sync_failed_) {
        notice_ = result.error().context;
        result = write_once(lines, count);
    }
    return result;
}

Result<void> SegmentStore::write_once(std::string_view lines, uint64_t count) {
    TRY(prepare());
    if (next_sequence_ + count > unused_from_) {
        reserve_numbers(next_sequence_ + count + reserved_numbers);
    }
    size_t written = 0;
    int write_error = 0;
    while (written < lines.size() && write_error == 0) {
        const ssize_t got =
            file_system_.write(active_.get(), lines.data() + written, lines.size() - written);
        if (got > 0) {
            written += static_cast<size_t>(got);
        } else if (got == 0 || errno != EINTR) {
            write_error = got == 0 ? EIO : errno;
        }
    }
    torn_tail_ = written > 0;
    size_t kept = written;
    if (write_error != 0) {
        const size_t end = lines.substr(0, written).rfind('\n');
        kept = end == std::string_view::npos ? 0 : end + 1;
        count = count_line_ends(lines.substr(0, kept));
    }
    if (kept > 0) {
        if (file_system_.fdatasync(active_.get()) != 0) {
            sync_failed_ = true;
            return system_error("syncing", path_);
        }
        active_bytes_ += kept;
        written_bytes_ += kept;
        next_sequence_ += count;
    }
    torn_tail_ = kept < written;
    if (write_error != 0) {
        (void)truncate_tail();  // or before the next write
        errno = write_error;
        return system_error("writing to", path_);
    }
    return {};
}

// Afterwards the active segment exists and ends with the last durable line.
Result<void> SegmentStore::prepare() {
    if (active_ && torn_tail_ && !sync_failed_) {
        TRY(truncate_tail());
    }
    if (active_) {
        TRY_ASSIGN(const struct stat info, stat_path());
        const bool as_left =
            is_active(info) && static_cast<uint64_t>(info.st_size) == active_bytes_;
        if (!as_left && !sync_failed_ && !replacing_active_) {
            notice_ =
                path_error(path_,
                           "was moved, deleted or changed by another program: a new file is "
                           "started, and lines that were removed are missing (vigil rotates by "
                           "itself: leave it out of logrotate)")
                    .context;
        }
        replacing_active_ = !as_left || sync_failed_;
    }
    if (replacing_active_) {
        TRY(replace_active());
    }
    if (!active_) {
        TRY(create_active());
    }
    return directory_synced_ ? Result<void>() : sync_directory();
}

Result<void> SegmentStore::truncate_tail() {
    if (!torn_tail_) {
        return {};
    }
    if (file_system_.ftruncate(active_.get(), static_cast<off_t>(active_bytes_)) != 0) {
        return system_error("truncating", path_);
    }
    torn_tail_ = false;
    return {};
}

Result<void> SegmentStore::rotate() {
    if (!active_ || active_bytes_ == 0) {
        return {};
    }
    TRY(prepare());
    if (active_bytes_ == 0) {
        return {};
    }
    TRY(rename_active(active_bytes_));
    return create_active();
}

Result<void> SegmentStore::rename_active(uint64_t size_bytes) {
    const std::string target = rotated_path(path_, active_first_);
    struct stat info {};
    if (::lstat(target.c_str(), &info) == 0 &&
        !(S_ISREG(info.st_mode) && info.st_size == 0 && markers_.count(active_first_) > 0)) {
        return path_error(target,
                          "is in the way of a rotation: move it away; vigil rotates its journals "
                          "by itself, other programs must not");
    }
    const Fd renamed(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    const Rotated segment{active_first_, size_bytes, identify(renamed.get(), false)};
    Manifest next = manifest();
    next.rotated.push_back({segment.first_sequence, segment.file});
    next.active = {next_sequence_, {}};
    TRY(save_manifest(next));  // also lists the marker that the segment will replace
    if (file_system_.rename(path_, target) != 0) {
        return system_error("renaming", path_);
    }
    rotated_.push_back(segment);
    markers_.erase(active_first_);
    rotated_bytes_ += size_bytes;
    close_active();
    return {};
}

void SegmentStore::close_active() {
    active_.reset();
    active_first_ = next_sequence_;
    active_bytes_ = 0;
    torn_tail_ = sync_failed_ = false;
}

Result<void> SegmentStore::create_active() {
    directory_synced_ = false;
    Fd file(file_system_.open(path_, open_flags, mode_));
    if (!file) {
        return system_error("creating", path_);
    }
    struct stat info {};
    if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_size != 0) {
        return path_error(path_, "was made by another program: move it away");
    }
    active_ = std::move(file);
    active_device_ = info.st_dev;
    active_inode_ = info.st_ino;
    TRY(sync_directory());
    (void)save_manifest(manifest());  // the number is in the last one
    return {};
}

// The number after the last line is exact after a clean end.
SegmentStore::~SegmentStore() {
    if (active_ && saved_manifest_) {
        reserve_numbers(next_sequence_);
    }
}

// Recorded before the lines: if their file is gone at the next start (moved and compressed by
// logrotate), nothing else says which numbers are used.
void SegmentStore::reserve_numbers(uint64_t end) {
    const uint64_t before = std::exchange(unused_from_, end);
    if (!save_manifest(manifest())) {
        unused_from_ = before;  // tried again with the next lines
    }
}

Manifest SegmentStore::manifest() const {
    Manifest now;
    now.unused_from = unused_from_;
    for (const Rotated& segment : rotated_) {
        now.rotated.push_back({segment.first_sequence, segment.file});
    }
    now.markers.assign(markers_.begin(), markers_.end());
    now.active.first_sequence = active_first_;
    if (active_) {
        const Fd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
        struct stat info {};
        now.active.file.inode = active_inode_;
        if (file && ::fstat(file.get(), &info) == 0 && is_active(info)) {
            now.active.file = identify(file.get(), true);
        }
    }
    return now;
}

Result<void> SegmentStore::save_manifest(const Manifest& manifest) {
    if (saved_manifest_ == manifest) {
        return {};
    }
    TRY(write_manifest(path_, manifest, mode_));
    saved_manifest_ = manifest;
    return {};
}

Result<void> SegmentStore::sync_directory() {
    if (file_system_.fsync_parent(path_) != 0) {
        return system_error("syncing the directory of", path_);
    }
    directory_synced_ = true;
    return {};
}

// The active segment can't be continued. Its durable lines stay under its number. New lines go to a
// new file, and a sequence marker records their number, whatever remains in the old one.
Result<void> SegmentStore::replace_active() {
    TRY(abandon_active());
    TRY(create_sequence_marker(next_sequence_));
    close_active();
    replacing_active_ = false;
    return create_active();
}

Result<void> SegmentStore::abandon_active() {
    TRY_ASSIGN(const struct stat info, stat_path());
    if (info.st_nlink == 0) {
        return {};
    }
    if (!is_active(info)) {
        return S_ISREG(info.st_mode) && info.st_size == 0 ? Result<void>() : quarantine();
    }
    uint64_t left_bytes = static_cast<uint64_t>(info.st_size);
    if (sync_failed_ && left_bytes > active_bytes_) {
        // If it fails, the marker bounds the segment anyway.
        if (file_system_.ftruncate(active_.get(), static_cast<off_t>(active_bytes_)) == 0) {
            left_bytes = active_bytes_;
        }
    }
    if (left_bytes == 0 || (sync_failed_ && active_bytes_ == 0)) {
        unused_from_ = next_sequence_;  // after a crash the file is missing
        TRY(create_sequence_marker(next_sequence_));
        return file_system_.unlink(path_) == 0 ? Result<void>() : system_error("deleting", path_);
    }
    return active_bytes_ == 0 ? quarantine() : rename_active(left_bytes);
}

// Foreign content must not be deleted.
Result<void> SegmentStore::quarantine() {
    const std::string target = fmt::format("{}.foreign", rotated_path(path_, next_sequence_));
    struct stat info {};
    if (::lstat(target.c_str(), &info) == 0) {
        return path_error(target, "is in the way: move it away");
    }
    return file_system_.rename(path_, target) == 0 ? Result<void>()
                                                   : system_error("renaming", path_);
}

Result<void> SegmentStore::create_sequence_marker(uint64_t sequence) {
    const std::string name = rotated_path(path_, sequence);
    Manifest next = manifest();
    next.active = {sequence, sequence == active_first_ ? next.active.file : FileIdentity{}};
    struct stat there {};
    if (::lstat(name.c_str(), &there) == 0 && markers_.count(sequence) == 0) {
        // Another program's file of that name: the manifest has the number as well.
        return save_manifest(next);
    }
    if (markers_.count(sequence) == 0) {
        next.markers.push_back(sequence);
    }
    TRY(save_manifest(next));
    markers_.insert(sequence);
    const Fd file(file_system_.open(name, open_flags, mode_));
    if (!file) {
        return system_error("creating", name);
    }
    struct stat info {};
    if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_size != 0) {
        return path_error(name, "is in the way of the journal: move it away");
    }
    return sync_directory();
}

Result<SegmentStore::Removed> SegmentStore::remove_oldest() {
    const Rotated oldest = rotated_.front();
    const uint64_t end = oldest_end();
    if (rotated_.size() == 1) {
        TRY(create_sequence_marker(active_first_));  // nothing else would record the number
    }
    const std::string name = rotated_path(path_, oldest.first_sequence);
    // Another program may have put another file there.
    if (is_same_file(name, oldest.file) && file_system_.unlink(name) != 0 && errno != ENOENT) {
        return system_error("deleting", name);
    }
    rotated_.pop_front();
    rotated_bytes_ -= oldest.size_bytes;
    return Removed{oldest.first_sequence, end - oldest.first_sequence};
}

uint64_t SegmentStore::oldest_sequence() const {
    return rotated_.empty() ? active_first_ : rotated_.front().first_sequence;
}

uint64_t SegmentStore::oldest_end() const {
    return rotated_.size() > 1 ? rotated_[1].first_sequence : active_first_;
}

Result<struct stat> SegmentStore::stat_path() const {
    struct stat info {};
    if (::lstat(path_.c_str(), &info) != 0 && errno != ENOENT) {
        return system_error("looking at", path_);
    }
    return info;
}

bool SegmentStore::is_active(const struct stat& info) const {
    return active_ && info.st_nlink > 0 && info.st_dev == active_device_ &&
           info.st_ino == active_inode_;
}

}  // namespace vigil::journal
