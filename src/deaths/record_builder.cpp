// SPDX-License-Identifier: Apache-2.0
#include "deaths/record_builder.h"

#include <algorithm>
#include <array>
#include <csignal>

#include "base/clock.h"
#include "host/cgroups.h"
#include "model/signals.h"

namespace vigil::deaths {
namespace {

using model::Cause;
using model::SignalSource;

// Signals and violations are reported up to this long before the death.
constexpr int64_t max_age_ns = 600 * static_cast<int64_t>(ns_per_s);

bool is_termination_request(int number) {
    constexpr std::array numbers{SIGHUP, SIGINT, SIGQUIT, SIGABRT, SIGTERM, SIGXCPU};
    return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

// The fatal signal; null: unknown. A signal during the core dump for another one only cut the dump
// short.
const SignalRecord* find_fatal_signal(const DeathContext* context, int number) {
    if (context == nullptr) {
        return nullptr;
    }
    const auto& signals = context->signals;
    const auto it = std::find_if(signals.begin(), signals.end(), [&](const SignalRecord& signal) {
        return signal.number == number;
    });
    if (it == signals.end() || !it->dumping_core) {
        return it != signals.end() ? &*it : nullptr;
    }
    const auto earlier = std::find_if(
        std::make_reverse_iterator(it), signals.rend(), [](const SignalRecord& signal) {
            return model::dumps_core(signal.number) && !signal.dumping_core;
        });
    return earlier != signals.rend() ? &*earlier : &*it;
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

const model::Event& RecordBuilder::build(const process::ProcessExit& exit,
                                         const DeathContext* context, const LossTimes& losses) {
    const model::Event& event = exit.event;
    death_.exit = exit.exit;
    death_.started_unix_ns = event.unix_ns - static_cast<int64_t>(exit.exit.lifetime_ns);
    fill_cause(exit.entry, context, losses);
    fill_prior_signal(context, death_.signal_unix_ns.value_or(event.unix_ns), event.unix_ns);
    fill_identity(exit, losses);
    fill_limits(context, event.unix_ns);

    event_.kind = model::Kind::death;
    event_.cpu = event.cpu;
    event_.boot_ns = event.boot_ns;
    event_.unix_ns = event.unix_ns;
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
                               const LossTimes& losses) {
    death_.signal = death_.exit.signal();
    death_.cause = death_.signal != 0 ? Cause::signal : Cause::exit;
    death_.source.reset();
    death_.code.reset();
    death_.signal_unix_ns.reset();
    death_.killer.reset();
    death_.oom.reset();
    if (death_.signal == 0) {
        return;
    }
    const SignalRecord* signal = find_fatal_signal(context, death_.signal);
    if (signal == nullptr) {
        // seccomp can end a process without sending a signal (kernel/seccomp.c); nothing else does
        // so with this number.
        const bool none_lost = entry.process.start_ns > losses.signals_ns;
        death_.source =
            death_.signal == SIGSYS && none_lost ? SignalSource::fault : SignalSource::unknown;
        return;
    }
    death_.signal = signal->number;
    death_.source = signal->source;
    death_.code = signal->code;
    death_.signal_unix_ns = signal->unix_ns;
    if (signal->sender) {
        fill_killer(*signal);
    }
    if (signal->source == SignalSource::oom) {
        death_.cause = Cause::oom;
        if (context->oom) {
            fill_oom(*context->oom);
        }
    }
}

void RecordBuilder::fill_oom(const OomKill& kill) {
    model::OutOfMemory& oom = death_.oom.emplace();
    oom.rss_bytes = kill.rss_bytes;
    oom.limit_bytes = kill.limit_bytes;
    if (kill.limit_bytes) {
        oom.limit_cgroup = kill.limit_cgroup;
    }
    oom.trigger_pid = kill.trigger_pid;
    oom.trigger_comm = kill.trigger_comm;
}

void RecordBuilder::fill_killer(const SignalRecord& signal) {
    model::Killer& killer = death_.killer.emplace();
    killer.pid = signal.sender->pid;
    killer.start_ns = signal.sender->start_ns;
    killer.comm = signal.sender->comm;
    killer.uid = signal.sender->uid;
    killer_user_ = users_.name(signal.sender->uid);
    killer.user = killer_user_;
    if (signal.sender_node) {
        fill_image(signal.sender_node->image, killer.executable, killer.argv);
        list_ancestors(*signal.sender_node, killer.ancestry);
    }
}

void RecordBuilder::fill_prior_signal(const DeathContext* context, int64_t end_unix_ns,
                                      int64_t death_unix_ns) {
    death_.prior.reset();
    if (context == nullptr) {
        return;
    }
    const auto& signals = context->signals;
    const auto it = std::find_if(signals.rbegin(), signals.rend(), [&](const SignalRecord& signal) {
        return signal.number != death_.signal && is_termination_request(signal.number) &&
               signal.unix_ns <= end_unix_ns && signal.unix_ns >= death_unix_ns - max_age_ns;
    });
    if (it == signals.rend()) {
        return;
    }
    model::PriorSignal& prior = death_.prior.emplace();
    prior.number = it->number;
    prior.source = it->source;
    prior.unix_ns = it->unix_ns;
    prior.sender = it->sender;
    if (it->sender_node && it->sender_node->parent) {
        prior.parent_pid = it->sender_node->parent->pid;
        prior.parent_comm = it->sender_node->parent->comm;
    }
}

void RecordBuilder::fill_limits(const DeathContext* context, int64_t unix_ns) {
    model::LimitViolations& limits = death_.limits;
    limits.metrics.clear();
    limits.limits.clear();
    limits.peaks.clear();
    limits.since_unix_ns.clear();
    if (context == nullptr) {
        return;
    }
    for (const LimitViolation& violation : context->violations) {
        if (violation.last_unix_ns >= unix_ns - max_age_ns) {
            limits.metrics.push_back(violation.metric);
            limits.limits.push_back(violation.limit);
            limits.peaks.push_back(violation.peak);
            limits.since_unix_ns.push_back(violation.since_unix_ns);
        }
    }
}

}  // namespace vigil::deaths
