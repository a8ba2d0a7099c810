// SPDX-License-Identifier: Apache-2.0
// What a rule says about a process, compared with the process. Patterns are those of fnmatch(3)
// without flags: `*` and `?` match any character, also a slash; case counts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/event.h"
#include "model/exec_image.h"

namespace vigil::rules {

// What a process is called: its comm, executable, script and base name of its file, as far as
// they are known. `image` may be null.
std::vector<std::string> names_of(const model::Comm& comm, const model::ExecImage* image);

bool matches_any(const std::string& pattern, const std::vector<std::string>& names);

// A pattern with a slash is compared with the path and with that of each ancestor, down to "/";
// one without with each name on the path.
bool matches_cgroup(const std::string& pattern, const std::string& path);

// The uid of a user of this machine (getpwnam(3)); digits are the uid itself. Absent: no such user.
std::optional<uint32_t> uid_of(const std::string& user);

}  // namespace vigil::rules
