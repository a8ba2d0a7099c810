// SPDX-License-Identifier: Apache-2.0
// Loads the programs, attaches them, and opens a reader on their ring.
#pragma once

#include <linux/types.h>

#include <cstdint>
#include <memory>
#include <string>

#include "abi/control.h"
#include "base/result.h"
#include "capture/hooks.h"
#include "capture/ring_reader.h"

namespace vigil::capture {

constexpr uint64_t default_ring_bytes = 8 << 20;
constexpr uint64_t min_ring_bytes = 4 << 10;
constexpr uint64_t max_ring_bytes = 1 << 30;
constexpr uint32_t tree_capacity = 32'768;
constexpr uint32_t max_tree_entries = 8 * tree_capacity;  // with exited processes

struct TraceOptions {
    // Filter of the kernel side; may be wider than what is wanted.
    vigil_filter filter{};
    vigil_filter wanted{};         // stored with the programs, for the readers of a pinned ring
    bool count_processes = false;  // maintain process_count for any selection
    bool account_network = false;  // if the kernel allows it: see accounts_network()
    // Path of the filter's cgroup: one that is created there later replaces it. Empty: none.
    std::string cgroup_path = {};
    uint64_t ring_bytes = default_ring_bytes;  // a power of two
};

// Attached programs; they are detached when the object is destroyed. Not thread-safe.
class Tracer {
 public:
    // The programs are attached on return. Signals include OOM kills, which are the cause of some.
    static Result<Tracer> attach(const TraceOptions& options);
    Tracer(Tracer&&) noexcept;
    Tracer& operator=(Tracer&&) noexcept;
    ~Tracer();

    RingReader& reader() { return *reader_; }
    const RingReader& reader() const { return *reader_; }

    // True if sent and received bytes are counted as requested.
    bool accounts_network() const { return reader_->control().network != 0; }

    // Upper bound of socket calls whose bytes were not counted because the kernel skipped the
    // program. 0 unless a task can be preempted in it, which the choice of the method avoids if
    // possible.
    uint64_t uncounted_calls() const;

    // The map of bpf/lib/processes.h; owned by the tracer.
    int processes_fd() const;

    // The map of the watched tree; owned by the tracer. See capture/tree.h.
    int tree_fd() const;

    // Adds `pid` to the watched tree (VIGIL_FILTER_TREE); its later children follow.
    Result<void> add_to_tree(uint32_t pid);

    // add_to_tree() for a running process and all its descendants.
    Result<void> watch_tree(uint32_t root);

    // Stops the programs. Records in the ring can still be read.
    void detach();

    // Upper bound of events for which no program was free, and which were not seen at all. See
    // hooks.h.
    uint64_t max_missed() const;

    // Keeps everything in the kernel, pinned in `directory` (which must not exist yet).
    Result<void> pin(const std::string& directory);

 private:
    struct Programs;
    static Result<Tracer> attach(const TraceOptions& options, const NetworkHooks& network);
    explicit Tracer(std::unique_ptr<Programs> programs);

    std::unique_ptr<Programs> programs_;
    std::unique_ptr<RingReader> reader_;
};

}  // namespace vigil::capture
