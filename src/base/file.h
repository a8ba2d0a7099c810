// SPDX-License-Identifier: Apache-2.0
// Whole files: read with a bound, and replaced atomically, also across a crash.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace vigil {

// "opening 'x': No such file or directory", from errno. Leaves errno unchanged.
Error system_error(std::string_view doing, std::string_view path);

// The content, at most `limit_bytes` + 1 bytes: a longer result means that the file exceeds the
// limit. Also safe for endless files. Pipes are read to their end. Errors leave errno set.
Result<std::string> read_file(const std::string& path, size_t limit_bytes);

// The same; nullopt if the file does not exist.
Result<std::optional<std::string>> read_optional_file(const std::string& path, size_t limit_bytes);

// Replaces or creates the file atomically: at any moment either the old or the new content is
// there, also after a power cut. `mode` applies to the new file regardless of the umask.
Result<void> replace_file(const std::string& path, std::string_view content, mode_t mode);

// False only where it is certain that there is no such file. True also where its directory can't be
// searched: reading the file then says why not.
bool may_exist(const std::string& path);

// Makes creations, renames and removals in the directory of `path` durable.
Result<void> fsync_parent(const std::string& path);

// Creates the directory and its parents. Existing directories are not changed.
Result<void> make_directories(const std::string& path, mode_t mode);

// Writes all bytes to `fd`, repeating after partial writes. False with errno set.
bool write_all(int fd, std::string_view bytes);

}  // namespace vigil
