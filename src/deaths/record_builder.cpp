// SPDX-License-Identifier: Apache-2.0
#include "deaths/record_builder.h"

#include <algorithm>
#include <array>
#include <csignal>

#include "base/clock.h"
#include "host/cgroups.h"
#include "model/signals.h"
#include "model/wrappers.h"

namespace vigil::deaths {
namespace {

using model::Cause;
using model::SignalSource;

// Signals and violations are reported up to this long before the death.
constexpr uint64_t max_age_ns = 600 * ns_per_s;

// A program that is not known to report the end of its command does so at once.
constexpr uint64_t report_ns = ns_per_s;

constexpr uint64_t crash_response_ns = 10 * ns_per_s;
constexpr uint64_t stop_response_ns = 120 * ns_per_s;

bool is_termination_request(int number) {
    constexpr std::array numbers{SIGHUP, SIGINT, SIGQUIT, SIGABRT, SIGTERM, SIGXCPU};
    return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

// Of a fault of the process's own instruction.
bool is_crash(int number) {
    constexpr std::array numbers{SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS};
    return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

const SignalRecord* find_signal(const DeathContext& context, int number) {
    const auto it =
        std::find_if(context.signals.begin(), context.signals.end(),
                     [&](const SignalRecord& signal) { return signal.number == number; });
    return it != context.signals.end() ? &*it : nullptr;
}

// The last signal of a fault that a handler answered at `end_ns`, by whichever means; null: none.
const SignalRecord* find_crash(const DeathContext& context, uint64_t end_ns) {
    const SignalRecord* last = nullptr;
    for (const SignalRecord& signal : context.signals) {
        if (is_crash(signal.number) && !signal.is_own && signal.boot_ns <= end_ns &&
            end_ns - signal.boot_ns <= crash_response_ns &&
            (last == nullptr || last->boot_ns <= signal.boot_ns)) {
            last = &signal;
        }
    }
    return last;
}

// The signal that the exit status names; null: unknown. A signal during the core dump for another
// one only cut the dump short.
const SignalRecord* find_fatal_signal(const DeathContext* context, int number) {
    const SignalRecord* found = context != nullptr ? find_signal(*context, number) : nullptr;
    if (found == nullptr || !found->dumping_core) {
        return found;
    }
    const SignalRecord* dumped = found;
    for (const SignalRecord& signal : context->signals) {
        if (&signal == found) {
            break;
        }
        if (model::dumps_core(signal.number) && !signal.dumping_core) {
            dumped = &signal;
        }
    }
    return dumped;
}

bool reports_commands(const process::ProcessEntry& entry) {
    const auto fits = [](std::string_view path) {
        return model::is_shell(path) || model::is_wrapper(path);
    };
    return fits(entry.process.comm.view()) || (entry.image && fits(entry.image->executable));
}

std::optional<std::string_view> text_of(const model::SharedText& text) {
    return text ? std::optional<std::string_view>(*text) : std::nullopt;
}

void fill_image(const model::ExecImagePtr& image, std::optional<std::string_view>& executable,
                std::optional<std::string_view>& argv) {
    executable = argv = std::nullopt;
    if (image) {
        if (!image->file.empty()) {
            executable = image->file;
        }
        argv = image->argv;
    }
}

}  // namespace

uint64_t response_timeout_ns(int number) {
    return is_crash(number) ? crash_response_ns : stop_response_ns;
}

int64_t RecordBuilder::to_unix_ns(uint64_t boot_ns) const {
    return event_.unix_ns - static_cast<int64_t>(event_.boot_ns - boot_ns);
}

const model::Event& RecordBuilder::build(const process::ProcessExit& exit,
                                         const DeathContext* context, const LossTimes& losses,
                                         const process::ProcessEntry* tracer) {
    const model::Event& event = exit.event;
    death_.boot_id = boot_id_;
    death_.exit = exit.exit;
    death_.started_unix_ns = event.unix_ns - static_cast<int64_t>(exit.exit.lifetime_ns);
    event_.kind = model::Kind::death;
    event_.cpu = event.cpu;
    event_.boot_ns = event.boot_ns;
    event_.unix_ns = event.unix_ns;
    cause_ns_ = event.boot_ns;
    fill_cause(exit.entry, context, losses, tracer);
    fill_prior_signal(context);
    fill_child(exit.entry, context);
    fill_identity(exit, losses);
    fill_limits(context);

    event_.process = event.process;
    event_.body = &death_;
    return event_;
}

void RecordBuilder::fill_identity(const process::ProcessExit& exit, const LossTimes& losses) {
    const process::ProcessEntry& entry = exit.entry;
    const model::Process& process = exit.event.process;
    // If an exec may have been lost, a different name means another program.
    const bool is_sure = entry.process.start_ns > losses.execs_ns ||
                         (entry.node && entry.node->comm.view() == process.comm.view());
    fill_image(is_sure ? entry.image : nullptr, death_.executable, death_.argv);
    user_ = users_.name(process.uid);
    death_.user = user_;
    death_.login_user.reset();
    if (death_.exit.login_uid) {
        login_user_ = users_.name(*death_.exit.login_uid);
        death_.login_user = login_user_;
    }
    death_.cwd = entry.cwd_read ? text_of(entry.cwd) : std::nullopt;
    death_.cgroup = text_of(entry.cgroup);
    death_.unit = death_.cgroup ? host::systemd_unit(*death_.cgroup) : std::nullopt;
    death_.container = death_.cgroup ? host::container_id(*death_.cgroup) : std::nullopt;
    if (entry.node) {
        list_ancestors(*entry.node, death_.ancestry);
    } else {
        death_.ancestry = {};
    }
}

void RecordBuilder::fill_cause(const process::ProcessEntry& entry, const DeathContext* context,
                               const LossTimes& losses, const process::ProcessEntry* tracer) {
    death_.signal = death_.exit.signal();
    death_.cause = death_.signal != 0 ? Cause::signal : Cause::exit;
    death_.source.reset();
    death_.code.reset();
    death_.near_stack = false;
    death_.signal_unix_ns.reset();
    death_.killer.reset();
    death_.response.reset();
    death_.oom.reset();
    if (death_.signal == 0) {
        return;
    }
    const SignalRecord* signal = find_fatal_signal(context, death_.signal);
    if (signal == nullptr) {
        fill_unseen_cause(entry.process.start_ns > losses.signals_ns, tracer);
        return;
    }
    if (signal->raised_again_ns) {
        death_.response = {.number = signal->number,
                           .unix_ns = to_unix_ns(*signal->raised_again_ns)};
    } else if (signal->is_own && (model::dumps_core(signal->number) || signal->number == SIGKILL)) {
        if (const SignalRecord* crash = find_crash(*context, signal->boot_ns)) {
            death_.response = {.number = signal->number, .unix_ns = to_unix_ns(signal->boot_ns)};
            signal = crash;
        }
    }
    cause_ns_ = signal->boot_ns;
    death_.signal = signal->number;
    death_.source = signal->source;
    death_.code = signal->code;
    death_.near_stack = signal->near_stack;
    death_.signal_unix_ns = to_unix_ns(signal->boot_ns);
    if (signal->sender) {
        fill_killer(*signal->sender, signal->sender_node);
    }
    // On a busy machine the OOM killer may name its victim too late for the signal's own source.
    if (signal->source == SignalSource::oom ||
        (context->oom && signal->source == SignalSource::kernel && signal->number == SIGKILL)) {
        death_.source = SignalSource::oom;
        death_.cause = Cause::oom;
        if (context->oom) {
            fill_oom(*context->oom);
        }
    }
}

// A tracer gives a signal to the process when it lets it go on (ptrace(2)), and seccomp can end one
// (kernel/seccomp.c), without a signal being made. Nothing else does so with the numbers of the
// latter: SIGSYS for a filter, SIGKILL in strict mode.
void RecordBuilder::fill_unseen_cause(bool none_lost, const process::ProcessEntry* tracer) {
    if (!none_lost) {
        death_.source = SignalSource::unknown;
    } else if (death_.signal == SIGSYS) {
        death_.source = SignalSource::fault;
    } else if (death_.exit.tracer_pid != 0) {
        death_.source = SignalSource::tracer;
        if (tracer != nullptr) {
            fill_killer({.pid = tracer->process.pid,
                         .tid = tracer->process.pid,
                         .uid = tracer->process.uid,
                         .start_ns = tracer->process.start_ns,
                         .comm = tracer->process.comm},
                        tracer->node);
        }
    } else {
        death_.source = death_.signal == SIGKILL ? SignalSource::kernel : SignalSource::unknown;
    }
}

void RecordBuilder::fill_oom(const OomKill& kill) {
    model::OutOfMemory& oom = death_.oom.emplace();
    oom.rss_bytes = kill.rss_bytes;
    oom.limit_bytes = kill.limit_bytes;
    oom.limited = kill.limited;
    if (kill.limit_bytes) {
        oom.limit_cgroup = kill.limit_cgroup;
    }
    oom.trigger_pid = kill.trigger_pid;
    oom.trigger_comm = kill.trigger_comm;
}

void RecordBuilder::fill_killer(const model::Sender& sender, const process::NodePtr& node) {
    model::Killer& killer = death_.killer.emplace();
    killer.pid = sender.pid;
    killer.start_ns = sender.start_ns;
    killer.comm = sender.comm;
    killer.uid = sender.uid;
    killer_user_ = users_.name(sender.uid);
    killer.user = killer_user_;
    if (node) {
        fill_image(node->image, killer.executable, killer.argv);
        list_ancestors(*node, killer.ancestry);
    }
}

// A request to end; or, of one that ended by itself with an error, a fault shortly before.
void RecordBuilder::fill_prior_signal(const DeathContext* context) {
    death_.prior.reset();
    if (context == nullptr) {
        return;
    }
    // A program that crashes does not do so for a request that it has survived for long.
    const uint64_t age_ns = death_.source == SignalSource::fault ? crash_response_ns : max_age_ns;
    const SignalRecord* it = nullptr;
    for (const SignalRecord& signal : context->signals) {
        if (signal.number != death_.signal && is_termination_request(signal.number) &&
            signal.boot_ns <= cause_ns_ && cause_ns_ - signal.boot_ns <= age_ns &&
            (it == nullptr || it->boot_ns <= signal.boot_ns)) {
            it = &signal;
        }
    }
    if (it == nullptr && death_.cause == Cause::exit && death_.is_abnormal()) {
        it = find_crash(*context, cause_ns_);
    }
    if (it == nullptr) {
        return;
    }
    model::PriorSignal& prior = death_.prior.emplace();
    prior.number = it->number;
    prior.source = it->source;
    prior.unix_ns = to_unix_ns(it->boot_ns);
    prior.sender = it->sender;
    if (it->sender_node && it->sender_node->parent) {
        prior.parent_pid = it->sender_node->parent->pid;
        prior.parent_comm = it->sender_node->parent->comm;
    }
}

// The last child whose end the process's own exit code, or the signal that it sent itself, repeats.
void RecordBuilder::fill_child(const process::ProcessEntry& entry, const DeathContext* context) {
    death_.child.reset();
    const bool own = death_.source == SignalSource::self && !death_.response;
    if (context == nullptr || (death_.cause != Cause::exit && !own)) {
        return;
    }
    const int code = model::shell_exit_code(death_.exit.signal(), death_.exit.code());
    const bool asked = death_.prior && model::shell_exit_code(death_.prior->number, 0) == code;
    const bool wrapper = reports_commands(entry);
    for (const ChildExit& child : context->children) {
        const uint64_t age_ns = event_.boot_ns - std::min(event_.boot_ns, child.boot_ns);
        if (model::shell_exit_code(child.death.signal, child.death.exit_code) == code &&
            (wrapper ? age_ns <= max_age_ns : age_ns <= report_ns && !asked)) {
            death_.child = child.death;
        }
    }
}

void RecordBuilder::fill_limits(const DeathContext* context) {
    model::LimitViolations& limits = death_.limits;
    limits.metrics.clear();
    limits.limits.clear();
    limits.peaks.clear();
    limits.since_unix_ns.clear();
    if (context == nullptr) {
        return;
    }
    for (const LimitViolation& violation : context->violations) {
        if (violation.last_ns >= event_.boot_ns - std::min(event_.boot_ns, max_age_ns)) {
            limits.metrics.push_back(violation.metric);
            limits.limits.push_back(violation.limit);
            limits.peaks.push_back(violation.peak);
            limits.since_unix_ns.push_back(to_unix_ns(violation.since_ns));
        }
    }
}

}  // namespace vigil::deaths
