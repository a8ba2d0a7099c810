// SPDX-License-Identifier: Apache-2.0
// Ways to take a sample of every process at once.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/sample.h"

namespace vigil::sampling {

class ProcessScanner {
 public:
    virtual ~ProcessScanner() = default;

    // One sample for each process that is there and not a zombie, in no particular order. What
    // `out` held is replaced; its memory is used again.
    virtual Result<void> scan(std::vector<model::Sample>& out) = 0;

    // What it is, for people.
    virtual std::string_view name() const = 0;
};

struct ScannerOptions {
    // The tracer's map of bpf/lib/processes.h, where network bytes are counted; -1: they are not.
    int processes_fd = -1;
    uint64_t expected_processes = 4096;  // grows by itself
};

// In the kernel, in one run of a program (6.7 and later).
Result<std::unique_ptr<ProcessScanner>> open_fast_scanner(const ScannerOptions& options);

// In the kernel, task by task.
Result<std::unique_ptr<ProcessScanner>> open_task_scanner(const ScannerOptions& options);

// By reading /proc. No network bytes.
std::unique_ptr<ProcessScanner> make_proc_scanner();

}  // namespace vigil::sampling
