// SPDX-License-Identifier: Apache-2.0
#include "host/users.h"

#include <pwd.h>

#include <array>
#include <cerrno>
#include <vector>

namespace vigil::host {
namespace {

constexpr size_t max_names = 4096;
constexpr size_t min_entry_bytes = 1024;
constexpr size_t max_entry_bytes = 1 << 20;

}  // namespace

std::optional<uint32_t> find_uid(const std::string& name) {
    std::vector<char> text(min_entry_bytes);
    while (text.size() <= max_entry_bytes) {
        passwd entry{};
        passwd* found = nullptr;
        const int error = ::getpwnam_r(name.c_str(), &entry, text.data(), text.size(), &found);
        if (error == ERANGE) {
            text.resize(text.size() * 2);
        } else if (error != EINTR) {
            return found != nullptr ? std::optional(entry.pw_uid) : std::nullopt;
        }
    }
    return std::nullopt;
}

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
