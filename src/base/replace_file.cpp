// SPDX-License-Identifier: Apache-2.0
// Replaces a file by a new one beside it and rename(2). What rename(2) would lose (hard links, an
// owner or a label that this process may not give) is kept by writing into the file instead.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "base/fd.h"
#include "base/file.h"
#include "base/text.h"

namespace vigil {
namespace {

constexpr int max_links = 40;  // as the kernel follows
constexpr mode_t mode_bits = 07777;
constexpr mode_t other_bits = 07;

Error refusal(const std::string& path, std::string_view reason) {
    return {ErrorCode::failed,
            fmt::format("'{}' {}: it is left as it is", escape_terminal(path), reason)};
}

// The attributes of `from` that are not the content's: labels, access lists, the user's own.
bool copy_attributes(int from, int to) {
    std::string names(64 << 10, '\0');
    const ssize_t size = ::flistxattr(from, names.data(), names.size());
    if (size < 0) {
        return errno == ENOTSUP || errno == ENOSYS;
    }
    std::string value(64 << 10, '\0');
    for (size_t at = 0; at < static_cast<size_t>(size); at += ::strlen(names.data() + at) + 1) {
        const char* name = names.data() + at;
        // Signatures of the old content.
        if (std::string_view(name) == "security.ima" || std::string_view(name) == "security.evm") {
            continue;
        }
        const ssize_t bytes = ::fgetxattr(from, name, value.data(), value.size());
        if (bytes < 0 || ::fsetxattr(to, name, value.data(), static_cast<size_t>(bytes), 0) != 0) {
            return false;
        }
    }
    return true;
}

// Gives the draft what the old file has. False where this process may not.
bool copy_ownership(int old_file, const struct stat& old, int draft, mode_t mode) {
    struct stat info {};
    const bool owned =
        ::fstat(draft, &info) == 0 && ((info.st_uid == old.st_uid && info.st_gid == old.st_gid) ||
                                       ::fchown(draft, old.st_uid, old.st_gid) == 0);
    return owned && copy_attributes(old_file, draft) && ::fchmod(draft, mode) == 0;
}

// Not atomic for readers. The draft is on the disk meanwhile, and stays where this fails.
Result<void> write_in_place(const std::string& path, const std::string& draft,
                            std::string_view content) {
    const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
    if (!file) {
        Error error = system_error("writing", path);
        ::unlink(draft.c_str());
        return error;
    }
    if (!write_all(file.get(), content) ||
        ::ftruncate(file.get(), static_cast<off_t>(content.size())) != 0 ||
        ::fdatasync(file.get()) != 0) {
        Error error = system_error("writing", path);
        error.context += fmt::format("; the whole new content is in '{}'", escape_terminal(draft));
        return error;
    }
    ::unlink(draft.c_str());
    return {};
}

// What stands at the path: nothing (st_nlink 0) or a regular file.
Result<struct stat> stat_regular(const std::string& path, const std::string& target) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) {
        info = {};
        return errno == ENOENT ? Result<struct stat>(info) : system_error("looking at", path);
    }
    struct stat named {};
    if (!S_ISREG(info.st_mode)) {
        return refusal(path, "is not a regular file");
    }
    // A link of /proc names a file that may be elsewhere, or deleted.
    if (::lstat(target.c_str(), &named) != 0 || named.st_dev != info.st_dev ||
        named.st_ino != info.st_ino) {
        return refusal(path, "is a link to a file that has no name here");
    }
    return info;
}

}  // namespace

Result<std::string> resolve_links(std::string path) {
    for (int i = 0; i < max_links; i++) {
        std::string link(4096, '\0');
        const ssize_t size = ::readlink(path.c_str(), link.data(), link.size());
        if (size < 0) {
            return path;  // no link
        }
        link.resize(static_cast<size_t>(size));
        const size_t slash = path.rfind('/');
        const bool relative = !link.starts_with('/') && slash != std::string::npos;
        path.resize(relative ? slash + 1 : 0);
        path += link;
    }
    errno = ELOOP;
    return system_error("opening", path);
}

Result<void> replace_file(const std::string& path, std::string_view content, mode_t mode,
                          const std::function<Result<void>()>& check) {
    TRY_ASSIGN(const std::string target, resolve_links(path));
    TRY_ASSIGN(const struct stat old, stat_regular(path, target));
    const bool exists = old.st_nlink > 0;
    if (exists) {
        // What the new file must not show to everybody, an old mode does not either.
        mode = old.st_mode & mode_bits & ~(other_bits & ~mode);
    }
    // Of this process alone: two that write the same file must not share their halves.
    const std::string draft = fmt::format("{}.{}.new", target, ::getpid());
    ::unlink(draft.c_str());
    const Fd file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file) {
        return system_error("creating", draft);
    }
    const auto failed = [&](Error error) {
        ::unlink(draft.c_str());
        return error;
    };
    const Fd old_file(exists ? ::open(target.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1);
    const bool keeps_all =
        exists ? old.st_nlink == 1 && copy_ownership(old_file.get(), old, file.get(), mode)
               : ::fchmod(file.get(), mode) == 0;
    if (!write_all(file.get(), content) || ::fdatasync(file.get()) != 0) {
        return failed(system_error("writing", path));
    }
    if (check) {
        if (auto allowed = check(); !allowed) {
            return failed(std::move(allowed.error()));
        }
    }
    if (!keeps_all && exists) {
        return write_in_place(target, draft, content);
    }
    if (!keeps_all || ::rename(draft.c_str(), target.c_str()) != 0) {
        // A mount point: a file that was given to a container.
        return errno == EBUSY && exists ? write_in_place(target, draft, content)
                                        : Result<void>(failed(system_error("writing", path)));
    }
    return fsync_parent(target);
}

}  // namespace vigil
