// SPDX-License-Identifier: Apache-2.0
// Users by name and by number, as getpwnam(3) and getpwuid(3) find them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

namespace vigil::host {

// Nothing where there is no such user, or it can't be looked up.
std::optional<uint32_t> find_uid(const std::string& name);

// Names of users, each looked up once.
class UserNames {
 public:
    // The number where it has none. Valid until the next call.
    const std::string& name(uint32_t uid);

 private:
    std::unordered_map<uint32_t, std::string> names_;
};

}  // namespace vigil::host
