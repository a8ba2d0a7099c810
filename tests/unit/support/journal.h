// SPDX-License-Identifier: Apache-2.0
// Journals whose lines say their own number, and a disk that fails when a test wants it to.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "journal/file_system.h"
#include "journal/writer.h"

namespace vigil::test {

// "17 xxxx\n", of this size.
std::string numbered_line(uint64_t number, size_t size_bytes = 20);
std::string numbered_lines(uint64_t first, uint64_t last, size_t size_bytes = 20);

// Reads the journal from its oldest line on: each must say its number and follow the one before.
// The numbers of the first and of the last (0: none); what is wrong, or "".
struct Content {
    uint64_t first = 0;
    uint64_t last = 0;
    std::string wrong;
};
Content read_numbered(const std::string& path);

std::string content_of(const std::string& path);
// The names in a directory, sorted, but for the lock and the manifest.
std::vector<std::string> names_in(const std::string& directory);

enum class Step { open, write, fdatasync, ftruncate, rename, unlink, fsync_parent };

class TestFileSystem : public journal::FileSystem {
 public:
    // Asked before each step, on the thread that takes it: 0, or the errno that it fails with.
    std::function<int(Step)> fails;
    // How much of a write is done; to be asked for the rest is another step.
    std::function<size_t(size_t)> written;
    bool skips_sync = false;    // to sync files, in no time
    std::atomic<int> syncs{0};  // of files, that worked

    int open(const std::string& path, int flags, mode_t mode) override;
    ssize_t write(int fd, const char* bytes, size_t count) override;
    int fdatasync(int fd) override;
    int ftruncate(int fd, off_t size_bytes) override;
    int rename(const std::string& from, const std::string& to) override;
    int unlink(const std::string& path) override;
    int fsync_parent(const std::string& path) override;

 private:
    bool fails_at(Step step) const;
};

// What a writer has told.
class WriterEventLog {
 public:
    journal::WriterEvents events();
    std::vector<std::string> errors() const;
    uint64_t synced() const;
    // Lines that the bounds have cost, and whether they were told in order and without a gap.
    uint64_t removed() const;
    bool removed_in_order() const;

 private:
    mutable std::mutex mutex_;
    std::vector<std::string> errors_;
    uint64_t synced_ = 0;
    uint64_t removed_ = 0;
    uint64_t removed_end_ = 0;
    bool removed_in_order_ = true;
};

}  // namespace vigil::test
