// SPDX-License-Identifier: Apache-2.0
#include "format/death_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>
#include <vector>

#include "base/ansi.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/units.h"
#include "format/exit_description.h"
#include "format/time.h"
#include "format/violation.h"
#include "model/sample.h"
#include "model/signals.h"

namespace vigil::format {
namespace {

using model::SignalSource;

constexpr size_t max_command_columns = 100;  // in a sentence
constexpr size_t max_ancestors_shown = 10;
constexpr uint64_t max_stop_ns = 120 * ns_per_s;  // service managers wait less
constexpr size_t container_id_digits = 12;        // as docker and similar tools abbreviate ids

std::string join(const std::vector<std::string>& parts, std::string_view between) {
    std::string text;
    for (const std::string& part : parts) {
        text += (text.empty() ? "" : std::string(between)) + part;
    }
    return text;
}

// Joins arguments with spaces, unquoted.
std::string join_command(const std::vector<std::string>& argv) {
    std::vector<std::string> words;
    std::transform(argv.begin(), argv.end(), std::back_inserter(words),
                   [](const std::string& word) { return escape_terminal(word); });
    return join(words, " ");
}

// "kill (pid 993, root: kill -9 4242)". A command that only repeats the name is omitted.
std::string format_process(const std::string& comm, uint32_t pid,
                           const std::optional<std::string>& user,
                           const std::vector<std::string>& argv, std::string_view before_command) {
    std::string text = fmt::format("{} (pid {}", comm.empty() ? "?" : escape_terminal(comm), pid);
    if (user) {
        text += ", " + escape_terminal(*user);
    }
    if (!argv.empty() && (argv.size() > 1 || argv[0] != comm)) {
        text +=
            std::string(before_command) + truncate_columns(join_command(argv), max_command_columns);
    }
    return text + ')';
}

// " ← bash (pid 991) ← sshd (pid 980)", an arrow before each.
std::string format_ancestors(const query::Ancestors& ancestors) {
    const size_t known = std::min(ancestors.pids.size(), ancestors.comms.size());
    const size_t shown = known > max_ancestors_shown ? max_ancestors_shown - 2 : known;
    std::string text;
    for (size_t i = 0; i < known; i++) {
        if (i == shown) {
            text += fmt::format(" ← … {} more", known - shown - 1);
            i = known - 1;  // the last one is the oldest ancestor
        }
        fmt::format_to(std::back_inserter(text), " ← {} (pid {})",
                       escape_terminal(ancestors.comms[i]), ancestors.pids[i]);
    }
    return text + (ancestors.cut ? " ← …" : "");
}

std::string format_parents(const query::DeathRecord& record) {
    constexpr size_t arrow = sizeof " ← " - 1;
    const std::string all = format_ancestors(record.ancestors);
    return all.empty() ? all : all.substr(arrow);
}

std::string format_sender(const query::DeathRecord& record) {
    const query::Killer& killer = record.killer;
    return killed_by_process(record)
               ? format_process(killer.comm, *killer.pid, killer.user, killer.argv, ": ") +
                     format_ancestors(killer.ancestors)
               : "";
}

// The sender of the prior signal, in relation to the sender of the fatal one.
std::string format_prior_sender(const query::DeathRecord& record) {
    const query::PriorSignal& prior = record.prior;
    const query::Killer& killer = record.killer;
    if (!prior.pid) {
        return prior.source && *prior.source != SignalSource::unknown
                   ? fmt::format(" ({})", to_string(*prior.source))
                   : "";
    }
    if (prior.pid == record.pid) {
        return " from itself";
    }
    if (killed_by_process(record) && prior.pid == killer.pid &&
        (!prior.start_ns || !killer.start_ns || prior.start_ns == killer.start_ns)) {
        return " from the same process";
    }
    const query::Ancestors& above = killer.ancestors;
    // A shell that sent the prior signal itself, and started a program for the fatal one.
    if (killed_by_process(record) && prior.pid > 1U && !above.pids.empty() &&
        above.pids[0] == *prior.pid) {
        return " from the same " + escape_terminal(prior.comm);
    }
    // Every process descends from init, so a common parent of pid 1 means nothing.
    if (killed_by_process(record) && prior.parent_pid > 1U && !above.pids.empty() &&
        above.pids[0] == *prior.parent_pid) {
        return " from the same " + escape_terminal(prior.parent_comm);
    }
    std::string text = " from " + format_process(prior.comm, *prior.pid, std::nullopt, {}, "");
    if (prior.parent_pid) {
        text +=
            fmt::format(" ← {} (pid {})", escape_terminal(prior.parent_comm), *prior.parent_pid);
    }
    return text;
}

// Time from the prior signal to the fatal signal, or to the exit if there was none.
std::optional<uint64_t> prior_signal_age_ns(const query::DeathRecord& record) {
    const int64_t end = record.signal_unix_ns.value_or(*record.unix_ns);
    const auto begin = record.prior.unix_ns;
    return begin && *begin <= end
               ? std::optional(static_cast<uint64_t>(end) - static_cast<uint64_t>(*begin))
               : std::nullopt;
}

// " 0.3 s after SIGTERM" if the exit is a response to the request. A process that lived on for long
// ended for another reason.
std::string format_delay_after_request(const query::DeathRecord& record) {
    const auto by_ns = prior_signal_age_ns(record);
    return record.cause == model::Cause::exit && record.prior.number && by_ns &&
                   *by_ns <= max_stop_ns
               ? fmt::format(", {} after {}", human_duration(*by_ns),
                             model::signal_name(*record.prior.number))
               : "";
}

std::string format_prior_signal(const query::DeathRecord& record) {
    if (!record.prior.number) {
        return "";
    }
    const auto by_ns = prior_signal_age_ns(record);
    return std::string(model::signal_name(*record.prior.number)) + format_prior_sender(record) +
           (by_ns ? ", " + human_duration(*by_ns) + " earlier" : "");
}

std::string format_oom(const query::DeathRecord& record) {
    const query::OutOfMemory& oom = record.oom;
    std::vector<std::string> parts;
    if (oom.rss_bytes) {
        parts.push_back("it used " + human_size(*oom.rss_bytes));
    }
    if (oom.limit_bytes || oom.limit_cgroup) {
        parts.push_back("limit" + (oom.limit_bytes ? ' ' + human_size(*oom.limit_bytes) : "") +
                        (oom.limit_cgroup ? " of " + escape_terminal(*oom.limit_cgroup) : ""));
    }
    if (oom.trigger_pid) {
        parts.push_back(oom.trigger_pid == record.pid
                            ? "its own allocation failed"
                            : format_process(oom.trigger_comm, *oom.trigger_pid, {}, {}, "") +
                                  " failed to allocate");
    }
    return join(parts, " · ");
}

// "disk 1.2 GB written", "no disk", "disk unknown".
std::string format_io(std::string_view what, std::optional<uint64_t> in, std::string_view in_verb,
                      std::optional<uint64_t> out, std::string_view out_verb) {
    if (!in && !out) {
        return fmt::format("{} unknown", what);
    }
    std::vector<std::string> parts;
    if (in.value_or(0) > 0) {
        parts.push_back(fmt::format("{} {}", human_size(*in), in_verb));
    }
    if (out.value_or(0) > 0) {
        parts.push_back(fmt::format("{} {}", human_size(*out), out_verb));
    }
    return parts.empty() ? fmt::format("no {}", what)
                         : fmt::format("{} {}", what, join(parts, ", "));
}

std::string format_usage(const query::DeathRecord& record) {
    const query::FinalUsage& usage = record.usage;
    std::vector<std::string> parts;
    parts.push_back(!usage.cpu_ns ? "CPU unknown"
                                  : fmt::format("CPU {}{}", usage.partial ? "at least " : "",
                                                human_duration(*usage.cpu_ns)));
    parts.push_back(!usage.peak_rss_bytes
                        ? "peak memory unknown"
                        : fmt::format("peak memory {}{}", usage.peak_rss_at_most ? "at most " : "",
                                      human_size(*usage.peak_rss_bytes)));
    parts.push_back(format_io("disk", usage.read_bytes, "read", usage.write_bytes, "written"));
    parts.push_back(
        format_io("network", usage.received_bytes, "received", usage.sent_bytes, "sent"));
    if (usage.threads.value_or(1) > 1) {
        parts.push_back(fmt::format("{} threads", *usage.threads));
    }
    return join(parts, " · ");
}

std::string without_zero(std::string text) {
    return text.ends_with(".0") ? text.substr(0, text.size() - 2) : text;
}

std::string format_violated_limits(const query::DeathRecord& record, int64_t now_unix_ns) {
    const query::LimitViolations& violated = record.limits;
    const size_t count = std::min({violated.metrics.size(), violated.limits.size(),
                                   violated.peaks.size(), violated.since_unix_ns.size()});
    std::vector<std::string> parts;
    for (size_t i = 0; i < count; i++) {
        std::string_view unit;
        for (const model::MetricInfo& metric : model::metrics()) {
            unit = metric.name == violated.metrics[i] ? metric.unit : unit;
        }
        parts.push_back(fmt::format(
            "{} {} {} > {} {} since {}", escape_terminal(violated.metrics[i]),
            without_zero(format_value(violated.peaks[i], violated.limits[i])), unit,
            violated.limits[i], unit, format_time(violated.since_unix_ns[i], now_unix_ns)));
    }
    return join(parts, " · ");
}

std::string format_user(const query::DeathRecord& record) {
    const std::string user = record.user  ? escape_terminal(*record.user)
                             : record.uid ? std::to_string(*record.uid)
                                          : "";
    return record.login_user && record.login_user != record.user
               ? fmt::format("{}logged in as {}", user.empty() ? "" : user + ", ",
                             escape_terminal(*record.login_user))
               : user;
}

// Appends a line with a label; nothing if the text is empty.
void append_fact(std::string& out, std::string_view label, const std::string& text,
                 bool use_color) {
    if (!text.empty()) {
        fmt::format_to(std::back_inserter(out), "  {}{:<9}{} {}\n", use_color ? ansi::dim : "",
                       label, use_color ? ansi::reset : "", text);
    }
}

std::string escape_or_empty(const std::optional<std::string>& bytes) {
    return bytes ? escape_terminal(*bytes) : "";
}

}  // namespace

std::string death_report(const query::DeathRecord& record, int64_t now_unix_ns, bool use_color) {
    const ExitDescription description = describe_exit(record);
    const std::string_view color = !use_color                           ? ""
                                   : record.cause != model::Cause::exit ? ansi::red
                                   : record.is_abnormal()               ? ansi::yellow
                                                                        : "";
    std::vector<std::string> command = record.argv;
    if (command.empty() && record.executable) {
        command.push_back(*record.executable);
    }
    std::string out =
        fmt::format("{} {}{}{} {}", format_process(record.comm, *record.pid, {}, command, ", "),
                    color, description.verb, color.empty() ? "" : ansi::reset,
                    format_at_time(*record.unix_ns, now_unix_ns));
    if (record.usage.lifetime_ns) {
        out += fmt::format(", {} after it started", human_duration(*record.usage.lifetime_ns));
    }
    out += format_delay_after_request(record);
    if (!description.reason.empty()) {
        out += ": " + description.reason;
    }
    out += description.remark.empty() ? ".\n" : ". " + description.remark + ".\n";

    const auto fact = [&](std::string_view label, const std::string& text) {
        append_fact(out, label, text, use_color);
    };
    const bool by_parent =
        record.source == SignalSource::parent_death || record.source == SignalSource::parent_thread;
    fact(by_parent ? "Parent" : "Sent by", format_sender(record));
    fact("Before", format_prior_signal(record));
    fact("Memory", format_oom(record));
    fact("It used", format_usage(record));
    fact("Limits", format_violated_limits(record, now_unix_ns));
    fact("User", format_user(record));
    fact("Unit", escape_or_empty(record.unit));
    fact("Container",
         record.container ? escape_terminal(record.container->substr(0, container_id_digits)) : "");
    fact("Directory", escape_or_empty(record.cwd));
    fact("Parents", format_parents(record));
    const std::string whole = join_command(command);
    fact("Command", truncate_columns(whole, max_command_columns) == whole ? "" : whole);
    return out;
}

}  // namespace vigil::format
