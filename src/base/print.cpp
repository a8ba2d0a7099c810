// SPDX-License-Identifier: Apache-2.0
#include "base/print.h"

#include <atomic>
#include <cerrno>

#include "base/file.h"

namespace vigil {
namespace {

std::atomic<int> first_output_error{0};

}  // namespace

void write_text(std::FILE* stream, std::string_view text) {
    const bool flushed = std::fflush(stream) == 0;
    const bool written = flushed && write_all(::fileno(stream), text);
    if (!written && errno != EPIPE && stream == stdout) {
        int none = 0;
        first_output_error.compare_exchange_strong(none, errno);
    }
}

int output_error() { return first_output_error; }

}  // namespace vigil
