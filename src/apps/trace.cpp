// SPDX-License-Identifier: Apache-2.0
#include "apps/trace.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "apps/accounting.h"
#include "apps/cli.h"
#include "apps/trace_loop.h"
#include "base/say.h"
#include "capture/pin.h"
#include "capture/probe.h"
#include "capture/tracer.h"
#include "host/kernel.h"

namespace vigil::apps {
namespace {

using model::Kind;

std::unique_ptr<sinks::Sink> make_sink(const TraceRequest& request) {
    switch (request.format) {
        case Format::json:
            return sinks::make_json_sink(host::host_name());
        case Format::table:
            return sinks::make_table_sink();
        case Format::none:
            return sinks::make_null_sink();
        case Format::text:
            break;
    }
    return sinks::make_text_sink(!request.bare, !request.bare && wants_colour());
}

// Said once everything is attached: scripts wait for it.
void announce(const TraceRequest& request) {
    if (request.bare || request.format == Format::table) {
        return;
    }
    std::vector<std::string_view> kinds;
    for (size_t kind = 0; kind < model::kernel_kind_count; kind++) {
        if ((request.filter.kinds >> kind & 1) != 0) {
            kinds.push_back(to_string(static_cast<Kind>(kind)));
        }
    }
    say(stderr, "vigil: tracing {}{}\n", fmt::join(kinds, ", "),
        request.command.empty() ? "; Ctrl-C ends" : "");
}

Accounts make_accounts(const TraceLoop& loop, const capture::Tracer& tracer) {
    const capture::Reader& reader = tracer.reader();
    const capture::Totals totals = reader.totals(reader.cursor());
    Accounts accounts{};
    for (size_t i = 0; i < totals.size(); i++) {
        const auto kind = static_cast<Kind>(i);
        accounts.kinds[i] = {
            .seen = totals[i].seen,
            .filtered = totals[i].filtered + loop.filtered(kind),
            .delivered = loop.delivered(kind),
            .dropped = totals[i].dropped,
            .undelivered = loop.undelivered(kind) + totals[i].unread,
        };
    }
    accounts.missed_at_most = tracer.missed_at_most();
    accounts.tree_overflow = reader.control().tree_overflow;
    accounts.uncounted_calls = tracer.uncounted_calls();
    return accounts;
}

// The seeds' tools end without a word, unless something went missing.
void print_accounts(const TraceRequest& request, const Accounts& accounts) {
    const bool lossless = balances(accounts) && accounts.missed_at_most == 0 &&
                          std::all_of(accounts.kinds.begin(), accounts.kinds.end(),
                                      [](const Account& a) { return a.dropped == 0; });
    if (!request.bare || !lossless) {
        say(stderr, "{}", to_text(accounts, request.filter.kinds));
    }
}

// Starts the command, now that all is attached; 0, or the exit code where it can't be started.
Result<int> release(Child& child, capture::Tracer& tracer, const std::string& name) {
    TRY(tracer.add_to_tree(static_cast<uint32_t>(child.pid())));
    TRY_ASSIGN(const int error, child.release());
    if (error == 0) {
        return 0;
    }
    say(stderr, "vigil: {}: {}\n", name, std::strerror(error));
    return error == ENOENT ? 127 : 126;  // as shells do
}

// The command's, or what a shell would make of an end by signal.
int exit_code_of(const TraceLoop& loop, const TraceRequest& request, const Child* child) {
    if (child == nullptr) {
        return 0;
    }
    if (!loop.child_exit_code()) {
        say(stderr, "vigil: {} (pid {}) goes on untraced\n", request.command[0], child->pid());
    }
    const int interrupted = loop.stop_signal() != 0 ? 128 + loop.stop_signal() : 0;
    return loop.child_exit_code().value_or(interrupted);
}

Error no_network() {
    const host::Answer answer = capture::probe_network();
    return {ErrorCode::unsupported,
            fmt::format("--network can't work here: {}: {}",
                        answer.works ? "the programs can't be attached" : answer.reason,
                        capture::network_fix(answer))};
}

Result<int> trace_live(const TraceRequest& request) {
    TRY_ASSIGN(const capture::TraceOptions options, kernel_options(request));
    std::optional<Child> child;
    if (!request.command.empty()) {
        TRY(host::check_can_trace());
        TRY_ASSIGN(child, Child::hold(request.command));
    }
    TRY_ASSIGN(capture::Tracer tracer, capture::Tracer::attach(options));
    if (request.network && !tracer.accounts_network()) {
        return no_network();
    }
    if (request.tree) {
        TRY(tracer.watch_tree(*request.tree));
    }
    Child* command = child ? &*child : nullptr;
    const auto sink = make_sink(request);
    TRY_ASSIGN(TraceLoop loop,
               TraceLoop::open(tracer.reader(), request, *sink, STDOUT_FILENO, command));
    announce(request);
    int not_started = 0;
    if (command != nullptr) {
        TRY_ASSIGN(not_started, release(*command, tracer, request.command[0]));
    }
    const auto ran = not_started == 0 ? loop.run() : Result<void>{};
    tracer.detach();
    const auto drained = loop.drain();  // after an error too: it is part of the account
    print_accounts(request, make_accounts(loop, tracer));
    if (not_started != 0) {
        return not_started;
    }
    const int exit_code = exit_code_of(loop, request, command);
    TRY(ran);
    TRY(drained);
    return exit_code;
}

Result<int> trace_pinned(const TraceRequest& wanted) {
    TRY_ASSIGN(capture::PinnedReader pinned, capture::PinnedReader::open(capture::pin_directory));
    capture::Reader& reader = pinned.reader();
    TRY_ASSIGN(const TraceRequest request, narrowed_to(reader.control(), wanted));
    const auto sink = make_sink(request);
    TRY_ASSIGN(TraceLoop loop, TraceLoop::open(reader, request, *sink, STDOUT_FILENO, nullptr));
    announce(request);
    auto ran = loop.run();
    if (ran) {
        ran = loop.catch_up();
    }
    const capture::Totals totals = reader.totals(loop.confirmed());
    for (size_t i = 0; i < totals.size(); i++) {
        const auto kind = static_cast<Kind>(i);
        const capture::KindTotals& total = totals[i];
        if ((reader.control().filter.kinds & model::kind_bit(kind)) == 0) {
            continue;
        }
        say(stderr,
            "vigil: {} since pinning: seen={} filtered={} confirmed={} dropped={} "
            "unconfirmed={}; "
            "this reader: delivered={} filtered={} undelivered={}\n",
            to_string(kind), total.seen, total.filtered, total.read, total.dropped, total.unread,
            loop.delivered(kind), loop.filtered(kind), loop.undelivered(kind));
    }
    if (const uint64_t missed = pinned.missed_at_most(); missed > 0) {
        say(stderr, "{}", missed_text(missed));
    }
    TRY(ran);
    return 0;
}

}  // namespace

int trace(const TraceRequest& request) {
    const auto exit_code = request.pinned ? trace_pinned(request) : trace_live(request);
    return exit_code ? *exit_code : fail(exit_code.error());
}

int run_trace(const Arguments& arguments) {
    const Parsed parsed = parse_trace(arguments);
    return parsed.request ? trace(*parsed.request) : parsed.exit_code;
}

}  // namespace vigil::apps
