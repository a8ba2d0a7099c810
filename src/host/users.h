// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

namespace vigil::host {

// Names of users, each asked for once.
class UserNames {
 public:
    // The number where it has none. Valid until the next call.
    const std::string& name(uint32_t uid);

 private:
    std::unordered_map<uint32_t, std::string> names_;
};

}  // namespace vigil::host
