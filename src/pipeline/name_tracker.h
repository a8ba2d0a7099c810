// SPDX-License-Identifier: Apache-2.0
// Finds the processes that a name selects: by their names, executables, scripts and paths as rules
// and queries do (model/process_names.h), of which an event has only the first 15 bytes of one. On
// the thread of the reader.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "model/event.h"
#include "process/proc_reader.h"

namespace vigil::pipeline {

class NameTracker {
 public:
    static constexpr uint32_t max_lookups_per_second = process::ProcReader::max_reads_per_second;

    explicit NameTracker(std::string pattern) : pattern_(std::move(pattern)) {}

    // Reads the processes that run already. Call it once events are being recorded.
    void load_all();

    // In the order of the ring, before the event is filtered; needs forks, execs and exits.
    void apply(const model::Event& event);
    // After an exit was filtered: its pid may be given to another process.
    void forget(const model::Event& event);

    // Of a process that is not known its comm alone counts, and /proc if it still runs.
    bool matches(uint32_t pid, uint64_t start_ns, const model::Comm& comm);

    // By its comm alone, of which the kernel keeps 15 bytes.
    static bool matches_comm(const std::string& pattern, const model::Comm& comm);

    size_t size() const { return images_.size(); }

    // How often a process counted as another one only because /proc could not be read: the budget
    // was used up.
    uint64_t refused_lookups() const { return refused_lookups_; }

 private:
    struct Image {
        uint64_t start_ns = 0;
        bool matches = false;
        bool complete = true;  // false: only /proc has the name of its executable
    };

    bool read(uint32_t pid, uint64_t start_ns);

    std::string pattern_;
    std::unordered_map<uint32_t, Image> images_;  // by pid
    process::ProcReader proc_;                    // the budget for processes that are not known
    uint64_t now_ns_ = 0;
    uint64_t refused_lookups_ = 0;
};

}  // namespace vigil::pipeline
