// SPDX-License-Identifier: Apache-2.0
// Patterns for names of processes, units, users and cgroups, as a user writes them.
#pragma once

#include <string_view>

namespace vigil::model {

// Equal byte for byte, or matched as a pattern of glob(7): `*`, `?` and bracket expressions match
// any character, including a slash and a leading dot. A character is one of UTF-8; a byte that is
// none counts as one. Ranges compare code points. A backslash quotes `*`, `?`, `[`, `]` and itself;
// before anything else, as in systemd's "\x2d", it stands for itself. Takes time proportional to
// the product of both lengths, for each `[` without its `]` once more.
bool matches_pattern(std::string_view pattern, std::string_view name);

bool has_wildcards(std::string_view pattern);

}  // namespace vigil::model
