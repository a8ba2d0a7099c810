// SPDX-License-Identifier: Apache-2.0
#include "history/story.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <string_view>
#include <vector>

#include "base/ansi.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/units.h"
#include "history/ending.h"
#include "history/moment.h"
#include "model/sample.h"
#include "model/signals.h"

namespace vigil::history {
namespace {

using model::SignalSource;

constexpr size_t most_command_columns = 100;  // in a sentence
constexpr size_t most_ancestors = 10;
constexpr uint64_t longest_stop_ns = 120 * ns_per_s;  // a service manager waits less
constexpr size_t container_digits = 12;               // as docker and others show ids

std::string joined(const std::vector<std::string>& parts, std::string_view between) {
    std::string text;
    for (const std::string& part : parts) {
        text += (text.empty() ? "" : std::string(between)) + part;
    }
    return text;
}

// As it was typed: the words are not quoted.
std::string command_of(const std::vector<std::string>& argv) {
    std::vector<std::string> words;
    std::transform(argv.begin(), argv.end(), std::back_inserter(words),
                   [](const std::string& word) { return printable(word); });
    return joined(words, " ");
}

// "kill (pid 993, root: kill -9 4242)". A command that only repeats the name is left out.
std::string who(const std::string& comm, uint32_t pid, const std::optional<std::string>& user,
                const std::vector<std::string>& argv, std::string_view before_command) {
    std::string text = fmt::format("{} (pid {}", comm.empty() ? "?" : printable(comm), pid);
    if (user) {
        text += ", " + printable(*user);
    }
    if (!argv.empty() && (argv.size() > 1 || argv[0] != comm)) {
        text += std::string(before_command) + fit_columns(command_of(argv), most_command_columns);
    }
    return text + ')';
}

// " ← bash (pid 991) ← sshd (pid 980)", each with the arrow in front.
std::string chain(const Ancestors& ancestors) {
    const size_t known = std::min(ancestors.pids.size(), ancestors.comms.size());
    const size_t shown = known > most_ancestors ? most_ancestors - 2 : known;
    std::string text;
    for (size_t i = 0; i < known; i++) {
        if (i == shown) {
            text += fmt::format(" ← … {} more", known - shown - 1);
            i = known - 1;  // the last one is where it all began
        }
        fmt::format_to(std::back_inserter(text), " ← {} (pid {})", printable(ancestors.comms[i]),
                       ancestors.pids[i]);
    }
    return text + (ancestors.cut ? " ← …" : "");
}

std::string parents(const Certificate& certificate) {
    constexpr size_t arrow = sizeof " ← " - 1;
    const std::string all = chain(certificate.ancestors);
    return all.empty() ? all : all.substr(arrow);
}

std::string sender(const Certificate& certificate) {
    const Killer& killer = certificate.killer;
    return was_sent(certificate) ? who(killer.comm, *killer.pid, killer.user, killer.argv, ": ") +
                                       chain(killer.ancestors)
                                 : "";
}

// Who sent the earlier signal, beside who sent the deadly one.
std::string earlier_sender(const Certificate& certificate) {
    const Earlier& before = certificate.before;
    const Killer& killer = certificate.killer;
    if (!before.pid) {
        return before.source && *before.source != SignalSource::unknown
                   ? fmt::format(" ({})", to_string(*before.source))
                   : "";
    }
    if (before.pid == certificate.pid) {
        return " from itself";
    }
    if (was_sent(certificate) && before.pid == killer.pid &&
        (!before.start_ns || !killer.start_ns || before.start_ns == killer.start_ns)) {
        return " from the same process";
    }
    const Ancestors& above = killer.ancestors;
    // A shell that sent the first by itself, and started a program for the second.
    if (was_sent(certificate) && before.pid > 1U && !above.pids.empty() &&
        above.pids[0] == *before.pid) {
        return " from the same " + printable(before.comm);
    }
    // Of init everything is a child.
    if (was_sent(certificate) && before.parent_pid > 1U && !above.pids.empty() &&
        above.pids[0] == *before.parent_pid) {
        return " from the same " + printable(before.parent_comm);
    }
    std::string text = " from " + who(before.comm, *before.pid, std::nullopt, {}, "");
    if (before.parent_pid) {
        text += fmt::format(" ← {} (pid {})", printable(before.parent_comm), *before.parent_pid);
    }
    return text;
}

// How long before its end, or before the signal that brought it.
std::optional<uint64_t> earlier_by_ns(const Certificate& certificate) {
    const int64_t end = certificate.signal_unix_ns.value_or(*certificate.unix_ns);
    const auto begin = certificate.before.unix_ns;
    return begin && *begin <= end
               ? std::optional(static_cast<uint64_t>(end) - static_cast<uint64_t>(*begin))
               : std::nullopt;
}

// " 0.3 s after SIGTERM": it did what it was asked to. What it lived on for long was about
// something else.
std::string after_request(const Certificate& certificate) {
    const auto by_ns = earlier_by_ns(certificate);
    return certificate.cause == model::Cause::exit && certificate.before.number && by_ns &&
                   *by_ns <= longest_stop_ns
               ? fmt::format(", {} after {}", spoken_duration(*by_ns),
                             model::signal_name(*certificate.before.number))
               : "";
}

std::string earlier(const Certificate& certificate) {
    if (!certificate.before.number) {
        return "";
    }
    const auto by_ns = earlier_by_ns(certificate);
    return std::string(model::signal_name(*certificate.before.number)) +
           earlier_sender(certificate) + (by_ns ? ", " + spoken_duration(*by_ns) + " earlier" : "");
}

std::string out_of_memory(const Certificate& certificate) {
    const OutOfMemory& oom = certificate.oom;
    std::vector<std::string> parts;
    if (oom.rss_bytes) {
        parts.push_back("it held " + spoken_size(*oom.rss_bytes));
    }
    if (oom.limit_bytes || oom.limit_cgroup) {
        parts.push_back("limit" + (oom.limit_bytes ? ' ' + spoken_size(*oom.limit_bytes) : "") +
                        (oom.limit_cgroup ? " of " + printable(*oom.limit_cgroup) : ""));
    }
    if (oom.trigger_pid) {
        parts.push_back(oom.trigger_pid == certificate.pid
                            ? "it asked for more itself"
                            : who(oom.trigger_comm, *oom.trigger_pid, {}, {}, "") +
                                  " asked for more");
    }
    return joined(parts, " · ");
}

// "disk 1.2 GB written", "no disk", "disk unknown".
std::string traffic(std::string_view what, std::optional<uint64_t> in, std::string_view in_verb,
                    std::optional<uint64_t> out, std::string_view out_verb) {
    if (!in && !out) {
        return fmt::format("{} unknown", what);
    }
    std::vector<std::string> parts;
    if (in.value_or(0) > 0) {
        parts.push_back(fmt::format("{} {}", spoken_size(*in), in_verb));
    }
    if (out.value_or(0) > 0) {
        parts.push_back(fmt::format("{} {}", spoken_size(*out), out_verb));
    }
    return parts.empty() ? fmt::format("no {}", what)
                         : fmt::format("{} {}", what, joined(parts, ", "));
}

std::string used(const Certificate& certificate) {
    const Bill& bill = certificate.bill;
    std::vector<std::string> parts;
    parts.push_back(!bill.cpu_ns ? "CPU unknown"
                                 : fmt::format("CPU {}{}", bill.partial ? "at least " : "",
                                               spoken_duration(*bill.cpu_ns)));
    parts.push_back(!bill.peak_rss_bytes
                        ? "peak memory unknown"
                        : fmt::format("peak memory {}{}", bill.peak_rss_at_most ? "at most " : "",
                                      spoken_size(*bill.peak_rss_bytes)));
    parts.push_back(traffic("disk", bill.read_bytes, "read", bill.write_bytes, "written"));
    parts.push_back(traffic("network", bill.received_bytes, "received", bill.sent_bytes, "sent"));
    if (bill.threads.value_or(1) > 1) {
        parts.push_back(fmt::format("{} threads", *bill.threads));
    }
    return joined(parts, " · ");
}

// One decimal below 1,000 where it has one, none above.
std::string figure(double value) {
    std::string text = fmt::format("{:.{}f}", value, std::abs(value) < 1000 ? 1 : 0);
    return text.ends_with(".0") ? text.substr(0, text.size() - 2) : text;
}

std::string broken_limits(const Certificate& certificate, int64_t now_unix_ns) {
    const BrokenLimits& broken = certificate.limits;
    const size_t count = std::min({broken.metrics.size(), broken.limits.size(), broken.peaks.size(),
                                   broken.since_unix_ns.size()});
    std::vector<std::string> parts;
    for (size_t i = 0; i < count; i++) {
        std::string_view unit;
        for (const model::MetricRow& metric : model::metrics()) {
            unit = metric.name == broken.metrics[i] ? metric.unit : unit;
        }
        parts.push_back(fmt::format("{} {} {} > {} {} since {}", printable(broken.metrics[i]),
                                    figure(broken.peaks[i]), unit, figure(broken.limits[i]), unit,
                                    moment(broken.since_unix_ns[i], now_unix_ns)));
    }
    return joined(parts, " · ");
}

std::string owner(const Certificate& certificate) {
    const std::string user = certificate.user  ? printable(*certificate.user)
                             : certificate.uid ? std::to_string(*certificate.uid)
                                               : "";
    return certificate.login_user && certificate.login_user != certificate.user
               ? fmt::format("{}logged in as {}", user.empty() ? "" : user + ", ",
                             printable(*certificate.login_user))
               : user;
}

// Text that stands in a line of its own; nothing where there is none.
void append_fact(std::string& out, std::string_view label, const std::string& text, bool colour) {
    if (!text.empty()) {
        fmt::format_to(std::back_inserter(out), "  {}{:<9}{} {}\n", colour ? ansi::dim : "", label,
                       colour ? ansi::plain : "", text);
    }
}

std::string known(const std::optional<std::string>& bytes) {
    return bytes ? printable(*bytes) : "";
}

}  // namespace

std::string story(const Certificate& certificate, int64_t now_unix_ns, bool colour) {
    const Ending ending = ending_of(certificate);
    const std::string_view shade = !colour                                   ? ""
                                   : certificate.cause != model::Cause::exit ? ansi::red
                                   : certificate.is_abnormal()               ? ansi::yellow
                                                                             : "";
    std::vector<std::string> command = certificate.argv;
    if (command.empty() && certificate.executable) {
        command.push_back(*certificate.executable);
    }
    std::string out =
        fmt::format("{} {}{}{} {}", who(certificate.comm, *certificate.pid, {}, command, ", "),
                    shade, ending.verb, shade.empty() ? "" : ansi::plain,
                    at_moment(*certificate.unix_ns, now_unix_ns));
    if (certificate.bill.lifetime_ns) {
        out += fmt::format(", {} after it started", spoken_duration(*certificate.bill.lifetime_ns));
    }
    out += after_request(certificate);
    if (!ending.reason.empty()) {
        out += ": " + ending.reason;
    }
    out += ending.remark.empty() ? ".\n" : ". " + ending.remark + ".\n";

    const auto fact = [&](std::string_view label, const std::string& text) {
        append_fact(out, label, text, colour);
    };
    fact(certificate.source == SignalSource::parent_death ? "Parent" : "Sent by",
         sender(certificate));
    fact("Before", earlier(certificate));
    fact("Memory", out_of_memory(certificate));
    fact("It used", used(certificate));
    fact("Limits", broken_limits(certificate, now_unix_ns));
    fact("User", owner(certificate));
    fact("Unit", known(certificate.unit));
    fact("Container", certificate.container
                          ? printable(certificate.container->substr(0, container_digits))
                          : "");
    fact("Directory", known(certificate.cwd));
    fact("Parents", parents(certificate));
    const std::string whole = command_of(command);
    fact("Command", fit_columns(whole, most_command_columns) == whole ? "" : whole);
    return out;
}

}  // namespace vigil::history
