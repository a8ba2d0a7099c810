// SPDX-License-Identifier: Apache-2.0
// All /proc reads of the monitor, with one budget for optional reads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/procfs.h"
#include "model/exec_image.h"
#include "process/process_key.h"

namespace vigil::process {

class ProcReader {
 public:
    // Beyond this rate, details of new processes stay unknown.
    static constexpr uint32_t max_reads_per_second = 500;

    // True if one more process may be read now; counts the read. For reads that only add detail.
    bool acquire_proc_read(uint64_t now_ns);

    // Counts a mandatory read: sweeps make one for each process and exec.
    void count_read(uint64_t now_ns);

    static std::vector<uint32_t> list() { return host::list_processes(); }
    static std::optional<host::ProcStat> stat(uint32_t pid) { return host::read_stat(pid); }

    // True if this process (pid and start time) still runs: it exists and is not a zombie.
    static bool is_running(const ProcessKey& key);
    // True if the process has exited but has not been waited for.
    static bool is_zombie(const ProcessKey& key);

    // The image of the process. Members that `known` (may be null) has keep their values.
    static model::ExecImagePtr image(const model::Process& process, const model::ExecImage* known);

    static std::optional<std::string> working_directory(uint32_t pid) {
        return host::read_working_directory(pid);
    }
    static std::optional<host::ProcCgroups> cgroups(uint32_t pid) {
        return host::read_cgroups(pid);
    }

 private:
    void begin_second(uint64_t now_ns);

    uint64_t second_begin_ns_ = 0;
    uint32_t reads_ = 0;
};

}  // namespace vigil::process
