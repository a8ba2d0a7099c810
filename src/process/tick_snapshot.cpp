// SPDX-License-Identifier: Apache-2.0
#include "process/tick_snapshot.h"

#include <utility>

namespace vigil::process {
namespace {

void copy_view(model::ProcessView& to, const model::ProcessView& from) { to = from; }

}  // namespace

SnapshotPtr SnapshotPublisher::latest() const {
    const MutexLock lock(mutex_);
    return latest_;
}

void SnapshotPublisher::publish(SnapshotPtr snapshot) {
    const MutexLock lock(mutex_);
    latest_.swap(snapshot);  // the old one is released after the lock
}

void SnapshotPublisher::on_exit(const ProcessExit& exit) {
    if (!wanted_) {
        return;
    }
    if (ended_.size() >= max_ended) {
        ended_not_listed_++;
        return;
    }
    SnapshotExit ended;
    copy_view(ended, exit.entry);
    ended.ended_ns = exit.event.boot_ns;
    ended.exit = exit.exit;
    ended.usage = exit.usage;
    ended_.push_back(std::move(ended));
}

void SnapshotPublisher::on_tick(const Tick& tick) {
    std::vector<SnapshotExit> ended = std::exchange(ended_, {});
    const uint64_t ended_not_listed = std::exchange(ended_not_listed_, 0);
    if (!wanted_) {
        return;
    }
    auto snapshot = std::make_shared<TickSnapshot>();
    snapshot->tick = tick;
    snapshot->ended = std::move(ended);
    snapshot->ended_not_listed = ended_not_listed;
    snapshot->living.reserve(table_->size());
    for (const auto& [pid, entry] : *table_) {
        SnapshotEntry& copy = snapshot->living.emplace_back();
        copy_view(copy, entry);
        copy.threads = entry.threads;
        copy.measured_ns = entry.measured_ns;
        copy.counters = entry.counters;
        copy.usage = entry.usage;
    }
    publish(std::move(snapshot));
}

}  // namespace vigil::process
