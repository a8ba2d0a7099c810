// SPDX-License-Identifier: Apache-2.0
#include "journal/tail.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <iterator>
#include <utility>

#include "base/fd.h"
#include "base/file.h"
#include "journal/segments.h"

namespace vigil::journal {
namespace {

constexpr size_t block_bytes = 64 << 10;
constexpr int max_attempts = 10;

// Reads `size` bytes of a file; fewer at its end.
Result<std::string_view> read_at(int fd, const std::string& path, uint64_t offset, size_t size,
                                 std::string& buffer) {
    buffer.resize(std::max(buffer.size(), size));
    while (true) {
        const ssize_t got = ::pread(fd, buffer.data(), size, static_cast<off_t>(offset));
        if (got >= 0) {
            return std::string_view(buffer.data(), static_cast<size_t>(got));
        }
        if (errno != EINTR) {
            return system_error("reading", path);
        }
    }
}

// The offset after the `count`th line end before `end`, counted backwards from 0; 0 if there are
// fewer.
Result<uint64_t> offset_after_line_end(int fd, const std::string& path, uint64_t end,
                                       uint64_t count) {
    std::string buffer;
    while (end > 0) {
        const uint64_t begin = end - std::min<uint64_t>(end, block_bytes);
        TRY_ASSIGN(const std::string_view bytes, read_at(fd, path, begin, end - begin, buffer));
        for (size_t at = bytes.rfind('\n'); at != std::string_view::npos;
             at = at == 0 ? std::string_view::npos : bytes.rfind('\n', at - 1)) {
            if (count == 0) {
                return begin + at + 1;
            }
            count--;
        }
        end = begin;
    }
    return 0;
}

// The lines in [begin, end), which consists of whole lines.
Result<void> read_lines(int fd, const std::string& path, uint64_t begin, uint64_t end,
                        std::vector<std::string>& lines) {
    std::string buffer;
    std::string line;
    while (begin < end) {
        const size_t size = std::min<uint64_t>(end - begin, block_bytes);
        TRY_ASSIGN(std::string_view bytes, read_at(fd, path, begin, size, buffer));
        if (bytes.empty()) {
            break;  // truncated meanwhile
        }
        begin += bytes.size();
        while (!bytes.empty()) {
            const size_t line_end = bytes.find('\n');
            const size_t length = std::min(line_end, bytes.size() - 1) + 1;
            // One excess byte is kept: it marks the line as too long.
            line += bytes.substr(0, std::min(length, max_line_bytes + 1 - line.size()));
            bytes.remove_prefix(length);
            if (line_end != std::string_view::npos) {
                if (line.size() <= max_line_bytes) {
                    lines.push_back(line);
                }
                line.clear();
            }
        }
    }
    return {};
}

// The last n of the first `line_count` lines of a file; none if it is gone.
Result<std::vector<std::string>> tail_of(const std::string& path, uint64_t line_count, size_t n) {
    std::vector<std::string> lines;
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!file && errno == ENOENT) {
        return lines;
    }
    struct stat info {};
    if (!file || ::fstat(file.get(), &info) != 0) {
        return system_error("opening", path);
    }
    uint64_t foreign_lines = 0;
    if (line_count != UINT64_MAX) {
        TRY_ASSIGN(const WholeLines whole, count_lines(path));
        foreign_lines = whole.count - std::min(whole.count, line_count);
    }
    const auto size = static_cast<uint64_t>(info.st_size);
    TRY_ASSIGN(const uint64_t end, offset_after_line_end(file.get(), path, size, foreign_lines));
    // The line end of the last line is the 0th.
    TRY_ASSIGN(const uint64_t begin, offset_after_line_end(file.get(), path, end, n));
    TRY(read_lines(file.get(), path, begin, end, lines));
    return lines;
}

Result<std::vector<std::string>> tail_of_all(const std::string& path,
                                             const std::vector<Segment>& rotated, size_t n) {
    TRY_ASSIGN(std::vector<std::string> lines, tail_of(path, UINT64_MAX, n));
    uint64_t end_sequence = 0;  // 0: the newest one, which owns all its lines
    for (auto segment = rotated.rbegin(); segment != rotated.rend() && lines.size() < n;
         ++segment) {
        const uint64_t own =
            end_sequence == 0 ? UINT64_MAX : end_sequence - segment->first_sequence;
        TRY_ASSIGN(std::vector<std::string> more, tail_of(segment->path, own, n - lines.size()));
        lines.insert(lines.begin(), std::make_move_iterator(more.begin()),
                     std::make_move_iterator(more.end()));
        end_sequence = segment->first_sequence;
    }
    return lines;
}

}  // namespace

Result<std::vector<std::string>> tail(const std::string& path, size_t n) {
    for (int i = 1;; i++) {
        TRY_ASSIGN(const std::vector<Segment> before, list_rotated(path));
        TRY_ASSIGN(std::vector<std::string> lines, tail_of_all(path, before, n));
        TRY_ASSIGN(const std::vector<Segment> after, list_rotated(path));
        // A rotation meanwhile could hide lines.
        if (same_newest(before, after) || i == max_attempts) {
            return lines;
        }
    }
}

}  // namespace vigil::journal
