// SPDX-License-Identifier: Apache-2.0
// Users by name and by number, as getpwnam(3) and getpwuid(3) find them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

namespace vigil::host {

// Empty if there is no such user, or the look-up fails.
std::optional<uint32_t> find_uid(const std::string& name);

// Caches names of users: each uid is looked up once.
class UserNames {
 public:
    // The uid in decimal if it has no name. Valid until the next call.
    const std::string& name(uint32_t uid);

 private:
    std::unordered_map<uint32_t, std::string> names_;
};

}  // namespace vigil::host
