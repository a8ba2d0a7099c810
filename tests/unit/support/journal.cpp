// SPDX-License-Identifier: Apache-2.0
#include "support/journal.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "journal/reader.h"

namespace vigil::test {

std::string numbered_line(uint64_t number, size_t size_bytes) {
    std::string line = std::to_string(number) + ' ';
    line.resize(std::max(line.size(), size_bytes - 1), 'x');
    return line + '\n';
}

std::string numbered_lines(uint64_t first, uint64_t last, size_t size_bytes) {
    std::string lines;
    for (uint64_t i = first; i <= last; i++) {
        lines += numbered_line(i, size_bytes);
    }
    return lines;
}

Content read_numbered(const std::string& path) {
    Content content;
    journal::Reader reader(path, 1);
    while (content.wrong.empty()) {
        std::string lines;
        const auto count = reader.read(lines, 64 << 10);
        if (!count) {
            content.wrong = count.error().context;
            break;
        }
        if (*count == 0) {
            break;
        }
        uint64_t sequence = reader.next_sequence() - *count;
        for (size_t begin = 0; begin < lines.size(); sequence++) {
            const uint64_t number = std::strtoull(lines.c_str() + begin, nullptr, 10);
            if (number != sequence || (content.last != 0 && sequence != content.last + 1)) {
                content.wrong = "line " + std::to_string(sequence) + " is '" +
                                lines.substr(begin, 30) + "' and comes after line " +
                                std::to_string(content.last);
                break;
            }
            content.first = content.first == 0 ? sequence : content.first;
            content.last = sequence;
            begin = lines.find('\n', begin) + 1;
        }
    }
    return content;
}

std::string content_of(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::vector<std::string> names_in(const std::string& directory) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        if (entry.path().extension() != ".lock" && entry.path().extension() != ".segments") {
            names.push_back(entry.path().filename());
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

bool TestFileSystem::fails_at(Step step) const {
    const int error = fails ? fails(step) : 0;
    errno = error;
    return error != 0;
}

int TestFileSystem::open(const std::string& path, int flags, mode_t mode) {
    return fails_at(Step::open) ? -1 : FileSystem::open(path, flags, mode);
}

ssize_t TestFileSystem::write(int fd, const char* bytes, size_t count) {
    if (fails_at(Step::write)) {
        return -1;
    }
    return FileSystem::write(fd, bytes, written ? std::min(count, written(count)) : count);
}

int TestFileSystem::fdatasync(int fd) {
    const int result = fails_at(Step::fdatasync) ? -1 : skips_sync ? 0 : FileSystem::fdatasync(fd);
    syncs += result == 0 ? 1 : 0;
    return result;
}

int TestFileSystem::ftruncate(int fd, off_t size_bytes) {
    return fails_at(Step::ftruncate) ? -1 : FileSystem::ftruncate(fd, size_bytes);
}

int TestFileSystem::rename(const std::string& from, const std::string& to) {
    return fails_at(Step::rename) ? -1 : FileSystem::rename(from, to);
}

int TestFileSystem::unlink(const std::string& path) {
    return fails_at(Step::unlink) ? -1 : FileSystem::unlink(path);
}

int TestFileSystem::fsync_parent(const std::string& path) {
    return fails_at(Step::fsync_parent) ? -1 : FileSystem::fsync_parent(path);
}

journal::WriterEvents WriterEventLog::events() {
    journal::WriterEvents events;
    events.on_synced = [this](uint64_t sequence) {
        const std::lock_guard lock(mutex_);
        synced_ = sequence;
    };
    events.on_removed = [this](uint64_t first, uint64_t count) {
        const std::lock_guard lock(mutex_);
        removed_in_order_ &= removed_end_ == 0 || removed_end_ == first;
        removed_end_ = first + count;
        removed_ += count;
    };
    events.on_error = [this](const std::string& text) {
        const std::lock_guard lock(mutex_);
        errors_.push_back(text);
    };
    return events;
}

std::vector<std::string> WriterEventLog::errors() const {
    const std::lock_guard lock(mutex_);
    return errors_;
}

uint64_t WriterEventLog::synced() const {
    const std::lock_guard lock(mutex_);
    return synced_;
}

uint64_t WriterEventLog::removed() const {
    const std::lock_guard lock(mutex_);
    return removed_;
}

bool WriterEventLog::removed_in_order() const {
    const std::lock_guard lock(mutex_);
    return removed_in_order_;
}

}  // namespace vigil::test
