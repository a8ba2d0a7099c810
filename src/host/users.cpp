// SPDX-License-Identifier: Apache-2.0
#include "host/users.h"

#include <pwd.h>

#include <array>

namespace vigil::host {
namespace {

constexpr size_t max_names = 4096;

}  // namespace

const std::string& UserNames::name(uint32_t uid) {
    if (const auto it = names_.find(uid); it != names_.end()) {
        return it->second;
    }
    if (names_.size() >= max_names) {
        names_.clear();
    }
    std::array<char, 16 << 10> space{};
    passwd entry{};
    passwd* found = nullptr;
    ::getpwuid_r(uid, &entry, space.data(), space.size(), &found);
    return names_[uid] = found != nullptr ? found->pw_name : std::to_string(uid);
}

}  // namespace vigil::host
