// SPDX-License-Identifier: Apache-2.0
// Methods of sampling all processes at once.
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

    // Replaces the content of `out` by one sample for each process that is not a zombie, in no
    // particular order. The memory of `out` is reused.
    virtual Result<void> scan(std::vector<model::Sample>& out) = 0;

    // The method's name in messages.
    virtual std::string_view name() const = 0;
};

struct ScannerOptions {
    // The tracer's map of bpf/lib/processes.h if network bytes are counted; -1: they are not.
    int processes_fd = -1;
    uint64_t expected_processes = 4096;  // grows automatically
};

// In the kernel, in one run of a program (6.7 and later).
Result<std::unique_ptr<ProcessScanner>> open_fast_scanner(const ScannerOptions& options);

// In the kernel, task by task.
Result<std::unique_ptr<ProcessScanner>> open_task_scanner(const ScannerOptions& options);

// From /proc, without network bytes.
std::unique_ptr<ProcessScanner> make_proc_scanner();

}  // namespace vigil::sampling
