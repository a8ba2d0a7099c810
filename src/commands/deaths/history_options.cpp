// SPDX-License-Identifier: Apache-2.0
#include "commands/deaths/history_options.h"

#include <array>
#include <string_view>
#include <utility>

#include "base/time_spec.h"
#include "cli/cli.h"
#include "cli/common_options.h"
#include "commands/deaths/death_lookup.h"

namespace vigil::commands {
namespace {

constexpr const char* history_footer = R"(Examples:
  sudo vigil history                                  the last 50 processes that ended
  sudo vigil history --abnormal --since 1h            killed or failed in the last hour
  sudo vigil history --since 03:00 --until 03:15      today, local time
  sudo vigil history --since 2026-11-20T02:00:00Z     UTC
  sudo vigil history --cause oom -n 1000              victims of the OOM killer
  sudo vigil history -c 'php*' --sort memory -n 10    those with the highest peak memory
  sudo vigil history --since 1d -n 100000 -o json | jq -r .executable | sort | uniq -c

--since and --until take 1h (one hour ago), 12:30[:15], 2026-11-20, "2026-11-20 12:30[:15]" or
2026-11-20T12:30:15Z. Of those that match, the newest are shown, or with --sort the largest.
'vigil why' reports more about one. docs/history.md describes both, docs/deaths.md the JSON.
Exit codes: 0 found, 1 nothing found, 2 wrong usage.)";

constexpr uint64_t max_rows = 1'000'000;

struct RawOptions {
    std::optional<std::string> since;
    std::optional<std::string> until;
    std::optional<std::string> pid;
    std::optional<std::string> cause;
    std::optional<std::string> sort;
    std::optional<std::string> max_deaths;
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
    query::Order order;
};
constexpr std::array orders{
    OrderName{"cpu", query::Order::cpu},           OrderName{"memory", query::Order::memory},
    OrderName{"disk", query::Order::disk},         OrderName{"network", query::Order::network},
    OrderName{"lifetime", query::Order::lifetime},
};

// The row with this name, or an error that lists all names.
template <class Names>
Result<typename Names::value_type> find_by_name(const Names& names, std::string_view option,
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
    return usage_error(
        fmt::format("{} '{}': expected {}", option, escape_terminal(name), expected));
}

Result<int64_t> time_option(const std::string& text, std::string_view option, int64_t now_unix_ns) {
    auto read = parse_time_spec(text, now_unix_ns);
    return read ? std::move(read) : usage_error(fmt::format("{} {}", option, read.error().context));
}

Result<HistoryRequest> complete(HistoryRequest request, const RawOptions& raw,
                                int64_t now_unix_ns) {
    query::DeathFilter& filter = request.query.filter;
    if (raw.since) {
        TRY_ASSIGN(filter.since_unix_ns, time_option(*raw.since, "--since", now_unix_ns));
    }
    if (raw.until) {
        TRY_ASSIGN(filter.until_unix_ns, time_option(*raw.until, "--until", now_unix_ns));
    }
    if (filter.since_unix_ns > filter.until_unix_ns) {
        return usage_error("--since is after --until");
    }
    if (raw.pid) {
        TRY_ASSIGN(const uint64_t pid, parse_count(*raw.pid, "--pid", max_pid));
        filter.pid = static_cast<uint32_t>(pid);
    }
    if (raw.cause) {
        TRY_ASSIGN(const CauseName cause, find_by_name(causes, "--cause", *raw.cause));
        filter.cause = cause.cause;
    }
    if (raw.sort) {
        TRY_ASSIGN(const OrderName order, find_by_name(orders, "--sort", *raw.sort));
        request.query.order = order.order;
    }
    if (raw.max_deaths) {
        TRY_ASSIGN(request.query.max_deaths, parse_count(*raw.max_deaths, "-n", max_rows));
    }
    TRY(check_pattern(filter.name, "--comm"));
    TRY(check_pattern(filter.user, "--user"));
    TRY(check_pattern(filter.unit, "--unit"));
    if (raw.format != "text" && raw.format != "json") {
        return usage_error(
            fmt::format("-o '{}': expected text or json", escape_terminal(raw.format)));
    }
    request.json = raw.format == "json";
    return request;
}

}  // namespace

ParsedHistory parse_history(const cli::Arguments& arguments, int64_t now_unix_ns) {
    cli::OptionParser app(
        "Lists processes that have ended: how, by which process, and what they had used. Reads the "
        "death records of 'vigil record', 'up' and 'agent'; none of them has to run now.",
        "vigil history");
    app.footer(history_footer);
    HistoryRequest request;
    query::DeathFilter& filter = request.query.filter;
    RawOptions raw;
    app.add_option("--since", raw.since, "Ended at this time or later")->type_name("TIME");
    app.add_option("--until", raw.until, "Ended at this time or before")->type_name("TIME");
    app.add_option("-c,--comm", filter.name,
                   "Name of the process, its executable or script, or a path; * and ? match any")
        ->type_name("NAME");
    app.add_option("-p,--pid", raw.pid, "With this pid")->type_name("PID");
    app.add_option("-u,--user", filter.user, "Of this user, by name or number")->type_name("USER");
    app.add_option("--unit", filter.unit, "In this systemd unit; * and ? match any")
        ->type_name("UNIT");
    app.add_option("--cause", raw.cause, "Ended by signal, exit or oom")->type_name("CAUSE");
    app.add_flag("--abnormal", filter.abnormal, "Only processes that were killed or failed");
    app.add_option("--sort", raw.sort,
                   "Largest first: cpu, memory, disk, network or lifetime [newest first]")
        ->type_name("BY");
    app.add_option("-n,--lines", raw.max_deaths, "Maximum number of rows [50]")->type_name("N");
    app.add_option("-o,--output", raw.format, "text or json [text]")->type_name("FORMAT");
    cli::add_state(app, request.state, recorder_state_help);
    if (const auto exit_code = app.parse(arguments)) {
        return {std::nullopt, *exit_code};
    }
    return cli::to_parse_result(complete(std::move(request), raw, now_unix_ns));
}

}  // namespace vigil::commands
