// SPDX-License-Identifier: Apache-2.0
// Programs that outlive their loader: pinned in bpffs, read by one reader at a time.
#pragma once

#include <memory>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "capture/ring_reader.h"

struct bpf_object;
struct bpf_object_skeleton;

namespace vigil::capture {

constexpr const char* pin_directory = "/sys/fs/bpf/vigil";

// Mounts bpffs at /sys/fs/bpf if nothing is mounted there. True if it did.
Result<bool> ensure_bpffs();

// Pins every loaded program, attached link and map in `directory`: all or nothing, also if killed
// in between.
Result<void> pin_object(bpf_object& object, const bpf_object_skeleton& skeleton,
                        const std::string& directory);

// Removes the pins of pin_object(), which detaches the programs.
Result<void> unpin(const std::string& directory);

// The exclusive reader of a pinned ring. The lock is released when the process ends in any way.
class PinnedReader {
 public:
    static Result<PinnedReader> open(const std::string& directory);

    RingReader& reader() { return *reader_; }
    uint64_t max_missed() const;  // see Tracer::max_missed()
    int tree_fd() const { return tree_.get(); }

 private:
    PinnedReader(Fd lock, RingReader reader, Fd tree, std::string directory);

    Fd lock_;
    std::unique_ptr<RingReader> reader_;
    Fd tree_;
    std::string directory_;
};

}  // namespace vigil::capture
