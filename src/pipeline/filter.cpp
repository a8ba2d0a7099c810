// SPDX-License-Identifier: Apache-2.0
#include "pipeline/filter.h"

namespace vigil::pipeline {
namespace {

bool same(const std::optional<uint32_t>& expected, uint32_t value) {
    return !expected || *expected == value;
}

// `process`: model::Process or model::Sender.
template <class Process>
bool same(const std::optional<WantedProcess>& expected, const Process& process) {
    return !expected || expected->is(process.pid, process.start_ns);
}

bool same_comm(const std::optional<std::string>& expected, const model::Comm& comm) {
    return !expected || std::string_view(*expected).substr(0, comm.bytes.size() - 1) == comm.view();
}

bool same_name(const Filter& filter, NameTracker* names, uint32_t pid, uint64_t start_ns,
               const model::Comm& comm) {
    if (!same_comm(filter.comm, comm)) {
        return false;
    }
    return !filter.name || (names != nullptr ? names->matches(pid, start_ns, comm)
                                             : NameTracker::matches_comm(*filter.name, comm));
}

bool number_passes(const Filter& filter, int number) {
    return number < 1 || number > model::signal_max ||
           (filter.signals & model::signal_bit(number)) != 0;
}

bool signal_passes(const Filter& filter, const model::Signal& signal, const model::Process& target,
                   NameTracker* names) {
    if (!number_passes(filter, signal.number)) {
        return false;
    }
    if (filter.sent_only && signal.source != model::SignalSource::user &&
        signal.source != model::SignalSource::self) {
        return false;
    }
    const auto& sender = signal.sender;
    if (!same(filter.target, target) ||
        (filter.sender && !(sender && same(filter.sender, *sender)))) {
        return false;
    }
    const bool target_fits = same(filter.pid, target) && same(filter.uid, target.uid) &&
                             same_name(filter, names, target.pid, target.start_ns, target.comm);
    const bool sender_fits = sender && same(filter.pid, *sender) && same(filter.uid, sender->uid) &&
                             same_name(filter, names, sender->pid, sender->start_ns, sender->comm);
    return target_fits || sender_fits;
}

}  // namespace

bool passes(const Filter& filter, const model::Event& event, NameTracker* names) {
    if (event.kind == model::Kind::loss) {
        return true;
    }
    if ((filter.kinds & model::kind_bit(event.kind)) == 0) {
        return false;
    }
    const model::Process& process = event.process;
    if (const auto* signal = std::get_if<model::Signal>(&event.body)) {
        return signal_passes(filter, *signal, process, names);
    }
    if (const auto* failed = std::get_if<model::KillFailed>(&event.body)) {
        const bool target_fits =
            !filter.target ||
            (failed->target && *failed->target == static_cast<int>(filter.target->pid));
        if (!number_passes(filter, failed->number) || !same(filter.sender, process) ||
            !target_fits) {
            return false;
        }
    }
    const auto* fork = std::get_if<model::Fork>(&event.body);
    const bool pid_fits = same(filter.pid, process) ||
                          (fork != nullptr && filter.pid->is(process.ppid, fork->parent_start_ns));
    return pid_fits && same(filter.uid, process.uid) &&
           same_name(filter, names, process.pid, process.start_ns, process.comm);
}

}  // namespace vigil::pipeline
