// SPDX-License-Identifier: Apache-2.0
// The certificate itself, from what is known of a life.
#include <algorithm>
#include <array>
#include <csignal>

#include "base/clock.h"
#include "history/registrar.h"
#include "host/cgroups.h"
#include "model/signals.h"

namespace vigil::history {
namespace {

using model::Cause;
using model::SignalSource;

constexpr int64_t remembered_ns = 600 * static_cast<int64_t>(ns_per_s);

// What asks a process to end, before something stronger does.
bool asks_to_end(int number) {
    constexpr std::array numbers{SIGHUP, SIGINT, SIGQUIT, SIGABRT, SIGTERM, SIGXCPU};
    return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

// The signal that ended it. One that came while it dumped its core for another only cut that short.
const Blow* last_blow(const Life& life, int number) {
    const Blow* blow = find_blow(life, number);
    if (blow == nullptr || !blow->dumping) {
        return blow;
    }
    const auto& blows = life.marks->blows;
    const auto end =
        std::find_if(blows.begin(), blows.end(), [&](const Blow& each) { return &each == blow; });
    const auto earlier = std::find_if(
        std::make_reverse_iterator(end), blows.rend(),
        [](const Blow& each) { return model::dumps_core(each.number) && !each.dumping; });
    return earlier != blows.rend() ? &*earlier : blow;
}

std::optional<std::string_view> text_of(const SharedText& text) {
    return text ? std::optional<std::string_view>(*text) : std::nullopt;
}

void name_image(const model::ImagePtr& image, std::optional<std::string_view>& executable,
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

void Registrar::certify(const model::Event& event, const Life& life) {
    death_.exit = std::get<model::Exit>(event.body);
    death_.born_unix_ns = event.unix_ns - static_cast<int64_t>(death_.exit.lifetime_ns);
    name_cause(life);
    name_before(life, death_.signal_unix_ns.value_or(event.unix_ns), event.unix_ns);
    // Where an exec may have been lost, another name is that of another program.
    const bool is_sure = life.person->start_ns > execs_lost_ns_ ||
                         life.person->comm.view() == event.process.comm.view();
    name_image(is_sure ? life.person->image : nullptr, death_.executable, death_.argv);
    user_ = users_.name(event.process.uid);
    death_.user = user_;
    death_.login_user.reset();
    if (death_.exit.login_uid) {
        login_user_ = users_.name(*death_.exit.login_uid);
        death_.login_user = login_user_;
    }
    death_.cwd = life.cwd_read ? text_of(life.cwd) : std::nullopt;
    death_.cgroup = text_of(life.cgroup);
    death_.unit = death_.cgroup ? host::systemd_unit(*death_.cgroup) : std::nullopt;
    death_.container = death_.cgroup ? host::container_id(*death_.cgroup) : std::nullopt;
    list_ancestors(*life.person, death_.ancestry);
    list_limits(life, event.unix_ns);

    model::Event certificate;
    certificate.kind = model::Kind::death;
    certificate.cpu = event.cpu;
    certificate.boot_ns = event.boot_ns;
    certificate.unix_ns = event.unix_ns;
    certificate.process = event.process;
    certificate.body = &death_;
    handler_(certificate);
}

void Registrar::name_cause(const Life& life) {
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
    const Blow* blow = last_blow(life, death_.signal);
    if (blow == nullptr) {
        // seccomp can end a process without a signal being made (kernel/seccomp.c), and nothing
        // else does so with this number.
        const bool all_told = life.person->start_ns > signals_lost_ns_;
        death_.source =
            death_.signal == SIGSYS && all_told ? SignalSource::fault : SignalSource::unknown;
        return;
    }
    death_.signal = blow->number;
    death_.source = blow->source;
    death_.code = blow->code;
    death_.signal_unix_ns = blow->unix_ns;
    if (blow->sender) {
        name_killer(*blow);
    }
    if (blow->source == SignalSource::oom) {
        death_.cause = Cause::oom;
        if (life.marks->oom) {
            const OomKill& kill = *life.marks->oom;
            model::OutOfMemory& told = death_.oom.emplace();
            told.rss_bytes = kill.rss_bytes;
            told.limit_bytes = kill.limit_bytes;
            if (kill.limit_bytes) {
                told.limit_cgroup = kill.limit_cgroup;
            }
            told.trigger_pid = kill.trigger_pid;
            told.trigger_comm = kill.trigger_comm;
        }
    }
}

void Registrar::name_killer(const Blow& blow) {
    model::Killer& killer = death_.killer.emplace();
    killer.pid = blow.sender->pid;
    killer.start_ns = blow.sender->start_ns;
    killer.comm = blow.sender->comm;
    killer.uid = blow.sender->uid;
    killer_user_ = users_.name(blow.sender->uid);
    killer.user = killer_user_;
    if (blow.person) {
        name_image(blow.person->image, killer.executable, killer.argv);
        list_ancestors(*blow.person, killer.ancestry);
    }
}

void Registrar::name_before(const Life& life, int64_t end_unix_ns, int64_t death_unix_ns) {
    death_.before.reset();
    if (!life.marks) {
        return;
    }
    const auto& blows = life.marks->blows;
    const auto it = std::find_if(blows.rbegin(), blows.rend(), [&](const Blow& blow) {
        return blow.number != death_.signal && asks_to_end(blow.number) &&
               blow.unix_ns <= end_unix_ns && blow.unix_ns >= death_unix_ns - remembered_ns;
    });
    if (it == blows.rend()) {
        return;
    }
    model::EarlierSignal& before = death_.before.emplace();
    before.number = it->number;
    before.source = it->source;
    before.unix_ns = it->unix_ns;
    before.sender = it->sender;
    if (it->person && it->person->parent) {
        before.parent_pid = it->person->parent->pid;
        before.parent_comm = it->person->parent->comm;
    }
}

void Registrar::list_limits(const Life& life, int64_t unix_ns) {
    model::BrokenLimits& limits = death_.limits;
    limits.metrics.clear();
    limits.limits.clear();
    limits.peaks.clear();
    limits.since_unix_ns.clear();
    if (!life.marks) {
        return;
    }
    for (const Broken& broken : life.marks->broken) {
        if (broken.last_unix_ns >= unix_ns - remembered_ns) {
            limits.metrics.push_back(broken.metric);
            limits.limits.push_back(broken.limit);
            limits.peaks.push_back(broken.peak);
            limits.since_unix_ns.push_back(broken.since_unix_ns);
        }
    }
}

}  // namespace vigil::history
