// SPDX-License-Identifier: Apache-2.0
#include "capture/ring_reader.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "base/clock.h"
#include "host/hints.h"

namespace vigil::capture {
namespace {

// How long a kill by the kernel waits for the OOM record that may explain it, and how many bytes
// ahead the record is searched. The two come microseconds apart, unless the CPU is held up.
constexpr uint64_t oom_wait_ns = 40 * ns_per_ms;
// A record that is there already may be of the same kill up to this time after it: the killer may
// have been preempted in between.
constexpr uint64_t oom_match_ns = ns_per_s;
constexpr int oom_search_records = 1024;

Result<Mapping> map_array(const Fd& fd, size_t size_bytes, int protection) {
    const auto page = static_cast<size_t>(::getpagesize());
    const size_t rounded = (size_bytes + page - 1) / page * page;
    void* address = ::mmap(nullptr, rounded, protection, MAP_SHARED, fd.get(), 0);
    if (address == MAP_FAILED) {
        return host::system_failure(fmt::format("mapping {} bytes of a BPF array", rounded), errno);
    }
    return Mapping(address, rounded);
}

uint64_t load(const __u64& counter) {
    return std::atomic_ref(const_cast<__u64&>(counter)).load(std::memory_order_acquire);
}

}  // namespace

RingReader::RingReader(MapFds fds, Ring ring, Mapping control, Mapping counters, Mapping cursors,
                       size_t stream_count)
    : fds_(std::move(fds)),
      ring_(std::move(ring)),
      control_mapping_(std::move(control)),
      counters_mapping_(std::move(counters)),
      cursors_mapping_(std::move(cursors)),
      control_(control_mapping_.as<vigil_control>()),
      counters_(counters_mapping_.as<vigil_cpu_counters>()),
      stored_(cursors_mapping_.as<vigil_cpu_streams>()),
      stream_count_(stream_count),
      run_clock_(std::move(fds_.compare_clocks)) {
    const uint32_t active = control_->active_cursor & 1;
    cursor_.position = control_->consumed[active];
    const vigil_cpu_streams* begin = stored_ + active * stream_count_;
    cursor_.streams.assign(begin, begin + stream_count_);
    decode_.cpu_count = std::max(control_->cpu_count, 1U);
    decode_.lane_count = std::max(control_->lane_count, 1U);
    decode_.page_bytes = static_cast<uint64_t>(::getpagesize());
}

Result<RingReader> RingReader::open(MapFds fds) {
    bpf_map_info info{};
    __u32 info_size = sizeof info;
    if (::bpf_obj_get_info_by_fd(fds.counters.get(), &info, &info_size) != 0) {
        return Error{ErrorCode::failed,
                     fmt::format("reading the counters' size: {}", std::strerror(errno))};
    }
    const size_t streams = info.max_entries;
    TRY_ASSIGN(Mapping control,
               map_array(fds.control, sizeof(vigil_control), PROT_READ | PROT_WRITE));
    TRY_ASSIGN(Mapping counters,
               map_array(fds.counters, streams * sizeof(vigil_cpu_counters), PROT_READ));
    TRY_ASSIGN(Mapping cursors, map_array(fds.cursors, 2 * streams * sizeof(vigil_cpu_streams),
                                          PROT_READ | PROT_WRITE));
    TRY_ASSIGN(Ring ring, Ring::open(fds.ring.get(), control.as<vigil_control>()->ring_bytes));
    return RingReader(std::move(fds), std::move(ring), std::move(control), std::move(counters),
                      std::move(cursors), streams);
}

// The OOM killer first kills, then names its victim. A kill by the kernel therefore stays in the
// ring, which serves as the queue, until the OOM record has come or is overdue.
bool RingReader::must_wait(const Ring::Record& record, bool& oom_follows) {
    oom_follows = false;
    const auto killed = killed_by_kernel(record.bytes);
    if (!killed) {
        return false;
    }
    uint64_t ahead = record.next;
    for (int i = 0; i < oom_search_records; i++) {
        const auto later = ring_.read(ahead);
        if (!later) {
            break;
        }
        const auto victim = oom_victim(later->bytes);
        if (victim && victim->pid == killed->pid && victim->start_ns == killed->start_ns &&
            victim->boot_ns < killed->boot_ns + oom_match_ns) {
            oom_follows = true;
            return false;
        }
        ahead = later->next;
    }
    return boot_now_ns() < killed->boot_ns + oom_wait_ns;
}

RingReader::Drained RingReader::drain(size_t budget_bytes, const Handler& handler) {
    decode_.unix_minus_boot_ns = unix_minus_boot_ns();
    if (ring_.producer_position() != cursor_.position) {
        run_clock_.refresh(*control_);
        decode_.clock_offset = run_clock_.offset();
    }
    const uint64_t end = cursor_.position + budget_bytes;
    while (cursor_.position < end) {
        const auto record = ring_.read(cursor_.position);
        if (!record && ring_.producer_position() != cursor_.position) {
            // being written; its writer need not wake the reader afterwards
            return Drained::pending;
        }
        if (!record) {
            emit_tail_losses(handler);
            return Drained::empty;
        }
        if (must_wait(*record, decode_.oom_follows)) {
            return Drained::pending;
        }
        cursor_.position = record->next;
        const auto position = record_position(record->bytes);
        const auto event = decode(record->bytes, decode_);
        // A record that can't be decoded leaves a gap in its stream, which is reported as a loss.
        if (event && !record->discarded && position->stream < stream_count_) {
            emit_loss(advance(cursor_, position->stream, position->kind, position->sequence,
                              position->boot_ns),
                      handler);
            if (!handler(*event)) {
                return Drained::more;
            }
        }
    }
    return Drained::more;
}

void RingReader::emit_loss(const Gap& gap, const Handler& handler) const {
    if (gap.count == 0) {
        return;
    }
    const uint64_t from = gap.from_boot_ns != 0 ? gap.from_boot_ns : control_->attached_ns;
    model::Event event;
    event.kind = model::Kind::loss;
    event.cpu = static_cast<uint16_t>(gap.stream % decode_.cpu_count);
    event.boot_ns = gap.to_boot_ns;
    event.unix_ns = to_unix_ns(gap.to_boot_ns, decode_.unix_minus_boot_ns);
    event.body = model::Loss{
        .kind = gap.kind,
        .count = gap.count,
        .from_unix_ns = to_unix_ns(from, decode_.unix_minus_boot_ns),
        .to_unix_ns = event.unix_ns,
    };
    handler(event);
}

std::vector<vigil_cpu_counters> RingReader::snapshot() const {
    std::vector<vigil_cpu_counters> copy(stream_count_);
    for (size_t stream = 0; stream < stream_count_; stream++) {
        for (size_t kind = 0; kind < VIGIL_KIND_SLOTS; kind++) {
            const vigil_counter& live = counters_[stream].kind[kind];
            // In the opposite order of the hooks, so that each counter includes those copied before
            // it.
            vigil_counter& copied = copy[stream].kind[kind];
            copied.sequence = load(live.sequence);
            copied.dropped = load(live.dropped);
            copied.filtered = load(live.filtered);
            copied.seen = load(live.seen);
        }
    }
    return copy;
}

// Losses that no later record of their stream has revealed yet.
void RingReader::emit_tail_losses(const Handler& handler) {
    uint64_t dropped = 0;
    uint64_t lost = 0;
    for (size_t stream = 0; stream < stream_count_; stream++) {
        for (size_t kind = 0; kind < model::kernel_kind_count; kind++) {
            dropped += load(counters_[stream].kind[kind].dropped);
            lost += cursor_.streams[stream].kind[kind].lost;
        }
    }
    if (dropped == lost) {
        return;
    }
    // A sequence number is assigned only after its record is in the ring. The whole ring was read
    // after the numbers were taken, so missing sequence numbers are lost.
    const auto numbers = snapshot();
    if (ring_.producer_position() != cursor_.position) {
        return;
    }
    for (const Gap& gap : close_gaps(cursor_, numbers, boot_now_ns())) {
        emit_loss(gap, handler);
    }
}

void RingReader::confirm(const Cursor& cursor) {
    const uint32_t next = (control_->active_cursor & 1) ^ 1;
    std::memcpy(stored_ + next * stream_count_, cursor.streams.data(),
                stream_count_ * sizeof(vigil_cpu_streams));
    control_->consumed[next] = cursor.position;
    // This single store confirms; a reader killed before it leaves the old cursor valid.
    std::atomic_ref(control_->active_cursor).store(next, std::memory_order_release);
    ring_.release(cursor.position);
}

void RingReader::set_state(uint32_t state) {
    std::atomic_ref(control_->reader_state).store(state, std::memory_order_seq_cst);
}

void RingReader::begin(uint64_t boot_ns) {
    std::atomic_ref(control_->attached_ns).store(boot_ns, std::memory_order_release);
}

void RingReader::end() {
    std::atomic_ref(control_->filter.kinds).store(0, std::memory_order_seq_cst);
}

bool RingReader::is_drained() const {
    const auto numbers = snapshot();
    for (size_t stream = 0; stream < stream_count_; stream++) {
        for (size_t kind = 0; kind < model::kernel_kind_count; kind++) {
            const vigil_counter& counter = numbers[stream].kind[kind];
            if (counter.seen != counter.filtered + counter.sequence ||
                counter.sequence != cursor_.streams[stream].kind[kind].sequence) {
                return false;
            }
        }
    }
    return ring_.producer_position() == cursor_.position;
}

Totals RingReader::totals(const Cursor& cursor) const {
    Totals totals{};
    const auto numbers = snapshot();
    for (size_t stream = 0; stream < stream_count_; stream++) {
        for (size_t kind = 0; kind < totals.size(); kind++) {
            const vigil_counter& counter = numbers[stream].kind[kind];
            const vigil_stream& reached = cursor.streams[stream].kind[kind];
            totals[kind].seen += counter.seen;
            totals[kind].filtered += counter.filtered;
            totals[kind].dropped += counter.dropped;
            totals[kind].read += reached.sequence - reached.lost;
            const uint64_t ahead = counter.sequence - reached.sequence;
            const uint64_t unreported_drops = counter.dropped - reached.lost;
            totals[kind].unread += ahead - std::min(ahead, unreported_drops);
        }
    }
    return totals;
}

}  // namespace vigil::capture
