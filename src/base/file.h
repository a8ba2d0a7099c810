// SPDX-License-Identifier: Apache-2.0
// Whole files: read with a bound, and replaced atomically, also across a crash.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace vigil {

// "opening 'x': No such file or directory", from errno. Leaves errno unchanged. A file system that
// has space but no inodes left is reported as such.
Error system_error(std::string_view doing, std::string_view path);

// The content, at most `limit_bytes` + 1 bytes: a longer result means that the file exceeds the
// limit. Also safe for endless files. Pipes are read to their end. Errors leave errno set.
Result<std::string> read_file(const std::string& path, size_t limit_bytes);

// The same; nullopt if the file does not exist.
Result<std::optional<std::string>> read_optional_file(const std::string& path, size_t limit_bytes);

// The path that a symbolic link finally names, where there may be no file; else the path itself.
Result<std::string> resolve_links(std::string path);

// Replaces or creates the file: either the old content or the new one is there at any moment,
// also after a power cut. A symbolic link stays, its target is replaced. Owner, mode, labels and
// access lists of a file that exists are kept (less what `mode` denies to others); a new one gets
// `mode`, whatever the umask. A file whose hard links or owner rename(2) would lose, or that is a
// mount point, is written in place, with the new content durable beside it until that is done.
// What is no regular file is refused. `check` is called last, before anything changes: its error
// leaves the file as it is.
Result<void> replace_file(const std::string& path, std::string_view content, mode_t mode,
                          const std::function<Result<void>()>& check = {});

// False only where it is certain that there is no such file. True also where its directory can't be
// searched: reading the file then says why not.
bool may_exist(const std::string& path);

// Makes creations, renames and removals in the directory of `path` durable.
Result<void> fsync_parent(const std::string& path);

// Creates the directory and its parents. Existing directories are not changed.
Result<void> make_directories(const std::string& path, mode_t mode);

// Writes all bytes to `fd`, also where the kernel takes them in parts; a descriptor
// that does not block and is full is waited for. False with errno set.
bool write_all(int fd, std::string_view bytes);

}  // namespace vigil
