// SPDX-License-Identifier: Apache-2.0
#include "apps/history_options.h"

#include <array>
#include <string_view>
#include <utility>

#include "apps/cli.h"
#include "apps/past_deaths.h"
#include "apps/when.h"

namespace vigil::apps {
namespace {

constexpr const char* history_footer = R"(Examples:
  sudo vigil history                                  the last 50 that ended
  sudo vigil history --abnormal --since 1h            killed or failed in the last hour
  sudo vigil history --since 03:00 --until 03:15      today, local time
  sudo vigil history --since 2026-11-20T02:00:00Z     UTC
  sudo vigil history --cause oom -n 1000              all that the OOM killer has killed
  sudo vigil history -c 'php*' --sort memory -n 10    the largest ones
  sudo vigil history --since 1d -n 100000 -o json | jq -r .executable | sort | uniq -c

--since and --until take 1h (so long ago), 12:30[:15], 2026-11-20, "2026-11-20 12:30[:15]" or
2026-11-20T12:30:15Z. Of those that match, the newest are shown, or with --sort the largest.
'vigil why' tells more of one. docs/history.md tells what is kept where, and what is in the JSON.
Exit codes: 0 found, 1 nothing found, 2 wrong usage.)";

constexpr uint64_t most_rows = 1'000'000;

struct Raw {
    std::optional<std::string> since;
    std::optional<std::string> until;
    std::optional<std::string> pid;
    std::optional<std::string> cause;
    std::optional<std::string> sort;
    std::optional<std::string> most;
    std::string format = "text";
};

struct CauseName {
    std::string_view name;
    model::Cause cause;
};
constexpr std::array causes{
    CauseName{"signal", model::Cause::signal},
    CauseName{"exit", model::Cause::exit},
    CauseName{"oom", model::Cause::oom},
};

struct OrderName {
    std::string_view name;
    history::Order order;
};
constexpr std::array orders{
    OrderName{"cpu", history::Order::cpu},           OrderName{"memory", history::Order::memory},
    OrderName{"disk", history::Order::disk},         OrderName{"network", history::Order::network},
    OrderName{"lifetime", history::Order::lifetime},
};

// The row with this name; an error that names them all.
template <class Names>
Result<typename Names::value_type> named(const Names& names, std::string_view option,
                                         const std::string& name) {
    std::string expected;
    for (const auto& each : names) {
        if (each.name == name) {
            return each;
        }
        expected += (expected.empty()         ? ""
                     : &each == &names.back() ? " or "
                                              : ", ") +
                    std::string(each.name);
    }
    return usage_error(fmt::format("{} '{}': expected {}", option, printable(name), expected));
}

Result<int64_t> when(const std::string& text, std::string_view option, int64_t now_unix_ns) {
    auto read = parse_when(text, now_unix_ns);
    return read ? std::move(read) : usage_error(fmt::format("{} {}", option, read.error().context));
}

Result<HistoryRequest> complete(HistoryRequest request, const Raw& raw, int64_t now_unix_ns) {
    history::Conditions& conditions = request.query.conditions;
    if (raw.since) {
        TRY_ASSIGN(conditions.since_unix_ns, when(*raw.since, "--since", now_unix_ns));
    }
    if (raw.until) {
        TRY_ASSIGN(conditions.until_unix_ns, when(*raw.until, "--until", now_unix_ns));
    }
    if (conditions.since_unix_ns > conditions.until_unix_ns) {
        return usage_error("--since is behind --until");
    }
    if (raw.pid) {
        TRY_ASSIGN(const uint64_t pid, parse_count(*raw.pid, "--pid", largest_pid));
        conditions.pid = static_cast<uint32_t>(pid);
    }
    if (raw.cause) {
        TRY_ASSIGN(const CauseName cause, named(causes, "--cause", *raw.cause));
        conditions.cause = cause.cause;
    }
    if (raw.sort) {
        TRY_ASSIGN(const OrderName order, named(orders, "--sort", *raw.sort));
        request.query.order = order.order;
    }
    if (raw.most) {
        TRY_ASSIGN(request.query.most, parse_count(*raw.most, "-n", most_rows));
    }
    TRY(check_pattern(conditions.name, "--comm"));
    TRY(check_pattern(conditions.user, "--user"));
    TRY(check_pattern(conditions.unit, "--unit"));
    if (raw.format != "text" && raw.format != "json") {
        return usage_error(fmt::format("-o '{}': expected text or json", printable(raw.format)));
    }
    request.json = raw.format == "json";
    return request;
}

}  // namespace

ParsedHistory parse_history(const Arguments& arguments, int64_t now_unix_ns) {
    CLI::App app(
        "Lists processes that have ended: how, by whom, and what they had used. Reads what 'vigil "
        "record', 'up' or 'agent' has written; none of them need run now.",
        "vigil history");
    app.footer(history_footer);
    HistoryRequest request;
    history::Conditions& conditions = request.query.conditions;
    Raw raw;
    app.add_option("--since", raw.since, "Ended at this time or later")->type_name("TIME");
    app.add_option("--until", raw.until, "Ended at this time or before")->type_name("TIME");
    app.add_option("-c,--comm", conditions.name,
                   "Name of the process or of its executable; * and ? match any")
        ->type_name("NAME");
    app.add_option("-p,--pid", raw.pid, "This pid")->type_name("PID");
    app.add_option("-u,--user", conditions.user, "Of this user, by name or number")
        ->type_name("USER");
    app.add_option("--unit", conditions.unit, "In this unit of systemd; * and ? match any")
        ->type_name("UNIT");
    app.add_option("--cause", raw.cause, "Ended by signal, exit or oom")->type_name("CAUSE");
    app.add_flag("--abnormal", conditions.abnormal, "Only killed ones and exit codes other than 0");
    app.add_option("--sort", raw.sort,
                   "The largest first: cpu, memory, disk, network or lifetime [the newest]")
        ->type_name("BY");
    app.add_option("-n,--lines", raw.most, "At most so many [50]")->type_name("N");
    app.add_option("-o,--output", raw.format, "text or json [text]")->type_name("FORMAT");
    app.add_option("--state", request.state,
                   "Folder of the one who keeps them [all of this user's]")
        ->type_name("FOLDER");
    if (const auto exit_code = parse(app, arguments)) {
        return {std::nullopt, *exit_code};
    }
    return asked(complete(std::move(request), raw, now_unix_ns));
}

}  // namespace vigil::apps
