// SPDX-License-Identifier: Apache-2.0
// Programs that outlive their loader: pinned in bpffs, read by one reader at a time.
#pragma once

#include <memory>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "capture/ring_reader.h"
#include "model/event.h"

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

// True if the bpffs of pins is not mounted for process 1: only this mount namespace sees it, and it
// goes with it.
bool is_private_bpffs();

// Removes the pins of pin_object(), which detaches the programs.
Result<void> unpin(const std::string& directory);

// The exclusive reader of a pinned ring. The lock is released when the process ends in any way.
class PinnedReader {
 public:
    static Result<PinnedReader> open(const std::string& directory);

    RingReader& reader() { return *reader_; }
    uint64_t max_missed() const;  // see Tracer::max_missed()
    int tree_fd() const { return tree_.get(); }

    // Of `kinds`, those whose programs are still attached: their links are pinned.
    model::KindSet attached(model::KindSet kinds) const;
    // False once the directory was removed ('vigil unpin'), also if another one has its name now.
    bool exists() const;
    // Polls readable when a pin is removed; -1 if the kernel can't report that (inotify(7)).
    int removal_fd() const { return removals_.get(); }

 private:
    PinnedReader(Fd lock, RingReader reader, Fd tree, std::string directory);

    Fd lock_;
    std::unique_ptr<RingReader> reader_;
    Fd tree_;
    Fd removals_;
    std::string directory_;
};

}  // namespace vigil::capture
