// SPDX-License-Identifier: Apache-2.0
#include "journal/disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

#include "base/file.h"

namespace vigil::journal {

int Disk::open(const std::string& path, int flags, mode_t mode) {
    return ::open(path.c_str(), flags, mode);
}

ssize_t Disk::write(int fd, const char* bytes, size_t count) { return ::write(fd, bytes, count); }

int Disk::fdatasync(int fd) { return ::fdatasync(fd); }

int Disk::ftruncate(int fd, off_t size_bytes) { return ::ftruncate(fd, size_bytes); }

int Disk::rename(const std::string& from, const std::string& to) {
    return ::rename(from.c_str(), to.c_str());
}

int Disk::unlink(const std::string& path) { return ::unlink(path.c_str()); }

int Disk::sync_folder(const std::string& path) { return sync_folder_of(path) ? 0 : -1; }

Disk& real_disk() {
    static Disk disk;
    return disk;
}

}  // namespace vigil::journal
