// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace vigil::host {

// Captures libbpf's messages while the object exists, instead of printing them. One at a time.
class LibbpfLog {
 public:
    LibbpfLog();
    ~LibbpfLog();
    LibbpfLog(const LibbpfLog&) = delete;
    LibbpfLog& operator=(const LibbpfLog&) = delete;

    // The last message about a program, else the first one, without the prefix "libbpf: ".
    std::string last_error_line() const;
};

}  // namespace vigil::host
