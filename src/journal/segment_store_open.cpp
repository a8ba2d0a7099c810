// SPDX-License-Identifier: Apache-2.0
// Opening a store: recovers from whatever state an earlier writer left.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "base/file.h"
#include "journal/segment_store.h"
#include "journal/segments.h"

namespace vigil::journal {
namespace {

bool has_bytes(const std::string& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 && info.st_size > 0;
}

}  // namespace

SegmentStore::SegmentStore(std::string path, mode_t mode, FileSystem& file_system)
    : path_(std::move(path)), mode_(mode), file_system_(file_system) {}

Result<std::unique_ptr<SegmentStore>> SegmentStore::open(const std::string& path,
                                                         uint64_t first_sequence, mode_t mode,
                                                         FileSystem& file_system) {
    std::unique_ptr<SegmentStore> store(new SegmentStore(path, mode, file_system));
    TRY(store->lock());
    TRY(store->load(first_sequence));
    return store;
}

// A separate file, because the active one is renamed. It is never deleted: otherwise two writers
// could lock two files of that name.
Result<void> SegmentStore::lock() {
    const std::string name = path_ + ".lock";
    lock_ = Fd(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
    if (!lock_) {
        return system_error("opening", name);
    }
    if (::flock(lock_.get(), LOCK_EX | LOCK_NB) == 0) {
        return {};
    }
    if (errno != EWOULDBLOCK) {
        return system_error("locking", name);
    }
    return path_error(path_, "is a journal that another process uses");
}

// Without a recorded number, existing lines start the journal: `first_sequence` does not apply to
// them.
Result<void> SegmentStore::load(uint64_t first_sequence) {
    TRY_ASSIGN(const std::vector<Segment> files, list_rotated(path_));
    active_first_ = first_sequence;
    if (!files.empty()) {
        TRY_ASSIGN(const WholeLines newest, count_lines(files.back().path));
        active_first_ = files.back().first_sequence + newest.count;
    } else if (has_bytes(path_)) {
        active_first_ = 1;  // with another number there would be a marker
    } else if (first_sequence != 1) {
        TRY(create_sequence_marker(first_sequence));
    }
    active_ = Fd(file_system_.open(path_, open_flags, mode_));
    if (!active_) {
        return system_error("opening", path_);
    }
    TRY(truncate_torn_line());
    // Half of the 64-bit range is more than can be written from here on.
    if (active_first_ == 0 || next_sequence_ > max_sequence / 2) {
        return path_error(path_, fmt::format("can't go on at number {}", next_sequence_));
    }
    for (const Segment& file : files) {
        if (file.size_bytes > 0) {
            rotated_.push_back({file.first_sequence, file.size_bytes});
            rotated_bytes_ += file.size_bytes;
        } else if (file.first_sequence != active_first_) {
            (void)file_system_.unlink(file.path);  // an old marker; harmless
        }
    }
    return sync_existing();
}

Result<void> SegmentStore::truncate_torn_line() {
    struct stat info {};
    if (::fstat(active_.get(), &info) != 0) {
        return system_error("opening", path_);
    }
    if (!S_ISREG(info.st_mode)) {
        errno = EINVAL;
        return system_error("opening", path_);
    }
    active_device_ = info.st_dev;
    active_inode_ = info.st_ino;
    TRY_ASSIGN(const WholeLines lines, count_lines(path_));
    active_bytes_ = lines.bytes;
    next_sequence_ = active_first_ + lines.count;
    torn_tail_ = lines.bytes < static_cast<uint64_t>(info.st_size);
    return truncate_tail();
}

// A killed writer may have left lines that are only in the page cache. Readers see them, so they
// count as written and must become durable.
Result<void> SegmentStore::sync_existing() {
    if (file_system_.fdatasync(active_.get()) != 0) {
        return system_error("syncing", path_);
    }
    if (!rotated_.empty()) {
        const std::string name = rotated_path(path_, rotated_.back().first_sequence);
        const Fd newest(::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
        if (!newest || file_system_.fdatasync(newest.get()) != 0) {
            return system_error("syncing", name);
        }
    }
    return sync_directory();
}

}  // namespace vigil::journal
