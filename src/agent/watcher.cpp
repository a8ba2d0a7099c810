// SPDX-License-Identifier: Apache-2.0
#include "agent/watcher.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "host/cgroups.h"
#include "host/procfs.h"

namespace vigil::agent {
namespace {

using model::Kind;

// Read between two confirmations.
constexpr size_t batch_bytes = 256 << 10;
// In one go at most: while events pour in, samples are due too.
constexpr int most_batches = 64;
constexpr size_t most_cgroup_paths = 65'536;
constexpr size_t most_forgotten = 65'536;

// Sums of several threads that are read one after the other can seem to shrink.
void never_shrink(std::optional<uint64_t>& now, const std::optional<uint64_t>& before) {
    if (now && before) {
        now = std::max(*now, *before);
    }
}

model::Counters later(const model::Counters& before, model::Counters now) {
    never_shrink(now.cpu_ns, before.cpu_ns);
    never_shrink(now.read_bytes, before.read_bytes);
    never_shrink(now.write_bytes, before.write_bytes);
    never_shrink(now.sent_bytes, before.sent_bytes);
    never_shrink(now.received_bytes, before.received_bytes);
    return now;
}

model::Counters final_bill(const model::Exit& exit) {
    model::Counters bill;
    bill.cpu_ns = exit.cpu_ns;
    if (!exit.peak_rss_at_most) {
        bill.rss_bytes = exit.peak_rss_bytes;
    }
    bill.read_bytes = exit.read_bytes;
    bill.write_bytes = exit.write_bytes;
    bill.sent_bytes = exit.sent_bytes;
    bill.received_bytes = exit.received_bytes;
    return bill;
}

// Its last thread may be on its way out and not have told its exit yet: taking down much memory
// takes time. It becomes a zombie only after that.
bool is_still_there(const model::Process& process) {
    const auto stat = host::read_stat(process.pid);
    return stat && !stat->is_zombie() && model::same_start(stat->start_ns, process.start_ns);
}

}  // namespace

Watcher::Watcher(sample::Sampler sampler, capture::Reader* reader, uint64_t interval_ns,
                 Handler handler)
    : sampler_(std::move(sampler)),
      reader_(reader),
      interval_ns_(interval_ns),
      handler_(std::move(handler)),
      engine_([this](const rules::Subject& subject, const rules::Report& told) {
          report(subject, told);
      }),
      own_pid_(static_cast<uint32_t>(::getpid())),
      begun_ns_(boot_now_ns()) {}

// The sweep first, then the events: what ended after the sweep is judged by its bill, not by the
// sample, and what is missing in the sweep has had time to tell why.
Result<void> Watcher::tick() {
    tick_++;
    const uint64_t sampled_ns = boot_now_ns();
    TRY(sampler_.take(samples_, sampled_ns));
    // /proc shows a process a little beyond its exit event: so those of the last tick count too.
    ended_before_ = std::exchange(ended_, {});
    read_events();
    shown_ = 0;
    now_ns_ = sampled_ns;  // not that of the newest event: the samples are older
    for (model::Sample& sample : samples_) {
        if (!has_ended(sample.process)) {
            measure(sample);
        }
    }
    last_sweep_ns_ = sampled_ns;
    forget_missing();
    engine_.advance(now_ns_);
    return {};
}

bool Watcher::has_ended(const model::Process& process) const {
    for (const auto* ended : {&ended_, &ended_before_}) {
        const auto it = ended->find(process.pid);
        if (it != ended->end() && model::same_start(it->second, process.start_ns)) {
            return true;
        }
    }
    return false;
}

bool Watcher::drain() {
    ended_.clear();  // only what ends about the time of a sweep can come back
    return read_events();
}

bool Watcher::read_events() {
    if (reader_ == nullptr) {
        return false;
    }
    bool any = false;
    for (int i = 0; i < most_batches; i++) {
        const auto drained = reader_->drain(batch_bytes, [&](const model::Event& event) {
            any = true;
            take(event);
            if (follower_) {
                follower_(event);
            }
            return true;
        });
        reader_->confirm(reader_->cursor());
        if (drained != capture::Reader::Drained::more) {
            break;
        }
    }
    reader_->set_state(resting_);
    return any;
}

void Watcher::take(const model::Event& event) {
    now_ns_ = std::max(now_ns_, event.boot_ns);
    switch (event.kind) {
        case Kind::fork:
            if (!std::get<model::Fork>(event.body).thread) {
                born(event);
            }
            break;
        case Kind::exec:
            replaced(event);
            break;
        case Kind::exit:
            if (!std::get<model::Exit>(event.body).thread) {
                ended(event);
            }
            break;
        case Kind::loss:
            handler_(event);
            break;
        default:
            break;
    }
}

void Watcher::born(const model::Event& event) {
    if (processes_.find(event.process.pid, event.process.start_ns) != nullptr ||
        !make_way(event.process)) {
        return;  // a sweep was faster
    }
    const auto& fork = std::get<model::Fork>(event.body);
    const Known* parent = processes_.find(event.process.ppid, fork.parent_start_ns);
    processes_.add(event.process, parent).tick = tick_;
}

void Watcher::replaced(const model::Event& event) {
    if (!make_way(event.process)) {
        return;
    }
    Known* known = processes_.find(event.process.pid, event.process.start_ns);
    if (known == nullptr) {
        known = &processes_.add(event.process, nullptr);
        known->tick = tick_;
    }
    move(*known, event.process);
    known->subject.process = event.process;
    known->subject.image = model::image_of(std::get<model::Exec>(event.body));
    known->exec_told_ns = event.boot_ns;
    known->details_read = false;
    known->matches_rules = false;
}

void Watcher::ended(const model::Event& event) {
    if (const auto it = forgotten_.find(event.process.pid);
        it != forgotten_.end() && model::same_start(it->second, event.process.start_ns)) {
        forgotten_.erase(it);
        return;  // its end was told when it was missed
    }
    if (!make_way(event.process)) {
        return;
    }
    const auto& exit = std::get<model::Exit>(event.body);
    Known* known = processes_.find(event.process.pid, event.process.start_ns);
    if (known == nullptr) {
        known = &processes_.add(event.process, nullptr);
    }
    known->matches_rules = known->matches_rules &&
                           known->subject.process.comm.view() == event.process.comm.view() &&
                           known->subject.process.uid == event.process.uid;
    const uint64_t start_ns = known->subject.process.start_ns;  // as it was told before
    move(*known, event.process);
    known->subject.process = event.process;
    known->subject.process.start_ns = start_ns;
    if (!known->matches_rules) {
        engine_.match(known->standing, known->subject, now_ns_);
    }
    // A life of an interval or less is judged as a whole, also where a sweep fell into it.
    const bool measured = known->measured_ns != 0 && exit.lifetime_ns > interval_ns_;
    const uint64_t from_ns = measured ? known->measured_ns : event.process.start_ns;
    const uint64_t span_ns = std::max(now_ns_ - std::min(now_ns_, from_ns), interval_ns_);
    model::Counters bill = final_bill(exit);
    if (measured || event.process.start_ns < begun_ns_) {
        bill.rss_bytes.reset();  // the peak of its life may be long ago, and was seen if so
    }
    const model::Usage usage =
        model::usage_between(measured ? &known->counters : nullptr, bill, span_ns);
    engine_.end(known->standing, known->subject, usage, from_ns, now_ns_);
    ended_[event.process.pid] = event.process.start_ns;
    processes_.remove(event.process.pid);
}

// A process that has come to another cgroup has a path that only /proc, or a neighbour, can tell.
void Watcher::move(Known& known, const model::Process& now) const {
    if (known.subject.process.cgroup_id == now.cgroup_id) {
        return;
    }
    const auto path = cgroup_paths_.find(now.cgroup_id);
    known.subject.cgroup = path != cgroup_paths_.end() ? path->second : nullptr;
    known.matches_rules = false;
}

// Forgets another process of the same pid. False where that one is younger: an event that comes
// late tells nothing of it.
bool Watcher::make_way(const model::Process& process) {
    Known* other = processes_.find(process.pid);
    if (other == nullptr || processes_.find(process.pid, process.start_ns) != nullptr) {
        return true;
    }
    if (other->subject.process.start_ns > process.start_ns) {
        return false;
    }
    forget(*other);
    return true;
}

// The process of the sample, whether it was known or not.
Known& Watcher::current(const model::Sample& sample) {
    const model::Process& process = sample.process;
    if (Known* known = processes_.find(process.pid, process.start_ns)) {
        return *known;
    }
    if (Known* old = processes_.find(process.pid)) {
        forget(*old);
    }
    return processes_.add(process, nullptr);
}

void Watcher::refresh(Known& known, const model::Sample& sample) {
    const model::Process before = std::exchange(known.subject.process, sample.process);
    if (before.start_ns % model::proc_tick_ns != 0) {
        known.subject.process.start_ns = before.start_ns;  // the finer one
    }
    const bool renamed = before.comm.view() != sample.process.comm.view();
    // Where exec_id is not told, a new name may be that of another program.
    if (known.exec_id != sample.exec_id || (sample.exec_id == 0 && renamed)) {
        // An exec during the last sweep was told before a sample shows it.
        if (known.measured_ns != 0 && known.exec_told_ns < last_sweep_ns_) {
            known.subject.image = nullptr;
        }
        known.exec_id = sample.exec_id;
        known.details_read = false;
    }
    if (!known.details_read || before.cgroup_id != sample.process.cgroup_id) {
        read_details(known);
        known.matches_rules = false;
        // Where version 1 is in use too, all may have the same id.
        if (sample.process.cgroup_id > 1 && cgroup_paths_.size() < most_cgroup_paths) {
            cgroup_paths_[sample.process.cgroup_id] = known.subject.cgroup;
        }
    }
    known.matches_rules = known.matches_rules && engine_.is_current(known.standing) && !renamed &&
                          before.uid == sample.process.uid;
    if (!known.matches_rules) {
        engine_.match(known.standing, known.subject, now_ns_);
        known.matches_rules = true;
    }
}

// A sweep can't tell a process without network bytes from one that found no room for them.
void Watcher::doubt_network(model::Sample& sample) const {
    const bool found_no_room =
        reader_ != nullptr && sample.process.start_ns <= reader_->control().processes_full_ns;
    if (found_no_room && sample.counters.sent_bytes.value_or(0) == 0 &&
        sample.counters.received_bytes.value_or(0) == 0) {
        sample.counters.sent_bytes = sample.counters.received_bytes = std::nullopt;
    }
}

void Watcher::measure(model::Sample& sample) {
    doubt_network(sample);
    Known& known = current(sample);
    shown_ += known.tick != tick_ ? 1 : 0;
    known.tick = tick_;
    refresh(known, sample);

    model::Usage usage;
    uint64_t from_ns = known.measured_ns;
    if (known.measured_ns != 0) {
        const model::Counters now = later(known.counters, sample.counters);
        usage = model::usage_between(&known.counters, now, now_ns_ - from_ns);
        known.counters = now;
    } else if (const uint64_t start_ns = known.subject.process.start_ns; start_ns >= begun_ns_) {
        // Born since the last sweep: held against the whole interval, as if it had ended.
        from_ns = std::min(start_ns, now_ns_);
        usage = model::usage_between(nullptr, sample.counters,
                                     std::max(now_ns_ - from_ns, interval_ns_));
        known.counters = sample.counters;
    } else {
        from_ns = now_ns_;
        usage = model::usage_between(&sample.counters, sample.counters, 0);
        known.counters = sample.counters;
    }
    known.measured_ns = now_ns_;
    if (rules::Engine::is_watched(known.standing)) {
        engine_.judge(known.standing, known.subject, usage, from_ns, now_ns_);
    }
    if (known.subject.process.pid == own_pid_) {
        own_usage_ = usage;
    }
}

// It is gone, and nobody has told how.
void Watcher::forget(Known& known) {
    const model::Process& process = known.subject.process;
    engine_.end(known.standing, known.subject, {}, now_ns_, now_ns_);
    if (forgotten_.size() >= most_forgotten) {
        forgotten_.clear();
    }
    if (reader_ != nullptr) {
        forgotten_[process.pid] = process.start_ns;
    }
    processes_.remove(process.pid);
}

// Without events what a sweep doesn't show has ended. With events its exit is on the way, or was
// lost: another tick will tell.
void Watcher::forget_missing() {
    if (shown_ == processes_.size()) {
        return;  // as mostly: the sweep has shown all
    }
    const uint64_t patience = reader_ != nullptr ? 1 : 0;
    std::vector<uint32_t> missing;
    for (const auto& [pid, known] : processes_) {
        if (known.tick + patience < tick_ && !is_still_there(known.subject.process)) {
            missing.push_back(pid);
        }
    }
    for (const uint32_t pid : missing) {
        forget(*processes_.find(pid));
    }
}

void Watcher::report(const rules::Subject& subject, const rules::Report& told) {
    model::Violation violation;
    violation.state = told.state;
    violation.metric = told.metric;
    violation.value = told.value;
    violation.limit = told.limit;
    violation.rule = told.rule->process;
    violation.peak = told.peak;
    violation.mean = told.mean;
    violation.duration_ns = told.duration_ns;
    violation.exited = told.exited;
    violation.similar = told.similar;
    violation.user = users_.name(subject.process.uid);
    if (subject.image) {
        if (!subject.image->file.empty()) {
            violation.executable = subject.image->file;
        }
        violation.argv = subject.image->argv;
    }
    if (subject.cgroup) {
        violation.cgroup = *subject.cgroup;
        violation.unit = host::systemd_unit(*subject.cgroup);
    }
    model::Event event;
    event.kind = Kind::violation;
    event.boot_ns = now_ns_;
    event.unix_ns = to_unix_ns(now_ns_, unix_minus_boot_ns());
    event.process = subject.process;
    event.body = violation;
    handler_(event);
}

}  // namespace vigil::agent
