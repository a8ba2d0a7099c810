// SPDX-License-Identifier: Apache-2.0
#include "commands/trace/named_processes.h"

#include <fmt/format.h>

#include <array>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/print.h"
#include "base/text.h"
#include "host/hints.h"
#include "host/kernel.h"
#include "host/process_lookup.h"
#include "host/procfs.h"
#include "pipeline/kernel_filter.h"

namespace vigil::commands {
namespace {

using host::FoundProcess;
using host::PidUse;
using pipeline::WantedProcess;

// No process starts as late: what has this start time does not exist.
constexpr uint64_t never_ns = UINT64_MAX / 2;

struct NamedProcess {
    const char* option;
    std::optional<WantedProcess>* wanted;
};

std::array<NamedProcess, 3> named_processes(pipeline::Filter& filter) {
    return {{{"-p", &filter.pid}, {"--sender", &filter.sender}, {"--target", &filter.target}}};
}

std::string describe(uint32_t pid, const std::string& comm) {
    return fmt::format("process {} ({})", pid, escape_terminal(comm));
}

Error not_living(const char* option, uint32_t id, const FoundProcess& found) {
    switch (found.use) {
        case PidUse::thread:
            return usage_error(fmt::format("{0} {1}: {1} is a thread of process {2} ({3}): {0} {2}",
                                           option, id, found.pid, escape_terminal(found.comm)));
        case PidUse::zombie:
            return usage_error(fmt::format("{} {}: {} has ended; its parent has not waited for it",
                                           option, id, describe(id, found.comm)));
        case PidUse::none:
        case PidUse::process:
            break;
    }
    return usage_error(fmt::format("{} {}: no such process", option, id));
}

WantedProcess identity(uint32_t pid, uint64_t start_ns) {
    return {pid, start_ns, host::clock_tick_ns()};
}

// What had the pid until now, as the ring of pinned programs may have it; no later process.
WantedProcess started_before(uint32_t pid, uint64_t boot_ns) { return {pid, 0, boot_ns}; }

// A failed kill has no target: the pid alone is compared, and no process need have it.
bool target_may_be_gone(const TraceRequest& request, const char* option) {
    const bool failed = (request.filter.kinds & model::kind_bit(model::Kind::kill_failed)) != 0;
    return failed && std::string_view(option) == "--target";
}

}  // namespace

Result<void> check_pid_namespace(const TraceRequest& request) {
    if (host::in_initial_pid_namespace()) {
        return {};
    }
    std::string option = !request.command.empty() ? "'-- CMD'" : request.tree ? "--tree" : "";
    pipeline::Filter filter = request.filter;
    for (const auto& [name, wanted] : named_processes(filter)) {
        if (option.empty() && *wanted) {
            option = name;
        }
    }
    if (option.empty()) {
        return {};
    }
    return Error{
        ErrorCode::unsupported,
        fmt::format("{} can't work in a PID namespace (a container): the kernel's pids are "
                    "not those that ps shows here: {}",
                    option, host::pid_namespace_hint())};
}

Result<void> identify_processes(TraceRequest& request, pipeline::EndCondition& end) {
    TRY(check_pid_namespace(request));
    for (const auto& [option, wanted] : named_processes(request.filter)) {
        if (!*wanted) {
            continue;
        }
        const uint32_t id = (*wanted)->pid;
        TRY_ASSIGN(FoundProcess found, host::find_process(id));
        const bool may_be_gone = target_may_be_gone(request, option);
        if (found.use == PidUse::none && may_be_gone) {
            vigil::print(stderr, "vigil: no process {}: only failed kills can be shown of it\n",
                         id);
            *wanted = identity(id, never_ns);
            continue;
        }
        if (found.use != PidUse::process) {
            return not_living(option, id, found);
        }
        *wanted = identity(id, found.start_ns);
        if (!may_be_gone) {
            end.watch_process(std::move(found.pidfd), describe(id, found.comm));
        }
    }
    if (request.tree) {
        TRY_ASSIGN(const FoundProcess root, host::find_process(*request.tree));
        if (root.use != PidUse::process) {
            return not_living("--tree", *request.tree, root);
        }
    }
    return {};
}

Result<void> identify_for_pinned(TraceRequest& request, pipeline::EndCondition& end) {
    for (const auto& [option, wanted] : named_processes(request.filter)) {
        if (!*wanted || **wanted != WantedProcess{.pid = (*wanted)->pid}) {
            continue;  // none, or identified when it was pinned
        }
        const uint32_t id = (*wanted)->pid;
        TRY_ASSIGN(FoundProcess found, host::find_process(id));
        const bool may_be_gone = target_may_be_gone(request, option);
        switch (found.use) {
            case PidUse::thread:
                return not_living(option, id, found);
            case PidUse::none:
                if (may_be_gone) {
                    *wanted = started_before(id, boot_now_ns());
                } else {
                    end.add_ended(fmt::format("no process has pid {} now", id));
                }
                break;
            case PidUse::zombie:
            case PidUse::process:
                *wanted = identity(id, found.start_ns);
                if (!may_be_gone) {
                    end.watch_process(std::move(found.pidfd), describe(id, found.comm));
                }
                break;
        }
    }
    return {};
}

void watch_pinned(const vigil_filter& pinned, pipeline::EndCondition& end) {
    if (!host::in_initial_pid_namespace()) {
        return;  // /proc has other pids than the filter
    }
    for (const auto& wanted :
         {pipeline::wanted_process(pinned, pinned.pid, pinned.pid_start_ns),
          pipeline::wanted_process(pinned, pinned.sender, pinned.sender_start_ns),
          pipeline::wanted_process(pinned, pinned.target, pinned.target_start_ns)}) {
        const bool target_of_failed_kills =
            wanted && wanted->pid == pinned.target &&
            (pinned.kinds & model::kind_bit(model::Kind::kill_failed)) != 0;
        if (!wanted || target_of_failed_kills) {
            continue;
        }
        auto found = host::find_process(wanted->pid);
        if (!found) {
            continue;  // it can't be known
        }
        if (found->pid == wanted->pid && wanted->is(found->pid, found->start_ns)) {
            end.watch_process(std::move(found->pidfd), describe(found->pid, found->comm));
        } else {
            end.add_ended(fmt::format("process {} has ended", wanted->pid));
        }
    }
}

}  // namespace vigil::commands
