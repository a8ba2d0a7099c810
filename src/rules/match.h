// SPDX-License-Identifier: Apache-2.0
// Compares the conditions of a rule with a process, by patterns (model/name_pattern.h). The names
// of a process are those of model/process_names.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace vigil::rules {

// A pattern with a slash is compared with the path and the path of each ancestor up to "/"; a
// pattern without one with each name on the path.
bool matches_cgroup(const std::string& pattern, const std::string& path);

// A rule's user that is given as a uid: digits only. Its value; empty if it is no uid.
bool is_uid(const std::string& user);
std::optional<uint32_t> uid_of(const std::string& user);

}  // namespace vigil::rules
