// SPDX-License-Identifier: Apache-2.0
// A sample of every process per tick: from the kernel if possible, and from /proc for processes
// that the kernel's iterators omit (on some machines process 1). Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sampling/process_scanner.h"

namespace vigil::sampling {

class Sampler {
 public:
    // The best method that works here; /proc always does.
    static Sampler open(const ScannerOptions& options);
    // Samples with `scanner`; if `complete`, it omits no process.
    Sampler(std::unique_ptr<ProcessScanner> scanner, bool complete);

    // Replaces the content of `out` by one sample for each process, at now_ns (CLOCK_BOOTTIME). If
    // the kernel's sweep fails, /proc is used from then on.
    Result<void> sample(std::vector<model::Sample>& out, uint64_t now_ns);

    std::string_view name() const { return scanner_->name(); }
    // Why no kernel sweep works, or why it stopped working; empty if one does.
    const std::string& reason() const { return reason_; }

 private:
    void compare(const std::vector<model::Sample>& out);

    std::unique_ptr<ProcessScanner> scanner_;
    bool complete_;
    std::string reason_;
    // Both are sorted.
    std::vector<uint32_t> hidden_pids_{1};  // read from /proc in each sample
    std::vector<uint32_t> suspected_pids_;  // missing from one sweep so far
    uint64_t compared_ns_ = 0;
};

}  // namespace vigil::sampling
