// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <utility>

namespace vigil {

// Writes to a standard stream. Failed writes are dropped: a message must not end the run. The
// stream's error flag then stays set (ferror(3)), except after EPIPE: the reader of a pipe may
// leave.
template <class... Values>
void print(std::FILE* stream, fmt::format_string<Values...> format, Values&&... values) {
    const std::string text = fmt::format(format, std::forward<Values>(values)...);
    const bool written = std::fwrite(text.data(), 1, text.size(), stream) == text.size();
    if ((std::fflush(stream) != 0 || !written) && errno == EPIPE) {
        std::clearerr(stream);
    }
}

}  // namespace vigil
