// SPDX-License-Identifier: Apache-2.0
#include "commands/trace/trace.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/print.h"
#include "base/text.h"
#include "capture/pin.h"
#include "capture/probe.h"
#include "capture/tracer.h"
#include "cli/cli.h"
#include "commands/trace/commands.h"
#include "commands/trace/named_processes.h"
#include "commands/trace/trace_loop.h"
#include "host/hints.h"
#include "host/kernel.h"
#include "host/probe.h"
#include "output/color.h"
#include "pipeline/accounting.h"

namespace vigil::commands {
namespace {

using model::Kind;

std::unique_ptr<format::Formatter> make_formatter(const TraceRequest& request) {
    switch (request.format) {
        case Format::json:
            return format::make_json_formatter(host::host_name());
        case Format::table:
            return format::make_table_formatter();
        case Format::none:
            return format::make_null_formatter();
        case Format::text:
            break;
    }
    return format::make_text_formatter(!request.legacy_output,
                                       !request.legacy_output && output::wants_color());
}

// Printed once everything is attached: scripts wait for it.
void announce(const TraceRequest& request, model::KindSet kinds_seen) {
    if (request.legacy_output || request.format == Format::table) {
        return;
    }
    std::vector<std::string_view> kinds;
    for (size_t kind = 0; kind < model::kernel_kind_count; kind++) {
        if ((kinds_seen >> kind & 1) != 0) {
            kinds.push_back(to_string(static_cast<Kind>(kind)));
        }
    }
    if ((kinds_seen & model::kind_bit(Kind::kill_failed)) != 0) {
        vigil::print(stderr, "vigil: failed kills by 32-bit programs can't be seen\n");
    }
    vigil::print(stderr, "vigil: tracing {}{}\n",
                 kinds.empty() ? "nothing" : fmt::format("{}", fmt::join(kinds, ", ")),
                 request.command.empty() ? "; Ctrl-C ends" : "");
}

pipeline::RunTotals make_run_totals(const TraceLoop& loop, const capture::Tracer& tracer) {
    const capture::RingReader& reader = tracer.reader();
    const capture::Totals totals = reader.totals(reader.cursor());
    pipeline::RunTotals run_totals{};
    for (size_t i = 0; i < totals.size(); i++) {
        const auto kind = static_cast<Kind>(i);
        run_totals.kinds[i] = {
            .seen = totals[i].seen,
            .filtered = totals[i].filtered + loop.filtered(kind),
            .delivered = loop.delivered(kind),
            .dropped = totals[i].dropped,
            .undelivered = loop.undelivered(kind) + totals[i].unread,
        };
    }
    run_totals.max_missed = tracer.max_missed();
    run_totals.tree_overflow = reader.control().tree_overflow;
    run_totals.uncounted_calls = tracer.uncounted_calls();
    return run_totals;
}

// The legacy programs end silently; losses are reported nevertheless.
void print_run_totals(const TraceRequest& request, const pipeline::RunTotals& run_totals) {
    const bool lossless =
        pipeline::is_balanced(run_totals) && run_totals.max_missed == 0 &&
        std::all_of(run_totals.kinds.begin(), run_totals.kinds.end(),
                    [](const pipeline::EventTotals& a) { return a.dropped == 0; });
    if (!request.legacy_output || !lossless) {
        vigil::print(stderr, "{}", to_text(run_totals, request.filter.kinds));
    }
}

// Starts the command after attaching; returns 0, or the exit code if it can't be started.
Result<int> resume(host::Child& child, capture::Tracer& tracer, const std::string& name) {
    TRY(tracer.add_to_tree(static_cast<uint32_t>(child.pid())));
    TRY_ASSIGN(const int error, child.resume());
    if (error == 0) {
        return 0;
    }
    vigil::print(stderr, "vigil: {}: {}\n", name, std::strerror(error));
    return error == ENOENT ? 127 : 126;  // as shells do
}

// The command's exit code, or 128 + signal, as shells do.
int exit_code_of(const TraceLoop& loop, const TraceRequest& request, const host::Child* child) {
    if (child == nullptr) {
        return 0;
    }
    if (!loop.child_exit_code()) {
        vigil::print(stderr, "vigil: {} (pid {}) continues untraced\n", request.command[0],
                     child->pid());
    }
    const int interrupted = loop.stop_signal() != 0 ? 128 + loop.stop_signal() : 0;
    return loop.child_exit_code().value_or(interrupted);
}

Error no_network() {
    const host::ProbeResult result = capture::probe_network();
    return {ErrorCode::unsupported,
            fmt::format("--network can't work here: {}: {}",
                        result.supported ? "the programs can't be attached" : result.reason,
                        capture::network_hint(result))};
}

// Why a run ended by itself.
void print_end(const pipeline::EndCondition& end, std::string_view consequence) {
    if (!end.reason().empty()) {
        vigil::print(stderr, "vigil: {}: {}\n", end.reason(), consequence);
    }
}

// A filter that lets nothing through looks like a quiet machine, and so do events that could not be
// judged.
void print_name_results(const TraceRequest& request, const TraceLoop& loop) {
    uint64_t delivered = 0;
    for (size_t i = 0; i < model::kernel_kind_count; i++) {
        delivered += loop.delivered(static_cast<Kind>(i));
    }
    if (request.filter.name && delivered == 0) {
        vigil::print(stderr,
                     "vigil: no event was of a process named '{}': names are compared as a whole, "
                     "and * and ? match any\n",
                     escape_terminal(*request.filter.name));
    }
    if (const uint64_t refused = loop.refused_lookups(); refused > 0) {
        vigil::print(stderr,
                     "vigil: -c: {} lookups in /proc were skipped (at most {} a second are made): "
                     "events of these processes count as filtered\n",
                     refused, pipeline::NameTracker::max_lookups_per_second);
    }
}

Result<int> trace_live(TraceRequest request) {
    pipeline::EndCondition end;
    TRY(identify_processes(request, end));
    TRY_ASSIGN(const capture::TraceOptions options, kernel_options(request));
    std::optional<host::Child> child;
    if (!request.command.empty()) {
        TRY(host::check_can_trace());
        TRY_ASSIGN(child, host::Child::start_suspended(request.command));
    }
    TRY_ASSIGN(capture::Tracer tracer, capture::Tracer::attach(options));
    if (request.network && !tracer.accounts_network()) {
        return no_network();
    }
    if (request.tree) {
        TRY(tracer.watch_tree(*request.tree));
        end.watch_tree(capture::Tree(tracer.tree_fd()),
                       fmt::format("the tree of process {}", *request.tree));
    }
    host::Child* command = child ? &*child : nullptr;
    const auto formatter = make_formatter(request);
    TRY_ASSIGN(TraceLoop loop,
               TraceLoop::open(tracer.reader(), request, *formatter, STDOUT_FILENO, command, &end));
    announce(request, request.filter.kinds);
    int not_started = 0;
    if (command != nullptr) {
        TRY_ASSIGN(not_started, resume(*command, tracer, request.command[0]));
    }
    const auto ran = not_started == 0 ? loop.run() : Result<void>{};
    tracer.detach();
    const auto drained = loop.drain();  // after an error too: the totals must include it
    print_end(end, "no more events can come");
    print_run_totals(request, make_run_totals(loop, tracer));
    print_name_results(request, loop);
    if (not_started != 0) {
        return not_started;
    }
    const int exit_code = exit_code_of(loop, request, command);
    TRY(ran);
    TRY(drained);
    return exit_code;
}

// Reports each kind that is no longer attached. A reason to end once none is left.
class AttachedKinds {
 public:
    AttachedKinds(const capture::PinnedReader& pinned, model::KindSet wanted)
        : pinned_(&pinned), attached_(wanted) {}

    std::string check() {
        const model::KindSet now = pinned_->attached(attached_);
        if (!pinned_->exists()) {
            attached_ = 0;
            return fmt::format("{} was removed", capture::pin_directory);
        }
        for (size_t kind = 0; kind < model::kernel_kind_count; kind++) {
            if (((attached_ & ~now) >> kind & 1) != 0) {
                vigil::print(stderr, "vigil: its links in {} were removed: no more {} events\n",
                             capture::pin_directory, to_string(static_cast<Kind>(kind)));
            }
        }
        attached_ = now;
        return now == 0 ? "all links that it needs were removed" : "";
    }
    model::KindSet attached() const { return attached_; }

 private:
    const capture::PinnedReader* pinned_;
    model::KindSet attached_;
};

Result<int> trace_pinned(TraceRequest wanted) {
    pipeline::EndCondition end;
    TRY_ASSIGN(capture::PinnedReader pinned, capture::PinnedReader::open(capture::pin_directory));
    capture::RingReader& reader = pinned.reader();
    const vigil_filter& limits = reader.control().wanted;
    TRY(check_pid_namespace(wanted));
    TRY_ASSIGN(TraceRequest request, narrow_to_pinned(reader.control(), std::move(wanted)));
    TRY(identify_for_pinned(request, end));
    watch_pinned(limits, end);
    if ((limits.flags & VIGIL_FILTER_TREE) != 0 && host::in_initial_pid_namespace()) {
        end.watch_tree(capture::Tree(pinned.tree_fd()), "the pinned tree");
    }
    AttachedKinds kinds(pinned, request.filter.kinds);
    if (std::string reason = kinds.check(); !reason.empty()) {
        end.add_ended(std::move(reason));
    }
    if (pinned.removal_fd() >= 0) {
        end.watch(pinned.removal_fd(), [&] { return kinds.check(); });
    }
    const auto formatter = make_formatter(request);
    TRY_ASSIGN(TraceLoop loop,
               TraceLoop::open(reader, request, *formatter, STDOUT_FILENO, nullptr, &end));
    announce(request, kinds.attached());
    auto ran = loop.run();
    if (ran) {
        ran = loop.catch_up();
    }
    print_end(end, "no more events of it can come");
    const capture::Totals totals = reader.totals(loop.confirmed());
    for (size_t i = 0; i < totals.size(); i++) {
        const auto kind = static_cast<Kind>(i);
        const capture::KindTotals& total = totals[i];
        if ((reader.control().filter.kinds & model::kind_bit(kind)) == 0) {
            continue;
        }
        vigil::print(stderr,
                     "vigil: {} since pinning: seen={} filtered={} confirmed={} dropped={} "
                     "unconfirmed={}; "
                     "this reader: delivered={} filtered={} undelivered={}\n",
                     to_string(kind), total.seen, total.filtered, total.read, total.dropped,
                     total.unread, loop.delivered(kind), loop.filtered(kind),
                     loop.undelivered(kind));
    }
    print_name_results(request, loop);
    if (const uint64_t missed = pinned.max_missed(); missed > 0) {
        vigil::print(stderr, "{}", pipeline::missed_text(missed));
    }
    TRY(ran);
    return 0;
}

}  // namespace

int trace(const TraceRequest& request) {
    const auto exit_code = request.pinned ? trace_pinned(request) : trace_live(request);
    return exit_code ? *exit_code : cli::fail(exit_code.error());
}

int run_trace(const cli::Arguments& arguments) {
    const ParsedTrace parsed = parse_trace(arguments);
    return parsed.request ? trace(*parsed.request) : parsed.exit_code;
}

}  // namespace vigil::commands
