// SPDX-License-Identifier: Apache-2.0
// Every /proc read of the monitor, with one budget for those that can be left out.
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
    // In a storm of processes what is beyond this stays unknown.
    static constexpr uint32_t max_reads_per_second = 500;

    // Whether one process may be read now; counts it if so. For reads that only add detail.
    bool acquire_proc_read(uint64_t now_ns);

    // Counts a read that cannot be left out: sweeps make one for each process and exec.
    void count_read(uint64_t now_ns);

    static std::vector<uint32_t> list() { return host::list_processes(); }
    static std::optional<host::ProcStat> stat(uint32_t pid) { return host::read_stat(pid); }

    // Whether this very process still runs: it is there, and is not a zombie.
    static bool is_running(const ProcessKey& key);
    // Whether it has ended but has not been waited for.
    static bool is_zombie(const ProcessKey& key);

    // What the process runs. Members that `known` (may be null) has keep its values.
    static model::ExecImagePtr image(const model::Process& process, const model::ExecImage* known);

    static std::optional<std::string> working_directory(uint32_t pid) {
        return host::read_working_directory(pid);
    }
    static std::optional<std::string> cgroup(uint32_t pid) { return host::read_cgroup(pid); }

 private:
    void begin_second(uint64_t now_ns);

    uint64_t second_begin_ns_ = 0;
    uint32_t reads_ = 0;
};

}  // namespace vigil::process
