// SPDX-License-Identifier: Apache-2.0
// Result of an attempt to load something into the kernel.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace vigil::host {

struct ProbeResult {
    bool supported = false;
    bool forbidden = false;  // EPERM: other privileges or limits may help
    std::string reason;      // why it failed, in one line; from the kernel if it reported a reason
};

ProbeResult supported();
ProbeResult missing(std::string reason);
ProbeResult denied(int error, const std::string& detail);

// Buffer for the verifier's log. Before 6.4 the kernel fails with ENOSPC if the log does not fit,
// whatever the real error is. Only pages that are written use memory.
class VerifierLog {
 public:
    static constexpr size_t size_bytes = 16 << 20;

    VerifierLog();
    char* data() { return bytes_.get(); }
    // The last line that is not statistics; empty if there is none.
    std::string last_error_line() const;

 private:
    std::unique_ptr<char[]> bytes_;
};

}  // namespace vigil::host
