// SPDX-License-Identifier: Apache-2.0
#include "journal/reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "journal/segments.h"

namespace vigil::journal {
namespace {

constexpr size_t min_chunk_bytes = 16 << 10;
constexpr size_t max_chunk_bytes = 256 << 10;
constexpr int max_attempts = 10;  // to find a segment in a directory that changes meanwhile

bool same_file(const struct stat& a, const struct stat& b) {
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

}  // namespace

Reader::Reader(std::string path, uint64_t sequence)
    : path_(std::move(path)), next_sequence_(std::max<uint64_t>(sequence, 1)) {}

Result<size_t> Reader::read(std::string& out, size_t max_bytes, uint64_t last) {
    size_t count = 0;
    max_bytes = out.size() + std::min(max_bytes, SIZE_MAX - out.size());
    while (next_sequence_ <= last) {
        if (done_) {
            const auto opened = open_next_segment();
            if (!opened && count == 0) {
                return opened.error();
            }
            if (!opened || !*opened) {
                break;
            }
        }
        // Checked before the end is read: after a rotation nothing is written past that end.
        active_ = active_ && is_at_path();
        TRY_ASSIGN(const Stop stop, read_lines(out, max_bytes, last, count));
        if (stop == Stop::full || (stop == Stop::end_of_file && active_)) {
            break;
        }
        done_ = true;
    }
    return count;
}

// Appends lines until `out` has `max_bytes`. Returns an error only while `count` is 0.
Result<Reader::Stop> Reader::read_lines(std::string& out, size_t max_bytes, uint64_t last,
                                        size_t& count) {
    while (at_ < end_) {
        if (at_ > next_sequence_ && count > 0) {
            return Stop::full;  // the lines of one call must be consecutive
        }
        next_sequence_ = std::max(next_sequence_, at_);
        if (next_sequence_ > last) {
            return Stop::full;
        }
        const size_t wanted = max_bytes - std::min(max_bytes, out.size());
        const auto chunk = whole_lines_at(at_ < next_sequence_ ? max_chunk_bytes : wanted);
        if (!chunk && count > 0) {
            return Stop::full;
        }
        if (!chunk) {
            return chunk.error();
        }
        if (chunk->empty()) {
            return Stop::end_of_file;
        }
        if (chunk->back() != '\n') {
            if (count > 0) {
                return Stop::full;
            }
            TRY_ASSIGN(const bool skipped, skip_long_line());
            if (!skipped) {
                return Stop::end_of_file;
            }
            continue;
        }
        for (size_t begin = 0; begin < chunk->size() && at_ < end_;) {
            const size_t length = chunk->find('\n', begin) + 1 - begin;
            if (at_ >= next_sequence_) {
                if (at_ > last || (count > 0 && out.size() + length > max_bytes)) {
                    return Stop::full;
                }
                out.append(*chunk, begin, length);
                count++;
                next_sequence_ = at_ + 1;
            }
            begin += length;
            offset_ += length;
            at_++;
        }
    }
    return Stop::end_of_segment;
}

// About `target_bytes` of whole lines from the offset on; empty: there is none yet. If the line is
// too long, its start without a line end.
Result<std::string_view> Reader::whole_lines_at(size_t target_bytes) {
    size_t size = std::clamp(target_bytes, min_chunk_bytes, max_chunk_bytes);
    while (true) {
        buffer_.resize(std::max(buffer_.size(), size));
        const ssize_t got = ::pread(file_.get(), buffer_.data(), size, static_cast<off_t>(offset_));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return system_error("reading", file_path_);
        }
        const std::string_view bytes(buffer_.data(), static_cast<size_t>(got));
        const size_t end = bytes.rfind('\n');
        if (end != std::string_view::npos) {
            return bytes.substr(0, end + 1);
        }
        if (bytes.size() < size) {
            return std::string_view();
        }
        if (size == max_line_bytes) {
            return bytes;
        }
        size = std::min(size * 4, max_line_bytes);
    }
}

// Skips the line at the offset; returns an error if it was due to be read. False if the line has no
// end yet.
Result<bool> Reader::skip_long_line() {
    uint64_t offset = offset_ + max_line_bytes;
    while (true) {
        const ssize_t got =
            ::pread(file_.get(), buffer_.data(), buffer_.size(), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return system_error("reading", file_path_);
        }
        if (got == 0) {
            return false;
        }
        const std::string_view bytes(buffer_.data(), static_cast<size_t>(got));
        const size_t end = bytes.find('\n');
        if (end != std::string_view::npos) {
            offset += end + 1;
            break;
        }
        offset += bytes.size();
    }
    const uint64_t damaged = std::exchange(offset_, offset);
    const bool requested = at_++ == next_sequence_;
    if (!requested) {
        return true;
    }
    next_sequence_++;
    return Error{ErrorCode::failed,
                 fmt::format("'{}': the line at byte {} is too long ({} bytes): skipped",
                             escape_terminal(file_path_), damaged, offset - damaged)};
}

bool Reader::is_at_path() const {
    struct stat current {};
    struct stat on_disk {};
    return ::fstat(file_.get(), &current) == 0 && ::lstat(path_.c_str(), &on_disk) == 0 &&
           same_file(current, on_disk);
}

Result<bool> Reader::open_next_segment() {
    for (int i = 0; i < max_attempts; i++) {
        bool changed = false;
        TRY_ASSIGN(const bool opened, try_next_segment(changed));
        if (!changed) {
            return opened;
        }
    }
    return false;
}

// Opens the segment with the next line, or the oldest one after it; false: there is none. A
// concurrent rotation can replace the active file after its number was determined: then sets
// `changed`.
Result<bool> Reader::try_next_segment(bool& changed) {
    struct stat current {};
    const bool had = file_ && ::fstat(file_.get(), &current) == 0;
    TRY_ASSIGN(const std::vector<Segment> before, list_rotated(path_));
    struct stat info {};
    if ((before.empty() || before.back().first_sequence <= first_) &&
        ::lstat(path_.c_str(), &info) != 0) {
        return false;  // and the newest one is not needed
    }
    TRY_ASSIGN(const std::vector<Segment> segments, list_segments(path_));
    const Segment* next = nullptr;
    for (const Segment& segment : segments) {
        const bool read_already =
            had && ::lstat(segment.path.c_str(), &info) == 0 && same_file(info, current);
        if (segment.first_sequence < first_ || read_already) {
            continue;
        }
        if (next == nullptr || segment.first_sequence <= next_sequence_) {
            next = &segment;
        }
    }
    if (next == nullptr) {
        return false;
    }
    Fd file(::open(next->path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!file && errno != ENOENT) {
        return system_error("opening", next->path);
    }
    TRY_ASSIGN(const std::vector<Segment> after, list_rotated(path_));
    changed = !file || (next->active && !same_newest(before, after));
    if (changed) {
        return false;
    }
    end_ = next->active             ? UINT64_MAX
           : segments.back().active ? segments.back().first_sequence
                                    : UINT64_MAX;
    for (const Segment& segment : after) {
        if (segment.first_sequence > next->first_sequence) {
            end_ = std::min(end_, segment.first_sequence);
        }
    }
    file_ = std::move(file);
    file_path_ = next->path;
    active_ = next->active;
    done_ = false;
    first_ = at_ = next->first_sequence;
    offset_ = 0;
    return true;
}

}  // namespace vigil::journal
