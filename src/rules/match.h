// SPDX-License-Identifier: Apache-2.0
// Compares the conditions of a rule with a process. Patterns are those of fnmatch(3) without flags:
// `*` and `?` match any character, including a slash; matching is case-sensitive.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/event.h"
#include "model/exec_image.h"

namespace vigil::rules {

// The names of a process: its comm, executable, script and the base name of its file, as far as
// known. `image` may be null.
std::vector<std::string> names_of(const model::Comm& comm, const model::ExecImage* image);

bool matches_any(const std::string& pattern, const std::vector<std::string>& names);

// A pattern with a slash is compared with the path and the path of each ancestor up to "/"; a
// pattern without one with each name on the path.
bool matches_cgroup(const std::string& pattern, const std::string& path);

// A rule's user that is given as a uid: digits only. Its value; empty if it is no uid.
bool is_uid(const std::string& user);
std::optional<uint32_t> uid_of(const std::string& user);

}  // namespace vigil::rules
