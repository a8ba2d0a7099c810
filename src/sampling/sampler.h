// SPDX-License-Identifier: Apache-2.0
// A sample of every process each tick: from the kernel where that works, and from /proc what the
// kernel's own iterators leave out (on some machines process 1).
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
    // The best sweep that works here: there is always /proc.
    static Sampler open(const ScannerOptions& options);
    // Over this sweep; with `complete` it alone says what is there.
    Sampler(std::unique_ptr<ProcessScanner> scanner, bool complete);

    // One sample for each process, at now_ns (CLOCK_BOOTTIME). What `out` held is replaced. Where
    // the kernel's sweep fails, it is /proc's turn from then on.
    Result<void> sample(std::vector<model::Sample>& out, uint64_t now_ns);

    std::string_view name() const { return scanner_->name(); }
    // Why no sweep in the kernel works, or does any longer; empty if one does.
    const std::string& reason() const { return reason_; }

 private:
    void compare(const std::vector<model::Sample>& out);

    std::unique_ptr<ProcessScanner> scanner_;
    bool complete_;
    std::string reason_;
    // Both sorted.
    std::vector<uint32_t> hidden_pids_{1};  // asked of /proc each time
    std::vector<uint32_t>
        suspected_pids_;  // not in the last sweep; perhaps only born too late for it
    uint64_t compared_ns_ = 0;
};

}  // namespace vigil::sampling
