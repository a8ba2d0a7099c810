// SPDX-License-Identifier: Apache-2.0
#include "query/name_match.h"

#include <algorithm>

namespace vigil::query {

std::string find_literal(std::string_view pattern) {
    // A bracket expression matches one character only.
    pattern = pattern.substr(0, pattern.find('['));
    const auto is_literal = [](char c) {
        return c >= 0x20 && c < 0x7f && c != '*' && c != '?' && c != '\\' && c != '"';
    };
    std::string_view longest;
    while (!pattern.empty()) {
        const auto end = std::find_if_not(pattern.begin(), pattern.end(), is_literal);
        const auto size = static_cast<size_t>(end - pattern.begin());
        if (size > longest.size()) {
            longest = pattern.substr(0, size);
        }
        pattern.remove_prefix(std::min(pattern.size(), size + 1));
    }
    return std::string(longest);
}

}  // namespace vigil::query
