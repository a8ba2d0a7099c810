// SPDX-License-Identifier: Apache-2.0
#include "rules/match.h"

#include <algorithm>
#include <string_view>

#include "base/units.h"
#include "model/name_pattern.h"

namespace vigil::rules {
namespace {

using model::matches_pattern;

bool matches_path_or_ancestor(const std::string& pattern, std::string path) {
    while (!path.empty()) {
        if (matches_pattern(pattern, path)) {
            return true;
        }
        const size_t slash = path.rfind('/');
        if (slash == std::string::npos || path == "/") {
            return false;
        }
        path.resize(std::max<size_t>(slash, 1));
    }
    return false;
}

bool matches_component(const std::string& pattern, std::string_view path) {
    while (!path.empty()) {
        const size_t length = std::min(path.find('/'), path.size());
        if (length > 0 && matches_pattern(pattern, path.substr(0, length))) {
            return true;
        }
        path.remove_prefix(std::min(length + 1, path.size()));
    }
    return false;
}

}  // namespace

bool matches_cgroup(const std::string& pattern, const std::string& path) {
    return pattern.find('/') != std::string::npos ? matches_path_or_ancestor(pattern, path)
                                                  : matches_component(pattern, path);
}

bool is_uid(const std::string& user) {
    return !user.empty() && user.find_first_not_of("0123456789") == std::string::npos;
}

std::optional<uint32_t> uid_of(const std::string& user) {
    if (!is_uid(user)) {
        return std::nullopt;
    }
    const auto uid = parse_number(user, 0, UINT32_MAX);
    return uid ? std::optional(static_cast<uint32_t>(*uid)) : std::nullopt;
}

}  // namespace vigil::rules
