// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

namespace vigil::host {

// Caches names of users: each uid is looked up once.
class UserNames {
 public:
    // The uid in decimal if it has no name. Valid until the next call.
    const std::string& name(uint32_t uid);

 private:
    std::unordered_map<uint32_t, std::string> names_;
};

}  // namespace vigil::host
