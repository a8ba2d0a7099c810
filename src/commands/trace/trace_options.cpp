// SPDX-License-Identifier: Apache-2.0
#include "commands/trace/trace_options.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/text.h"
#include "base/units.h"
#include "cli/cli.h"
#include "cli/common_options.h"
#include "host/users.h"
#include "model/name_pattern.h"
#include "model/signals.h"

namespace vigil::commands {
namespace {

using model::Kind;

constexpr uint32_t max_pid_value = 1U << 22;  // PID_MAX_LIMIT of include/linux/threads.h

constexpr const char* trace_footer = R"(Examples:
  sudo vigil trace                          all events, live; Ctrl-C ends it
  sudo vigil trace -e signal -s KILL        SIGKILLs, with sender and target
  sudo vigil trace -- make -j4              one command and its descendants
  sudo vigil trace -e fork -o table         one row per new process
  sudo vigil trace -o json | jq .comm       for other programs (docs/events.md)
  sudo vigil trace -p 1234 -d 1m            one process, for a minute

With '-- CMD', if standard output is not a terminal, CMD's own output goes to standard error.
-p, --sender, --target and --tree take the pid of a living process; the run ends when that process, or
every process of the tree, has ended.
At the end it accounts for every event: seen = filtered + delivered + dropped + undelivered.
Exit codes: 0 done (or the command's own), 1 failed, 2 wrong usage, 3 not possible here.)";

// Options as given; empty if absent.
struct RawOptions {
    std::vector<std::string> kinds;
    std::vector<std::string> signals;
    bool all_signals = false;
    using Text = std::optional<std::string>;
    Text pid, sender, target, tree;
    Text comm, user, cgroup;
    bool threads = false, failed = false, network = false, pinned = false;
    Text format, duration, count, ring_size;
};

void add_filter_options(cli::OptionParser& app, RawOptions& raw, const char* name_help) {
    app.add_option("-e,--events", raw.kinds,
                   "Kinds of events: fork, exec, exit, signal, oom [all of them]")
        ->delimiter(',')
        ->type_name("KIND");
    app.add_option("-s,--signals", raw.signals,
                   "Only these signals: 15, TERM, SIGTERM, RTMIN+3; repeatable [all that do "
                   "something by default]")
        ->delimiter(',')
        ->type_name("SIG");
    app.add_flag("-a,--all-signals", raw.all_signals, "All signals, SIGCHLD too");
    app.add_option("-p,--pid", raw.pid, "Only events with this process on either side")
        ->type_name("PID");
    app.add_option("--sender", raw.sender, "Only signals that this process sends")
        ->type_name("PID");
    app.add_option("--target", raw.target, "Only signals that this process receives")
        ->type_name("PID");
    app.add_option("-c,--comm", raw.comm, name_help)->type_name("NAME");
    app.add_option("-u,--user", raw.user, "Only processes of this user (name or number)")
        ->type_name("USER");
    app.add_option("--cgroup", raw.cgroup,
                   "Only processes in this cgroup (v2) or below it, also when it is created again")
        ->type_name("PATH");
    app.add_option("--tree", raw.tree, "Only this process and its descendants")->type_name("PID");
    app.add_flag("--threads", raw.threads, "Threads too, not only processes");
    app.add_flag("--failed", raw.failed,
                 "Failed attempts to send a signal too, by 64-bit programs only (slows down every "
                 "syscall of the machine)");
    cli::add_ring_size(app, raw.ring_size);
}

void add_output_options(cli::OptionParser& app, RawOptions& raw) {
    app.add_option("-o,--output", raw.format, "text, table, json or none (counts only) [text]")
        ->type_name("FORMAT");
    app.add_option("-d,--duration", raw.duration, "End after this time: 10s, 5m")
        ->type_name("TIME");
    app.add_option("-n,--count", raw.count, "End after this many events")->type_name("COUNT");
    app.add_flag(
        "--network", raw.network,
        "Exits state the bytes sent and received over TCP and UDP (slows down socket calls "
        "by about 10 %)");
    app.add_flag("--pinned", raw.pinned, "Read what 'vigil pin' left in the kernel");
}

Error prefix_error(const char* option, const Error& error) {
    return {error.code, fmt::format("{} {}", option, error.context)};
}

Result<std::optional<uint32_t>> pid_option(const char* option, const RawOptions::Text& text) {
    if (!text) {
        return std::optional<uint32_t>{};
    }
    const auto pid = parse_number(*text, 1, max_pid_value);
    if (!pid) {
        return prefix_error(option, pid.error());
    }
    return std::optional{static_cast<uint32_t>(*pid)};
}

Result<std::optional<pipeline::WantedProcess>> process_option(const char* option,
                                                              const RawOptions::Text& text) {
    TRY_ASSIGN(const std::optional<uint32_t> pid, pid_option(option, text));
    return pid ? std::optional(pipeline::WantedProcess{.pid = *pid}) : std::nullopt;
}

Result<model::KindSet> kinds_option(const std::vector<std::string>& names) {
    model::KindSet kinds = 0;
    for (const std::string& name : names) {
        model::KindSet found = 0;
        for (const Kind kind : {Kind::fork, Kind::exec, Kind::exit, Kind::signal, Kind::oom}) {
            found |= name == to_string(kind) ? model::kind_bit(kind) : 0;
        }
        if (found == 0) {
            return usage_error(
                fmt::format("-e '{}': expected fork, exec, exit, signal or oom", name));
        }
        kinds |= found;
    }
    return kinds;
}

Result<uint32_t> user_option(const std::string& text) {
    if (const auto number = parse_number(text, 0, UINT32_MAX - 1)) {
        return static_cast<uint32_t>(*number);
    }
    if (const auto uid = host::find_uid(text)) {
        return *uid;
    }
    return usage_error(fmt::format("-u '{}': no such user", text));
}

Result<Format> format_option(const RawOptions::Text& text) {
    const std::map<std::string, Format> formats{{"text", Format::text},
                                                {"table", Format::table},
                                                {"json", Format::json},
                                                {"none", Format::none}};
    const auto it = formats.find(text.value_or("text"));
    if (it == formats.end()) {
        return usage_error(fmt::format("-o '{}': expected text, table, json or none", *text));
    }
    return it->second;
}

// Without -e: the kinds that the other options allow.
model::KindSet implied_kinds(const RawOptions& raw, Format format) {
    if (format == Format::table) {
        return model::kind_bit(Kind::fork);
    }
    if (raw.sender || raw.target) {
        return model::kind_bit(Kind::signal);
    }
    return default_kinds;
}

Result<pipeline::Filter> make_filter(const RawOptions& raw, Format format) {
    pipeline::Filter filter;
    TRY_ASSIGN(filter.kinds, kinds_option(raw.kinds));
    if (filter.kinds == 0) {
        filter.kinds = implied_kinds(raw, format);
    }
    if (raw.failed) {
        filter.kinds |= model::kind_bit(Kind::kill_failed);
    }
    if (raw.all_signals && !raw.signals.empty()) {
        return usage_error("-a and -s exclude each other");
    }
    filter.signals = raw.all_signals ? model::all_signals : model::default_signals();
    if (!raw.signals.empty()) {
        filter.signals = 0;
        for (const std::string& text : raw.signals) {
            const auto number = model::parse_signal(text);
            if (!number) {
                return prefix_error("-s", number.error());
            }
            filter.signals |= model::signal_bit(*number);
        }
    }
    const model::KindSet signal_kinds =
        model::kind_bit(Kind::signal) | model::kind_bit(Kind::kill_failed);
    if ((filter.kinds & signal_kinds) == 0 &&
        (raw.all_signals || !raw.signals.empty() || raw.sender || raw.target)) {
        return usage_error("-s, -a, --sender and --target choose among signals: add signal to -e");
    }
    TRY_ASSIGN(filter.pid, process_option("-p", raw.pid));
    TRY_ASSIGN(filter.sender, process_option("--sender", raw.sender));
    TRY_ASSIGN(filter.target, process_option("--target", raw.target));
    if (raw.user) {
        TRY_ASSIGN(filter.uid, user_option(*raw.user));
    }
    if (raw.comm && raw.comm->empty()) {
        return usage_error("-c '': expected a name");
    }
    filter.name = raw.comm;
    return filter;
}

Result<TraceRequest> make_request(const RawOptions& raw) {
    TraceRequest request;
    TRY_ASSIGN(request.format, format_option(raw.format));
    TRY_ASSIGN(request.filter, make_filter(raw, request.format));
    request.kinds_given = !raw.kinds.empty();
    request.signals_given = raw.all_signals || !raw.signals.empty();
    if (request.format == Format::table &&
        (request.filter.kinds != model::kind_bit(Kind::fork) || raw.threads)) {
        return usage_error(
            "-o table shows new processes: expected -e fork, and no --threads or "
            "--failed");
    }
    request.threads = raw.threads;
    TRY_ASSIGN(request.tree, pid_option("--tree", raw.tree));
    if (raw.cgroup && raw.cgroup->empty()) {
        return usage_error("--cgroup '': expected a path");
    }
    request.cgroup = raw.cgroup;
    TRY_ASSIGN(request.ring_bytes, cli::parse_ring_size(raw.ring_size));
    request.ring_size_given = raw.ring_size.has_value();
    if (raw.duration) {
        const auto duration = parse_duration_ns(*raw.duration);
        if (!duration) {
            return prefix_error("-d", duration.error());
        }
        request.duration_ns = *duration;
    }
    if (raw.count) {
        const auto count = parse_number(*raw.count, 1, UINT64_MAX);
        if (!count) {
            return prefix_error("-n", count.error());
        }
        request.count = *count;
    }
    request.network = raw.network;
    if (raw.network && (request.filter.kinds & model::kind_bit(Kind::exit)) == 0) {
        return usage_error("--network is reported at the end of a process: add exit to -e");
    }
    request.pinned = raw.pinned;
    if (raw.pinned && raw.network) {
        return usage_error(
            "--pinned reads what was pinned, which has no network bytes: leave one "
            "of --network and --pinned out");
    }
    if (raw.pinned &&
        (request.tree || request.cgroup || raw.threads || raw.failed || request.ring_size_given)) {
        return usage_error(
            "--pinned reads what was pinned: --tree, --cgroup, --threads, --failed and "
            "--ring-size are options of 'vigil pin'");
    }
    return request;
}

// Splits off "-- CMD ARGS" before option parsing.
std::vector<std::string> split_command(cli::Arguments& arguments, bool& has_separator) {
    const auto separator = std::find(arguments.begin(), arguments.end(), "--");
    has_separator = separator != arguments.end();
    if (!has_separator) {
        return {};
    }
    std::vector<std::string> command(separator + 1, arguments.end());
    arguments.erase(separator, arguments.end());
    return command;
}

}  // namespace

ParsedTrace parse_trace(const cli::Arguments& arguments) {
    cli::OptionParser app(
        "Shows forks, execs, exits, signals and OOM kills as they happen. With '-- CMD ARGS...' at "
        "the end: only those of CMD and its descendants, until CMD ends.",
        "vigil trace");
    app.footer(trace_footer);
    RawOptions raw;
    add_filter_options(app, raw,
                       "Only processes of this name, executable or script, or path; * and ? match "
                       "any");
    add_output_options(app, raw);

    cli::Arguments options = arguments;
    bool has_separator = false;
    const auto command = split_command(options, has_separator);
    if (const auto exit_code = app.parse(options)) {
        return {std::nullopt, *exit_code};
    }
    auto request = make_request(raw);
    if (request && has_separator) {
        if (command.empty()) {
            request = usage_error("'--' needs a command after it");
        } else if (request->tree || request->pinned) {
            request = usage_error("'-- CMD' follows its own tree: --tree and --pinned exclude it");
        } else {
            request->command = command;
        }
    }
    return cli::to_parse_result(std::move(request));
}

ParsedTrace parse_pin(const cli::Arguments& arguments) {
    cli::OptionParser app(
        "Leaves the tracer in the kernel, below /sys/fs/bpf/vigil. 'vigil trace --pinned' reads "
        "it; readers can come and go, and nothing is lost as long as the ring has space.",
        "vigil pin");
    app.footer(
        "Examples:\n  sudo vigil pin -e fork,exit --ring-size 64M\n"
        "  sudo vigil trace --pinned\n  sudo bpftool map dump pinned "
        "/sys/fs/bpf/vigil/process_count\n"
        "  sudo vigil unpin");
    RawOptions raw;
    add_filter_options(app, raw, "Only processes of this name (its first 15 bytes are compared)");
    if (const auto exit_code = app.parse(arguments)) {
        return {std::nullopt, *exit_code};
    }
    auto request = make_request(raw);
    if (request && raw.comm) {
        if (model::has_wildcards(*raw.comm) || raw.comm->find('/') != std::string::npos) {
            request = usage_error(fmt::format(
                "-c '{}': expected a name, which the kernel compares as it is; 'vigil trace "
                "--pinned -c' takes patterns and paths",
                escape_terminal(*raw.comm)));
        } else {
            request->filter.comm = std::exchange(request->filter.name, std::nullopt);
        }
    }
    return cli::to_parse_result(std::move(request));
}

}  // namespace vigil::commands
