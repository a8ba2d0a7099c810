// SPDX-License-Identifier: Apache-2.0
#include "process/table_updater.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"

namespace vigil::process {
namespace {

using model::Kind;

// The fork event of an older process must have come by then.
constexpr uint64_t young_ns = 10 * ns_per_s;

bool has_reached_target(const model::Signal& signal) {
    return signal.result == model::SignalResult::delivered ||
           signal.result == model::SignalResult::info_lost;
}

// The known start time stays, unless it came from /proc and is less precise.
uint64_t finer_start_ns(uint64_t known_ns, uint64_t event_ns) {
    return known_ns % model::proc_tick_ns != 0 ? known_ns : event_ns;
}

}  // namespace

TableUpdater::TableUpdater(bool has_events, uint64_t interval_ns)
    : table_(has_events),
      loader_(table_, details_),
      meter_(interval_ns, boot_now_ns()),
      samples_(table_, details_, meter_) {}

void TableUpdater::set_observers(ObserverList observers) {
    needs_ = {};
    for (const ProcessObserver* observer : observers) {
        needs_ = needs_ | observer->needs();
    }
    table_.set_observers(std::move(observers));
    details_.set_needs(needs_);
    samples_.set_needs(needs_);
}

void TableUpdater::apply(const model::Event& event) {
    table_.set_now(std::max(table_.now_ns(), event.boot_ns));
    switch (event.kind) {
        case Kind::fork:
            if (!std::get<model::Fork>(event.body).thread) {
                apply_fork(event);
            }
            break;
        case Kind::exec:
            apply_exec(event);
            break;
        case Kind::signal:
            apply_signal(event);
            break;
        case Kind::oom:
            apply_oom(event);
            break;
        case Kind::exit:
            if (!std::get<model::Exit>(event.body).thread) {
                apply_exit(event);
            }
            break;
        case Kind::loss:
            apply_loss(event);
            break;
        default:
            break;
    }
}

ProcessEntry& TableUpdater::find_or_add(const model::Process& process) {
    if (ProcessEntry* known = table_.find(key_of(process))) {
        return *known;
    }
    ProcessEntry& added = table_.find_or_add(process);
    details_.start(added);
    return added;
}

// An unknown parent is older than the monitor, or its fork event was lost.
void TableUpdater::load_parent(const ProcessKey& parent) {
    if (needs_.ancestry && parent.pid != 0 && table_.find(parent) == nullptr &&
        details_.proc().acquire_proc_read(table_.now_ns())) {
        (void)loader_.load(parent.pid);
    }
}

void TableUpdater::apply_fork(const model::Event& event) {
    const ProcessKey parent{.pid = event.process.ppid,
                            .start_ns = std::get<model::Fork>(event.body).parent_start_ns};
    load_parent(parent);
    ProcessEntry* child = table_.find(key_of(event.process));
    if (child != nullptr && child->origin_known) {
        return;  // /proc was faster
    }
    if (child == nullptr) {
        child = &table_.find_or_add(event.process);
    } else if (child->measured_ns == 0 && child->exec_event_ns == 0) {
        child->process = event.process;  // a signal came first, which carries fewer details
    }
    details_.inherit(*child, table_.find(parent));
    for (ProcessObserver* observer : table_.observers()) {
        observer->on_fork(*child, event);
    }
}

void TableUpdater::apply_exec(const model::Event& event) {
    ProcessEntry& entry = find_or_add(event.process);
    if (const auto& counters = std::get<model::Exec>(event.body).counters;
        needs_.samples && counters) {
        meter_.restart(entry, *counters, event.boot_ns);
        for (ProcessObserver* observer : table_.observers()) {
            observer->on_replace(entry);
        }
    }
    const uint64_t start_ns = entry.process.start_ns;
    entry.process = event.process;
    entry.process.start_ns = finer_start_ns(start_ns, event.process.start_ns);
    details_.update_cgroup(entry, event.process.cgroup_id);
    details_.set_image(entry, model::make_exec_image(std::get<model::Exec>(event.body)));
    entry.exec_event_ns = event.boot_ns;
    entry.details_read = false;
    if (needs_.working_directory) {
        details_.read_place(entry, table_.now_ns());
    }
    for (ProcessObserver* observer : table_.observers()) {
        observer->on_exec(entry, event);
    }
}

// True if the exit event came, or the process is an old zombie. A young unknown process may be
// neither: a signal can come before the fork event.
bool TableUpdater::has_exited(const model::Process& process) {
    const ProcessKey key = key_of(process);
    if (table_.recent_exits().contains(key)) {
        return true;
    }
    if (process.start_ns + young_ns > table_.now_ns() ||
        !details_.proc().acquire_proc_read(table_.now_ns())) {
        return false;
    }
    return ProcReader::is_zombie(key);
}

void TableUpdater::apply_signal(const model::Event& event) {
    ProcessEntry* target = table_.find(key_of(event.process));
    // Older kernels report signals to exited processes as delivered.
    if (target == nullptr && has_reached_target(std::get<model::Signal>(event.body)) &&
        !has_exited(event.process)) {
        target = &find_or_add(event.process);
    }
    // It may end soon, and then no longer shows where it was.
    if (target != nullptr && target->state == EntryState::living &&
        has_reached_target(std::get<model::Signal>(event.body))) {
        details_.read_cgroup_within_budget(*target, table_.now_ns());
    }
    for (ProcessObserver* observer : table_.observers()) {
        observer->on_signal(target, event);
    }
}

// On some kernels the victim is a thread that cannot be mapped to its process.
void TableUpdater::apply_oom(const model::Event& event) {
    if (ProcessEntry* victim = table_.find(key_of(event.process))) {
        // It may have moved since its fork or exec.
        if (identifies_cgroup(event.process.cgroup_id)) {
            details_.update_cgroup(*victim, event.process.cgroup_id);
        }
        for (ProcessObserver* observer : table_.observers()) {
            observer->on_oom(*victim, event);
        }
    }
}

// Before 6.18 the memory is released before the exit event, and the kernel's peak is without huge
// pages: only samples include them.
void TableUpdater::apply_exit(const model::Event& event) {
    const uint64_t peak_bytes = std::get<model::Exit>(event.body).peak_rss_bytes.value_or(0);
    ProcessEntry& entry = find_or_add(event.process);
    const bool own_memory = entry.exec_event_ns != 0 || entry.process.start_ns < meter_.begun_ns();
    if (own_memory && entry.max_huge_rss_bytes > peak_bytes) {
        model::Event larger = event;
        auto& exit = std::get<model::Exit>(larger.body);
        exit.peak_rss_bytes = entry.max_huge_rss_bytes;
        exit.peak_rss_at_most = false;
        apply_exit(entry, larger);
    } else {
        apply_exit(entry, event);
    }
}

void TableUpdater::apply_exit(ProcessEntry& entry, const model::Event& event) {
    const auto& exit = std::get<model::Exit>(event.body);
    if (entry.process.comm.view() != event.process.comm.view() ||
        entry.process.uid != event.process.uid) {
        entry.version++;
    }
    const uint64_t start_ns = entry.process.start_ns;  // the start time reported so far
    entry.process = event.process;
    entry.process.start_ns = start_ns;
    details_.update_cgroup(entry, event.process.cgroup_id);
    UsageMeter::FinalUsage final_usage;
    if (needs_.samples) {
        final_usage = meter_.final_usage(entry, exit, table_.now_ns());
    }
    const ProcessExit ended{.entry = entry,
                            .event = event,
                            .exit = exit,
                            .usage = final_usage.usage,
                            .from_ns = final_usage.from_ns,
                            .late = entry.state != EntryState::living};
    for (ProcessObserver* observer : table_.observers()) {
        observer->on_exit(ended);
    }
    table_.erase_exited(entry);
}

void TableUpdater::apply_loss(const model::Event& event) {
    const auto& loss = std::get<model::Loss>(event.body);
    if (!loss.kind || *loss.kind == Kind::exit) {
        exits_lost_ns_ = table_.now_ns();
    }
    for (ProcessObserver* observer : table_.observers()) {
        observer->on_loss(event);
    }
}

void TableUpdater::finish_tick(std::vector<model::Sample>& samples, uint64_t sampled_ns,
                               uint64_t network_full_ns) {
    samples_.apply(samples, sampled_ns, network_full_ns);
    table_.reap_missing();
    const Tick tick{.number = table_.tick(), .sampled_ns = sampled_ns};
    for (ProcessObserver* observer : table_.observers()) {
        observer->on_tick(tick);
    }
}

void TableUpdater::end() {
    for (ProcessObserver* observer : table_.observers()) {
        observer->on_end();
    }
}

}  // namespace vigil::process
