// SPDX-License-Identifier: Apache-2.0
// An agent without real events: the project's spool and client, in a process that adds numbered
// lines as fast as the disk allows, and reports which are durable.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/fd.h"
#include "processes.h"

namespace vigil::tests {

struct LoadOptions {
    std::string directory;
    std::string name = "load";
    uint16_t port = 7411;
    uint64_t queue_bytes = 256 << 20;
    int64_t first = 0;         // number of the first line
    int64_t most = INT64_MAX;  // lines; then it waits
    size_t line_bytes = 200;
    size_t batch_lines = 500;  // max lines between two waits for the disk
    uint64_t seed = 1;
    // Waits for the disk after each batch, and reports; otherwise it continues, and lines may be
    // dropped.
    bool waits_for_disk = true;
};

// Started by the constructor. Killed with the object.
class LoadAgent {
 public:
    explicit LoadAgent(const LoadOptions& options);
    LoadAgent(const LoadAgent&) = delete;
    LoadAgent& operator=(const LoadAgent&) = delete;
    ~LoadAgent();

    pid_t pid() const { return pid_; }

    // One above the last line reported as durable so far.
    int64_t durable();
    // One above the last line reported as created so far.
    int64_t made();

    ExitResult kill();
    // Creates no more lines, waits until the server has acknowledged all, and exits. False, and the
    // test fails, if that takes more than a minute.
    bool drain();

 private:
    void read_new();

    pid_t pid_ = -1;
    Fd reports_;
    int64_t first_;
    int64_t durable_;
    int64_t made_;
    bool runs_ = false;
    bool empty_ = false;
};

// Main function of the program executed as `load ...`.
int run_load_agent(int argc, char** argv);

}  // namespace vigil::tests
