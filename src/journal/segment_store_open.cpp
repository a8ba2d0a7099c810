// SPDX-License-Identifier: Apache-2.0
// Opening a store: recovers from whatever state an earlier writer left.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "journal/segment_store.h"
#include "journal/segments.h"

namespace vigil::journal {
namespace {

bool has_bytes(const std::string& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 && info.st_size > 0;
}

// What a journal's line begins with: events are JSON objects that begin with their time.
constexpr std::string_view line_start = "{\"";
constexpr std::string_view event_start = R"({"time":")";

bool begins_with_own_line(const std::string& path, const OwnLine& is_own_line) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    std::string start(max_line_bytes, '\0');
    const ssize_t got = ::pread(file.get(), start.data(), start.size(), 0);
    start.resize(got < 0 ? 0 : static_cast<size_t>(got));
    return is_own_line(std::string_view(start).substr(0, start.find('\n') + 1));
}

// The first line identifies the owner, and a torn line must be one of such lines: it is cut off.
Result<void> check_own(const std::string& path, const OwnLine& is_own_line) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat info {};
    if (!is_own_line || !file || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode) ||
        info.st_size == 0) {
        return {};
    }
    TRY_ASSIGN(const WholeLines whole, count_lines(path));
    const auto read = [&](uint64_t offset, size_t bytes) {
        std::string text(bytes, '\0');
        const ssize_t got = ::pread(file.get(), text.data(), bytes, static_cast<off_t>(offset));
        text.resize(got < 0 ? 0 : static_cast<size_t>(got));
        return text;
    };
    bool own = true;
    if (whole.count > 0) {
        own = begins_with_own_line(path, is_own_line);
    }
    // Zeros are what a power cut may leave behind the last synced byte.
    const std::string torn = read(whole.bytes, event_start.size());
    const std::string_view expected = whole.count > 0 ? line_start : event_start;
    const std::string_view shorter = std::string_view(torn).substr(0, expected.size());
    own = own && (expected.starts_with(shorter) ||
                  (whole.count > 0 && torn.find_first_not_of('\0') == std::string::npos));
    return own ? Result<void>()
               : usage_error(fmt::format(
                     "'{}' holds what vigil did not write: it is left as it is; move it away, or "
                     "name another file",
                     escape_terminal(path)));
}

}  // namespace

SegmentStore::SegmentStore(std::string path, mode_t mode, FileSystem& file_system)
    : path_(std::move(path)), mode_(mode), file_system_(file_system) {}

Result<std::unique_ptr<SegmentStore>> SegmentStore::open(const std::string& path,
                                                         uint64_t first_sequence, mode_t mode,
                                                         FileSystem& file_system,
                                                         const OwnLine& is_own_line) {
    TRY(check_own(path, is_own_line));
    std::unique_ptr<SegmentStore> store(new SegmentStore(path, mode, file_system));
    TRY(store->lock());
    TRY(store->load(first_sequence, is_own_line));
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
Result<void> SegmentStore::load(uint64_t first_sequence, const OwnLine& is_own_line) {
    TRY_ASSIGN(saved_manifest_, read_manifest(path_));
    TRY_ASSIGN(std::vector<Segment> files, list_rotated(path_));
    if (!saved_manifest_ && is_own_line) {
        // A journal of an older version: what is listed now stays listed.
        std::erase_if(files, [&](const Segment& each) {
            return each.size_bytes > 0 && !begins_with_own_line(each.path, is_own_line);
        });
    }
    for (const Segment& file : files) {
        if (file.size_bytes == 0) {
            markers_.insert(file.first_sequence);
        }
    }
    active_first_ = first_sequence;
    if (saved_manifest_) {
        TRY_ASSIGN(active_first_, first_after_moved(*saved_manifest_));
        unused_from_ = saved_manifest_->unused_from;
        if (files.empty() && !has_bytes(path_) && first_sequence > active_first_) {
            active_first_ = first_sequence;
            TRY(create_sequence_marker(first_sequence));
        }
    } else if (!files.empty()) {
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
            const Fd segment(
                ::open(file.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
            rotated_.push_back(
                {file.first_sequence, file.size_bytes, identify(segment.get(), false)});
            rotated_bytes_ += file.size_bytes;
        } else if (file.first_sequence != active_first_) {
            (void)file_system_.unlink(file.path);  // an old marker; harmless
            markers_.erase(file.first_sequence);
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
    if (auto truncated = truncate_tail(); !truncated) {
        return errno == EPERM ? end_torn_line() : truncated;
    }
    return {};
}

// An append-only file (chattr +a) can't be truncated: the torn line becomes a damaged one.
Result<void> SegmentStore::end_torn_line() {
    struct stat info {};
    if (file_system_.write(active_.get(), "\n", 1) != 1 || ::fstat(active_.get(), &info) != 0) {
        return system_error("writing to", path_);
    }
    active_bytes_ = static_cast<uint64_t>(info.st_size);
    next_sequence_++;
    torn_tail_ = false;
    return {};
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
    TRY(sync_directory());
    (void)save_manifest(manifest());  // or before the first rename
    return {};
}

// The number that the active file begins at. Where it is another file than the one that was
// active, that one may have been moved (logrotate): its lines keep their numbers. If it is not
// found (compressed, or moved away), the manifest knows which numbers are unused.
Result<uint64_t> SegmentStore::first_after_moved(const Manifest& manifest) const {
    const uint64_t first = manifest.active_first_at(path_);
    if (first != manifest.active.first_sequence || manifest.active.file.inode == 0 ||
        is_same_file(path_, manifest.active.file)) {
        return first;
    }
    const std::filesystem::path path(path_);
    std::error_code error;
    for (auto entry = std::filesystem::directory_iterator(
             path.has_parent_path() ? path.parent_path() : ".", error);
         !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
        const std::string name = entry->path().string();
        if (entry->path().filename().string().starts_with(path.filename().string()) &&
            is_same_file(name, manifest.active.file)) {
            TRY_ASSIGN(const WholeLines moved, count_lines(name));
            return first + moved.count;
        }
    }
    // A file with lines is a restored backup.
    return has_bytes(path_) ? first : std::max(first, manifest.unused_from);
}

}  // namespace vigil::journal
