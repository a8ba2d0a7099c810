// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace vigil::fuzz {

// A finding: say what and stop, so that the fuzzer keeps the input.
inline void require(bool holds, const char* what, std::string_view output) {
    if (!holds) {
        std::fprintf(stderr, "BROKEN: %s in: %.*s\n", what, static_cast<int>(output.size()),
                     output.data());
        std::abort();
    }
}

}  // namespace vigil::fuzz
