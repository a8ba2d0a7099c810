// SPDX-License-Identifier: Apache-2.0
// File system calls of a writer, replaceable so that a test can fail or stop at any step. Each
// function behaves like the system call of its name, including errno.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>

namespace vigil::journal {

class FileSystem {
 public:
    FileSystem() = default;
    FileSystem(const FileSystem&) = delete;
    FileSystem& operator=(const FileSystem&) = delete;
    virtual ~FileSystem() = default;

    virtual int open(const std::string& path, int flags, mode_t mode);
    virtual ssize_t write(int fd, const char* bytes, size_t count);
    virtual int fdatasync(int fd);
    virtual int ftruncate(int fd, off_t size_bytes);
    virtual int rename(const std::string& from, const std::string& to);
    virtual int unlink(const std::string& path);
    // Makes the names in the directory of `path` durable.
    virtual int fsync_parent(const std::string& path);
};

FileSystem& real_file_system();

}  // namespace vigil::journal
