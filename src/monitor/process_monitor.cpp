// SPDX-License-Identifier: Apache-2.0
#include "monitor/process_monitor.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace vigil::monitor {
namespace {

// Bytes read between two confirmations.
constexpr size_t batch_bytes = 256 << 10;
// Max batches per call: samples are due even while events keep coming.
constexpr int max_batches = 64;

// After a loss of exits: by then all exits that were not lost have come.
constexpr uint64_t settled_after_ns = ns_per_s;
// The first finds missing processes, the second confirms them.
constexpr int sweeps_after_loss = 2;

}  // namespace

ProcessMonitor::ProcessMonitor(sampling::Sampler sampler, capture::RingReader* reader,
                               uint64_t interval_ns)
    : sampler_(std::move(sampler)),
      reader_(reader),
      interval_ns_(interval_ns),
      updater_(reader != nullptr, interval_ns),
      own_pid_(static_cast<uint32_t>(::getpid())) {}

uint64_t ProcessMonitor::interval_ns() const {
    return updater_.needs().samples ? interval_ns_ : std::max(interval_ns_, presence_interval_ns);
}

void ProcessMonitor::load_from_proc() {
    if (reader_ != nullptr && updater_.needs().ancestry) {
        updater_.load_from_proc();
    }
}

// The sweep first, then the events: the usage of a process that exits after the sweep comes from
// its exit event, not from the sample, and by then a process that is missing in the sweep has
// usually emitted its exit.
Result<void> ProcessMonitor::tick() {
    const uint64_t sampled_ns = boot_now_ns();
    TRY(sampler_.sample(samples_, sampled_ns));
    updater_.begin_tick();
    read_events();
    updater_.finish_tick(samples_, sampled_ns,
                         reader_ != nullptr ? reader_->control().processes_full_ns : 0);
    if (const process::ProcessEntry* self = table().find(own_pid_)) {
        own_usage_ = self->usage;
    }
    if (early_sweep_ns_ <= sampled_ns) {
        early_sweep_ns_ = --early_sweeps_ > 0 ? sampled_ns + settled_after_ns : UINT64_MAX;
    }
    return {};
}

bool ProcessMonitor::drain() {
    updater_.begin_drain();  // only exits near a sweep can reappear in samples
    return read_events();
}

bool ProcessMonitor::read_events() {
    if (reader_ == nullptr) {
        return false;
    }
    bool any = false;
    for (int i = 0; i < max_batches; i++) {
        const auto drained = reader_->drain(batch_bytes, [&](const model::Event& event) {
            any = true;
            updater_.apply(event);
            return true;
        });
        reader_->confirm(reader_->cursor());
        if (drained != capture::RingReader::Drained::more) {
            break;
        }
    }
    reader_->set_state(resting_state_);
    plan_early_sweep();
    return any;
}

void ProcessMonitor::plan_early_sweep() {
    // If usage is sampled, the interval is short enough, and a shorter one would distort rates.
    if (updater_.needs().samples || updater_.exits_lost_ns() == exits_lost_ns_) {
        return;
    }
    exits_lost_ns_ = updater_.exits_lost_ns();
    early_sweeps_ = sweeps_after_loss;
    early_sweep_ns_ = std::min(early_sweep_ns_, boot_now_ns() + settled_after_ns);
}

void ProcessMonitor::finish() {
    drain();
    updater_.end();
}

}  // namespace vigil::monitor
