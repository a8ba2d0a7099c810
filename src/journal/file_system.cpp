// SPDX-License-Identifier: Apache-2.0
#include "journal/file_system.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

#include "base/file.h"

namespace vigil::journal {

int FileSystem::open(const std::string& path, int flags, mode_t mode) {
    return ::open(path.c_str(), flags, mode);
}

ssize_t FileSystem::write(int fd, const char* bytes, size_t count) {
    return ::write(fd, bytes, count);
}

int FileSystem::fdatasync(int fd) { return ::fdatasync(fd); }

int FileSystem::ftruncate(int fd, off_t size_bytes) { return ::ftruncate(fd, size_bytes); }

int FileSystem::rename(const std::string& from, const std::string& to) {
    return ::rename(from.c_str(), to.c_str());
}

int FileSystem::unlink(const std::string& path) { return ::unlink(path.c_str()); }

int FileSystem::fsync_parent(const std::string& path) { return vigil::fsync_parent(path) ? 0 : -1; }

FileSystem& real_file_system() {
    static FileSystem file_system;
    return file_system;
}

}  // namespace vigil::journal
