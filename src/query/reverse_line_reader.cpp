// SPDX-License-Identifier: Apache-2.0
#include "query/reverse_line_reader.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/file.h"
#include "journal/segments.h"

namespace vigil::query {
namespace {

constexpr size_t block_bytes = 256 << 10;
constexpr int max_tries = 10;  // to list a directory while it changes

std::string directory_of(const std::string& path) {
    const size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

// A regular file and its size; no file if it is gone or of another type.
struct OpenedFile {
    Fd file;
    uint64_t size_bytes = 0;
};
Result<OpenedFile> open_segment(const std::string& path) {
    OpenedFile opened;
    opened.file = Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat info {};
    if (!opened.file && (errno == ENOENT || errno == ELOOP)) {
        return opened;
    }
    if (!opened.file || ::fstat(opened.file.get(), &info) != 0) {
        return system_error("opening", path);
    }
    if (!S_ISREG(info.st_mode)) {
        opened.file.reset();
        return opened;
    }
    opened.size_bytes = static_cast<uint64_t>(info.st_size);
    return opened;
}

}  // namespace

Result<ReverseLineReader> ReverseLineReader::open(const std::string& path) {
    ReverseLineReader lines;
    if (!may_exist(directory_of(path))) {
        return lines;
    }
    for (int i = 1;; i++) {
        TRY_ASSIGN(const auto before, journal::list_rotated(path));
        TRY_ASSIGN(OpenedFile active, open_segment(path));
        TRY_ASSIGN(const auto after, journal::list_rotated(path));
        // A rotation between the two listings could hide a segment.
        if (!journal::same_newest(before, after) && i < max_tries) {
            continue;
        }
        for (const journal::Segment& segment : before) {
            lines.rotated_.push_back(segment.path);
        }
        if (active.file) {
            lines.start_segment(std::move(active.file), path, active.size_bytes);
        }
        return lines;
    }
}

void ReverseLineReader::start_segment(Fd file, std::string path, uint64_t size_bytes) {
    file_ = std::move(file);
    path_ = std::move(path);
    offset_ = size_bytes;
    begin_ = end_ = buffer_.size();
    torn_ = true;
}

// False: there is none left.
Result<bool> ReverseLineReader::open_next() {
    while (!rotated_.empty()) {
        const std::string path = std::move(rotated_.back());
        rotated_.pop_back();
        TRY_ASSIGN(OpenedFile segment, open_segment(path));
        if (segment.file) {
            start_segment(std::move(segment.file), path, segment.size_bytes);
            return true;
        }
    }
    return false;
}

// Removes the line from `begin` on from the buffer, with the line end before it.
std::string_view ReverseLineReader::pop_line(size_t begin) {
    const std::string_view line(buffer_.data() + begin, end_ - begin);
    end_ = begin - std::min(begin - begin_, size_t{1});
    return line;
}

Result<std::optional<std::string_view>> ReverseLineReader::next() {
    while (true) {
        if (!file_) {
            TRY_ASSIGN(const bool opened, open_next());
            if (!opened) {
                return std::optional<std::string_view>();
            }
        }
        const void* found = ::memrchr(buffer_.data() + begin_, '\n', end_ - begin_);
        if (found == nullptr && offset_ > 0) {
            TRY(fill());
            continue;
        }
        const size_t begin =
            found != nullptr
                ? static_cast<size_t>(static_cast<const char*>(found) - buffer_.data()) + 1
                : begin_;
        const std::string_view line = pop_line(begin);
        if (found == nullptr) {
            file_.reset();  // that was the first line of the file
        }
        // Its length with the line end.
        if (!std::exchange(torn_, false) && line.size() < journal::max_line_bytes) {
            return std::optional(line);
        }
    }
}

// Reads the block that precedes the buffered bytes in the file.
Result<void> ReverseLineReader::fill() {
    const size_t wanted = std::min<uint64_t>(offset_, block_bytes);
    // Of a line that is too long only enough is kept to recognise it as such.
    const size_t kept = std::min(end_ - begin_, journal::max_line_bytes);
    if (buffer_.size() < kept + wanted) {
        std::string larger(kept + block_bytes, '\0');
        std::memcpy(larger.data() + larger.size() - kept, buffer_.data() + end_ - kept, kept);
        buffer_.swap(larger);
    } else {
        std::memmove(buffer_.data() + buffer_.size() - kept, buffer_.data() + end_ - kept, kept);
    }
    end_ = buffer_.size();
    begin_ = end_ - kept - wanted;
    offset_ -= wanted;
    for (size_t done = 0; done < wanted;) {
        const ssize_t got = ::pread(file_.get(), buffer_.data() + begin_ + done, wanted - done,
                                    static_cast<off_t>(offset_ + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            Error error = system_error("reading", path_);
            file_.reset();
            return error;
        }
        if (got == 0) {  // the file was truncated meanwhile, and the buffered bytes with it
            end_ = begin_ + done;
            torn_ = true;
            break;
        }
        done += static_cast<size_t>(got);
    }
    return {};
}

}  // namespace vigil::query
