// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/fd.h"
#include "base/text.h"

namespace vigil {
namespace {

std::string parent_directory(const std::string& path) {
    const size_t slash = path.rfind('/');
    if (slash == std::string::npos) {
        return ".";
    }
    return slash == 0 ? "/" : path.substr(0, slash);
}

Result<std::string> read_all(const Fd& file, const std::string& path, size_t limit_bytes) {
    struct stat info {};
    const size_t expected = ::fstat(file.get(), &info) == 0 && info.st_size > 0
                                ? static_cast<size_t>(info.st_size)
                                : size_t{4096};
    std::string text;
    size_t size = 0;
    while (size <= limit_bytes) {
        if (text.size() == size) {
            text.resize(std::min(limit_bytes + 1, std::max(expected + 1, size * 2)));
        }
        const ssize_t count = ::read(file.get(), text.data() + size, text.size() - size);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return system_error("reading", path);
        }
        if (count == 0) {
            break;
        }
        size += static_cast<size_t>(count);
    }
    text.resize(size);
    return text;
}

// ENOSPC of a new file, with space left: every file needs an inode.
bool lacks_inodes(const std::string& path) {
    struct statvfs info {};
    return (::statvfs(path.c_str(), &info) == 0 ||
            ::statvfs(parent_directory(path).c_str(), &info) == 0) &&
           info.f_files > 0 && info.f_favail == 0 && info.f_bavail > 0;
}

}  // namespace

Error system_error(std::string_view doing, std::string_view path) {
    const int number = errno;
    const bool no_inode = number == ENOSPC && lacks_inodes(std::string(path));
    Error error{
        ErrorCode::failed,
        fmt::format("{} '{}': {}", doing, escape_terminal(path),
                    no_inode ? "no inodes are left on that file system (df -i): delete files"
                             : std::strerror(number))};
    errno = number;
    return error;
}

Result<std::string> read_file(const std::string& path, size_t limit_bytes) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!file) {
        return system_error("opening", path);
    }
    return read_all(file, path, limit_bytes);
}

Result<std::optional<std::string>> read_optional_file(const std::string& path, size_t limit_bytes) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!file && errno == ENOENT) {
        return std::optional<std::string>();
    }
    if (!file) {
        return system_error("opening", path);
    }
    TRY_ASSIGN(std::string text, read_all(file, path, limit_bytes));
    return std::optional<std::string>(std::move(text));
}

bool may_exist(const std::string& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

Result<void> fsync_parent(const std::string& path) {
    const std::string directory = parent_directory(path);
    const Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // Some file systems can't sync a directory (EINVAL) and don't need to.
    if (!fd || (::fsync(fd.get()) != 0 && errno != EINVAL)) {
        return system_error("syncing", directory);
    }
    return {};
}

Result<void> make_directories(const std::string& path, mode_t mode) {
    if (path.empty()) {
        return usage_error("an empty name of a directory: nothing is written to /");
    }
    for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
        const std::string directory = path.substr(0, end);
        if (!directory.empty() && ::mkdir(directory.c_str(), mode) != 0 && errno != EEXIST) {
            return system_error("creating the directory", directory);
        }
        if (end == std::string::npos) {
            break;
        }
    }
    struct stat info {};
    if (::stat(path.c_str(), &info) == 0 && !S_ISDIR(info.st_mode)) {
        errno = ENOTDIR;
        return system_error("creating the directory", path);
    }
    return {};
}

bool write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0 && errno == EAGAIN) {
            pollfd poll{fd, POLLOUT, 0};
            (void)::poll(&poll, 1, -1);
            continue;
        }
        if (written < 0) {
            return false;
        }
        bytes.remove_prefix(static_cast<size_t>(written));
    }
    return true;
}

}  // namespace vigil
