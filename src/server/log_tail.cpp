// SPDX-License-Identifier: Apache-2.0
#include "server/log_tail.h"

#include "server/log_escape.h"

namespace vigil::server {

std::string LogTail::next() {
    constexpr size_t read_chunk_bytes = 64 << 10;
    std::string lines;
    // Unreadable lines are tried again with the next ones.
    (void)reader_.read(lines, read_chunk_bytes, state_->log().synced());
    std::string escaped;
    append_log_escaped(escaped, lines);
    return escaped;
}

}  // namespace vigil::server
