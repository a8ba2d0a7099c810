// SPDX-License-Identifier: Apache-2.0
// The kernel side played by a test: real BPF maps and a real ring, filled with records of the
// test's own. Needs the right to create maps and run a socket filter; otherwise skip.
#pragma once

#include <linux/types.h>

#include <cstddef>
#include <map>
#include <memory>

#include "abi/control.h"
#include "base/fd.h"
#include "capture/ring_reader.h"
#include "support/records.h"

namespace vigil::test {

class FakeKernel {
 public:
    // nullptr where this kernel or these privileges refuse it. `ring_bytes`: a power of two, at
    // least a page.
    static std::unique_ptr<FakeKernel> create(size_t ring_bytes, uint32_t cpus, uint32_t lanes = 1);

    // Puts a record into the ring as it is; false where it found no room.
    bool put(const Bytes& record);
    // Reserves room and gives it up again.
    bool put_discarded(size_t size_bytes);

    // Counts the event as the hooks do, numbers the record and puts it; no room: dropped.
    // `stream`: lane * cpus + cpu.
    bool send(Bytes record, uint16_t stream = 0);
    void drop(int kind, uint16_t stream = 0);
    void filter(int kind, uint16_t stream = 0);

    int ring_fd() const { return ring_.get(); }
    vigil_control& control() { return *control_; }

    // A new set of descriptors, as another process would get it from pins.
    capture::MapFds fds() const;

 private:
    FakeKernel() = default;

    int program(size_t size_bytes, bool discard);
    bool run(int program_fd);
    vigil_counter& counter(int kind, uint16_t stream) { return counters_[stream].kind[kind]; }

    Fd ring_, record_map_, control_map_, counters_map_, cursors_map_;
    Mapping control_mapping_, counters_mapping_;
    vigil_control* control_ = nullptr;
    vigil_cpu_counters* counters_ = nullptr;
    std::map<std::pair<size_t, bool>, Fd> programs_;  // a program's record size is a constant
};

}  // namespace vigil::test
