// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace vigil::output {

// Whether write(2) to this file can wait for a reader: a pipe, a socket or a terminal, no regular
// file. True where that is not known.
bool can_block(int fd);

}  // namespace vigil::output
