// SPDX-License-Identifier: Apache-2.0
// What became of a try to load something into the kernel.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace vigil::host {

struct ProbeResult {
    bool supported = false;
    bool forbidden = false;  // EPERM: it might work with other rights or limits
    std::string reason;      // why not, in one line: the kernel's, where it says one
};

ProbeResult supported();
ProbeResult missing(std::string reason);
ProbeResult denied(int error, const std::string& detail);

// Where the verifier writes. A kernel before 6.4 refuses with ENOSPC, whatever the real reason,
// when the log does not fit. Only the pages that are written take memory.
class VerifierLog {
 public:
    static constexpr size_t size_bytes = 16 << 20;

    VerifierLog();
    char* data() { return bytes_.get(); }
    // The last line that is no statistics; empty where there is none.
    std::string last_error_line() const;

 private:
    std::unique_ptr<char[]> bytes_;
};

}  // namespace vigil::host
