// SPDX-License-Identifier: Apache-2.0
#include "history/registrar.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include "base/clock.h"
#include "host/cgroups.h"
#include "host/procfs.h"
#include "model/sample.h"
#include "model/signals.h"

namespace vigil::history {
namespace {

using model::Kind;

// Of each process: the last signals of so many numbers, and limits.
constexpr size_t most_blows = 16;
constexpr size_t most_broken = 8;
constexpr size_t most_lineage_bytes = 32 << 20;
constexpr size_t most_image_bytes = 16 << 20;
constexpr size_t most_cgroups = 65'536;
constexpr size_t most_limits = 4096;
// Readings of /proc: in a storm of processes the rest is left unknown.
constexpr uint32_t most_readings_a_second = 500;

// After a loss of exits: until then those that were not lost are told.
constexpr uint64_t settled_after_ns = ns_per_s;
// Victims of one hit of a memory limit are told within this time.
constexpr uint64_t same_hit_ns = ns_per_s;
// The fork of whoever is older has been told.
constexpr uint64_t young_ns = 10 * ns_per_s;

}  // namespace

const Blow* find_blow(const Life& life, int number) {
    if (!life.marks) {
        return nullptr;
    }
    const auto& blows = life.marks->blows;
    const auto it = std::find_if(blows.begin(), blows.end(),
                                 [&](const Blow& blow) { return blow.number == number; });
    return it != blows.end() ? &*it : nullptr;
}

Registrar::Registrar(Handler handler)
    : handler_(std::move(handler)), lineage_(most_lineage_bytes), images_(most_image_bytes) {}

size_t Registrar::bytes() const {
    return lineage_.bytes() + images_.bytes() + lives_.size() * (sizeof(Lives::value_type) + 16);
}

void Registrar::take(const model::Event& event) {
    now_ns_ = std::max(now_ns_, event.boot_ns);
    if (now_ns_ >= forget_at_ns_) {
        forget_missing();
    }
    switch (event.kind) {
        case Kind::fork:
            if (!std::get<model::Fork>(event.body).thread) {
                born(event);
            }
            break;
        case Kind::exec:
            replaced(event);
            break;
        case Kind::signal:
            struck(event);
            break;
        case Kind::oom:
            out_of_memory(event);
            break;
        case Kind::violation:
            broke_limit(event);
            break;
        case Kind::exit:
            if (!std::get<model::Exit>(event.body).thread) {
                ended(event);
            }
            break;
        case Kind::loss:
            lost(event);
            break;
        default:
            break;
    }
}

// Another process of the same pid: its end was lost, and is told as such.
Life* Registrar::find(uint32_t pid, uint64_t start_ns) {
    const auto it = lives_.find(pid);
    return it != lives_.end() && model::same_start(it->second.person->start_ns, start_ns)
               ? &it->second
               : nullptr;
}

// One that nobody has told of has no line: its parent may have changed.
Life& Registrar::known(const model::Process& process) {
    if (Life* life = find(process.pid, process.start_ns)) {
        return *life;
    }
    Life fresh;
    fresh.person = lineage_.add(process, nullptr, nullptr);
    fresh.cgroup_id = process.cgroup_id;
    fresh.cgroup = cgroup_of(process, nullptr);
    return lives_.insert_or_assign(process.pid, std::move(fresh)).first->second;
}

PersonPtr Registrar::parent_of(const model::Event& event) {
    const auto& fork = std::get<model::Fork>(event.body);
    if (Life* parent = find(event.process.ppid, fork.parent_start_ns)) {
        return parent->person = lineage_.shorten(parent->person);
    }
    PersonPtr learned = event.process.ppid != 0 && may_read() ? learn(event.process.ppid) : nullptr;
    return learned && model::same_start(learned->start_ns, fork.parent_start_ns) ? learned
                                                                                 : nullptr;
}

void Registrar::born(const model::Event& event) {
    const model::Process& process = event.process;
    std::unique_ptr<Marks> marks;
    if (Life* known = find(process.pid, process.start_ns)) {
        if (known->person->parent || known->person->image) {
            return;  // /proc was faster
        }
        marks = std::move(known->marks);  // a signal was
    }
    Life life;
    life.marks = std::move(marks);
    PersonPtr parent = parent_of(event);
    model::ImagePtr image = parent ? parent->image : nullptr;
    if (const Life* above = find(process.ppid, std::get<model::Fork>(event.body).parent_start_ns)) {
        life.cgroup = above->cgroup;
        life.cgroup_id = above->cgroup_id;
        life.cwd = above->cwd;
    }
    if (life.cgroup_id != process.cgroup_id || !life.cgroup) {
        life.cgroup = cgroup_of(process, life.cgroup);
        life.cgroup_id = process.cgroup_id;
    }
    life.person = lineage_.add(process, std::move(image), std::move(parent));
    lives_.insert_or_assign(process.pid, std::move(life));
}

void Registrar::replaced(const model::Event& event) {
    Life& life = known(event.process);
    life.person = lineage_.renew(*life.person, event.process,
                                 images_.keep(model::image_of(std::get<model::Exec>(event.body))));
    look_around(life, event.process);
}

// An exec is where a process has come to where it stays, as a rule.
void Registrar::look_around(Life& life, const model::Process& process) {
    const bool may = may_read();
    auto cwd = may ? host::read_working_directory(process.pid) : std::nullopt;
    life.cwd_read = cwd.has_value();
    if (cwd && (!life.cwd || *life.cwd != *cwd)) {  // as a rule it is that of its parent
        life.cwd = std::make_shared<const std::string>(std::move(*cwd));
    }
    if (process.cgroup_id != life.cgroup_id && life.cgroup_id != 0) {
        life.cgroup = cgroup_of(process, life.cgroup);
    }
    // With version 1 in use all have the same id; elsewhere handles may not be allowed.
    if (may && (process.cgroup_id <= 1 || !life.cgroup)) {
        auto path = host::read_cgroup(process.pid);
        if (path && (!life.cgroup || *life.cgroup != *path)) {
            life.cgroup = std::make_shared<const std::string>(std::move(*path));
        }
    }
    life.cgroup_id = process.cgroup_id;
}

// `before`: what it was, for where the id tells nothing.
SharedText Registrar::cgroup_of(const model::Process& process, const SharedText& before) {
    if (process.cgroup_id <= 1) {
        return before;
    }
    if (const auto it = cgroups_.find(process.cgroup_id); it != cgroups_.end()) {
        return it->second;
    }
    if (cgroups_.size() >= most_cgroups) {
        cgroups_.clear();
    }
    auto path = host::cgroup_path(process.cgroup_id);
    SharedText text = path ? std::make_shared<const std::string>(std::move(*path)) : nullptr;
    cgroups_[process.cgroup_id] = text;
    return text;
}

bool Registrar::may_read() {
    if (now_ns_ >= readings_since_ns_ + ns_per_s) {
        readings_since_ns_ = now_ns_;
        readings_ = 0;
    }
    return readings_++ < most_readings_a_second;
}

// A parent whose death is the reason has ended already.
PersonPtr Registrar::sender_of(const model::Sender& sender) {
    if (const Life* life = find(sender.pid, sender.start_ns)) {
        return life->person;
    }
    return find_ended(sender.pid, sender.start_ns);
}

PersonPtr Registrar::find_ended(uint32_t pid, uint64_t start_ns) const {
    const auto it = std::find_if(ended_.begin(), ended_.end(), [&](const PersonPtr& person) {
        return person && person->pid == pid && model::same_start(person->start_ns, start_ns);
    });
    return it != ended_.end() ? *it : nullptr;
}

// Told already, or long a zombie. A young one that nobody has told of is neither: a signal can be
// told before the fork.
bool Registrar::has_ended(const model::Process& process) {
    if (find_ended(process.pid, process.start_ns)) {
        return true;
    }
    if (process.start_ns + young_ns > now_ns_ || !may_read()) {
        return false;
    }
    const auto stat = host::read_stat(process.pid);
    return stat && stat->is_zombie() && model::same_start(stat->start_ns, process.start_ns);
}

void Registrar::struck(const model::Event& event) {
    const auto& signal = std::get<model::Signal>(event.body);
    if (signal.result != model::SignalResult::delivered &&
        signal.result != model::SignalResult::info_lost) {
        return;
    }
    Blow blow;
    blow.number = signal.number;
    blow.code = signal.code;
    blow.source = signal.source;
    blow.dumping = signal.dumping;
    blow.unix_ns = event.unix_ns;
    blow.sender = signal.sender;
    if (signal.sender) {
        blow.person = sender_of(*signal.sender);
    }
    Life* target = find(event.process.pid, event.process.start_ns);
    if (target == nullptr && has_ended(event.process)) {
        return;  // older kernels tell signals to the dead as delivered
    }
    auto& blows = (target != nullptr ? *target : known(event.process)).marked().blows;
    const auto same = std::find_if(blows.begin(), blows.end(),
                                   [&](const Blow& each) { return each.number == blow.number; });
    if (same != blows.end()) {
        blows.erase(same);
    } else if (blows.size() == most_blows) {
        blows.erase(blows.begin());
    }
    blows.push_back(std::move(blow));
}

void Registrar::out_of_memory(const model::Event& event) {
    const auto& oom = std::get<model::Oom>(event.body);
    Life* life = find(event.process.pid, event.process.start_ns);
    if (life == nullptr) {
        return;  // its kernel names a thread that can't be told
    }
    OomKill kill;
    kill.rss_bytes = oom.rss_bytes;
    kill.trigger_pid = oom.trigger_pid;
    kill.trigger_comm = oom.trigger_comm;
    if (life->cgroup) {
        name_limit(*life->cgroup, kill);
    }
    life->marked().oom = std::move(kill);
}

// The limit that was hit is one that was hit once more than when it was last looked at, or a moment
// ago: several may die of it. Of one that is seen for the first time only the first hit of all is
// sure to be this one.
void Registrar::name_limit(const std::string& cgroup, OomKill& kill) {
    if (limits_.size() >= most_limits) {
        limits_.clear();
    }
    for (host::MemoryLimit& limit : host::memory_limits(cgroup)) {
        const auto [it, is_new] = limits_.try_emplace(limit.cgroup);
        KnownLimit& known = it->second;
        if (is_new ? limit.times_hit == 1 : limit.times_hit > known.times_hit) {
            known.hit_ns = now_ns_;
        }
        known.times_hit = limit.times_hit;
        if (!kill.limit_bytes && known.hit_ns != 0 && now_ns_ - known.hit_ns < same_hit_ns) {
            kill.limit_bytes = limit.bytes;
            kill.limit_cgroup = std::move(limit.cgroup);
        }
    }
}

void Registrar::broke_limit(const model::Event& event) {
    const auto& violation = std::get<model::Violation>(event.body);
    Life* life = find(event.process.pid, event.process.start_ns);
    if (life == nullptr) {
        return;
    }
    const std::string_view metric = model::metrics()[model::index(violation.metric)].name;
    auto& broken = life->marked().broken;
    auto it = std::find_if(broken.begin(), broken.end(), [&](const Broken& each) {
        return each.metric == metric && each.limit == violation.limit;
    });
    if (it == broken.end()) {
        if (broken.size() == most_broken) {
            broken.erase(broken.begin());
        }
        it = broken.insert(broken.end(), Broken{});
        it->metric = metric;
        it->limit = violation.limit;
    }
    const int64_t since =
        event.unix_ns - static_cast<int64_t>(std::min<uint64_t>(violation.duration_ns, INT64_MAX));
    it->since_unix_ns = since;
    it->peak = violation.peak;
    it->last_unix_ns =
        violation.state == model::ViolationState::cleared ? event.unix_ns : INT64_MAX;
}

void Registrar::ended(const model::Event& event) {
    Life& life = known(event.process);
    if (life.cgroup_id != event.process.cgroup_id) {
        SharedText now = cgroup_of(event.process, life.cgroup);
        if (now || life.cgroup_id != 0) {  // it was moved; else its path is from /proc
            life.cgroup = std::move(now);
        }
    }
    certify(event, life);
    ended_[next_ended_++ % ended_.size()] = std::move(life.person);
    lives_.erase(event.process.pid);
}

// A signal that was lost may have been the one that ended whoever ends next: better nobody is named
// than the one before.
void Registrar::lost(const model::Event& event) {
    const auto& loss = std::get<model::Loss>(event.body);
    if (!loss.kind || *loss.kind == Kind::signal) {
        signals_lost_ns_ = now_ns_;
        for (auto& [pid, life] : lives_) {
            if (life.marks) {
                life.marks->blows.clear();
            }
        }
    }
    if (!loss.kind || *loss.kind == Kind::exec) {
        execs_lost_ns_ = now_ns_;
    }
    if (!loss.kind || *loss.kind == Kind::exit) {
        forget_at_ns_ = now_ns_ + settled_after_ns;
    }
}

// Who was not there at the look before has had the time since then to be told.
void Registrar::forget_missing() {
    std::unordered_map<uint32_t, uint64_t> missing;
    for (auto it = lives_.begin(); it != lives_.end();) {
        const uint64_t start_ns = it->second.person->start_ns;
        const auto stat = host::read_stat(it->first);
        const bool there =
            stat && !stat->is_zombie() && model::same_start(stat->start_ns, start_ns);
        const auto before = missing_.find(it->first);
        if (!there && before != missing_.end() && before->second == start_ns) {
            it = lives_.erase(it);
            continue;
        }
        if (!there) {
            missing.emplace(it->first, start_ns);
        }
        ++it;
    }
    missing_ = std::move(missing);
    forget_at_ns_ = missing_.empty() ? UINT64_MAX : now_ns_ + settled_after_ns;
}

}  // namespace vigil::history
