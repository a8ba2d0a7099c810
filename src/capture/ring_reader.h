// SPDX-License-Identifier: Apache-2.0
// Reads one ring: decodes records, reports every gap as a loss, and frees space only on
// confirmation. Not thread-safe: one thread calls all members.
#pragma once

#include <linux/types.h>

#include <array>
#include <cstdint>
#include <functional>

#include "abi/control.h"
#include "base/fd.h"
#include "base/result.h"
#include "capture/decode.h"
#include "capture/ring.h"
#include "capture/run_clock.h"
#include "capture/streams.h"
#include "model/event.h"

namespace vigil::capture {

// Descriptors of the maps of bpf/lib/maps.h.
struct MapFds {
    Fd ring;
    Fd control;
    Fd counters;
    Fd cursors;
    Fd compare_clocks = {};  // the program of run_clock.h; may be none
};

// Counts of the kernel side for one kind, summed over all CPUs.
struct KindTotals {
    uint64_t seen = 0;
    uint64_t filtered = 0;
    uint64_t dropped = 0;
    uint64_t read = 0;    // by this and earlier readers of the ring
    uint64_t unread = 0;  // still in the ring; seen = filtered + dropped + read + unread
};
using Totals = std::array<KindTotals, model::kernel_kind_count>;

class RingReader {
 public:
    // Receives one event, on the thread that calls drain(); false stops reading after it.
    using Handler = std::function<bool(const model::Event&)>;

    // Continues at the last confirmed cursor of these maps.
    static Result<RingReader> open(MapFds fds);

    enum class Drained {
        empty,  // nothing more to read now
        more,   // stopped at `budget_bytes` or by the handler
        // a record is not finished, or a kill by the kernel waits up to 40 ms for its cause: call
        // again soon
        pending,
    };

    // Passes events to `handler` in ring order, each gap as a loss event before the record that
    // reveals it. An event's views are valid during the call.
    Drained drain(size_t budget_bytes, const Handler& handler);

    // Position after the last event that drain() passed on.
    const Cursor& cursor() const { return cursor_; }

    // The output of everything before `cursor` is written: frees the ring's space, and a later
    // reader starts there. Atomic against SIGKILL.
    void confirm(const Cursor& cursor);

    // Descriptor that polls readable (edge-triggered) when the kernel side wakes the reader.
    int wake_fd() const { return fds_.ring.get(); }

    // One of VIGIL_READER_*. A program that is running now may still see the old state: after going
    // idle, read the ring once more a little later before blocking indefinitely.
    void set_state(uint32_t state);

    // True if every event that the kernel side has seen was filtered, dropped or read. After
    // detaching: nothing more will come.
    bool is_drained() const;

    // Call when all programs are attached: the start of later processes is traced.
    void begin(uint64_t boot_ns);

    // Closes the gate: later events are not counted as seen.
    void end();

    // Counts so far; events before `cursor` count as read.
    Totals totals(const Cursor& cursor) const;
    const vigil_control& control() const { return *control_; }

 private:
    RingReader(MapFds fds, Ring ring, Mapping control, Mapping counters, Mapping cursors,
               size_t stream_count);

    bool must_wait(const Ring::Record& record, bool& oom_follows);
    void emit_loss(const Gap& gap, const Handler& handler) const;
    void emit_tail_losses(const Handler& handler);
    std::vector<vigil_cpu_counters> snapshot() const;

    MapFds fds_;
    Ring ring_;
    Mapping control_mapping_;
    Mapping counters_mapping_;
    Mapping cursors_mapping_;
    vigil_control* control_;
    vigil_cpu_counters* counters_;
    vigil_cpu_streams* stored_;  // two cursors of stream_count_ entries
    size_t stream_count_;
    Cursor cursor_;
    DecodeContext decode_;
    RunClock run_clock_;
};

}  // namespace vigil::capture
