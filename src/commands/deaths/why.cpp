// SPDX-License-Identifier: Apache-2.0
// vigil why: reports what ended a process.
#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/cli.h"
#include "commands/deaths/commands.h"
#include "commands/deaths/death_lookup.h"
#include "commands/deaths/why_options.h"
#include "format/coverage_gaps.h"
#include "format/death_report.h"
#include "format/time.h"
#include "host/kernel.h"
#include "host/process_lookup.h"
#include "output/color.h"

namespace vigil::commands {
namespace {

using query::DeathFilter;
using query::QueryResult;

QueryResult find_deaths(const std::vector<std::string>& directories, const DeathFilter& filter,
                        size_t max_deaths) {
    const query::Query query{.filter = filter, .max_deaths = max_deaths, .clock = present_clock()};
    return query::run_query(death_journals(directories, query), query);
}

// A process that still runs has not been ended, and a thread is not a process.
void print_if_alive(uint32_t pid) {
    if (!host::in_initial_pid_namespace()) {
        return;
    }
    const auto found = host::find_process(pid);
    if (!found) {
        return;
    }
    const std::string comm = escape_terminal(found->comm);
    const uint64_t now_ns = boot_now_ns();
    switch (found->use) {
        case host::PidUse::none:
            return;
        case host::PidUse::thread:
            print(stderr,
                  "vigil: {0} of this machine is a thread of process {1} ({2}), which is alive: "
                  "'vigil why {1}' reports processes\n",
                  pid, found->pid, comm);
            return;
        case host::PidUse::zombie:
            print(
                stderr,
                "vigil: pid {} ({}) of this machine has ended; its parent has not waited for it\n",
                pid, comm);
            return;
        case host::PidUse::process:
            print(stderr, "vigil: pid {} ({}) of this machine is alive; it started {} ago\n", pid,
                  comm, human_duration(now_ns - std::min(now_ns, found->start_ns)));
            return;
    }
}

// For a pid all of its deaths. Otherwise failures and kills; if there are none, clean exits.
// `request` then has the pid or the name that was found, not both.
QueryResult find_matching(WhyRequest& request, const std::vector<std::string>& directories) {
    DeathFilter filter;
    if (request.pid) {
        filter.pid = request.pid;
        QueryResult result = find_deaths(directories, filter, request.max_deaths);
        if (!result.deaths.empty()) {
            request.name.reset();
            return result;
        }
        filter.pid.reset();
    }
    filter.name = request.name;
    filter.unit = request.unit;
    filter.abnormal = true;
    QueryResult result = find_deaths(directories, filter, request.max_deaths);
    if (result.deaths.empty() && (request.name || request.unit)) {
        filter.abnormal = false;
        result = find_deaths(directories, filter, request.max_deaths);
    }
    if (!result.deaths.empty()) {
        request.pid.reset();
    }
    return result;
}

// An old failure must not hide a later clean exit.
void print_if_succeeded_since(const WhyRequest& request,
                              const std::vector<std::string>& directories, const query::Match& last,
                              int64_t now_unix_ns) {
    if ((!request.name && !request.unit) || !last.record.is_abnormal()) {
        return;
    }
    DeathFilter filter;
    filter.since_unix_ns = last.unix_ns;
    filter.name = request.name;
    filter.unit = request.unit;
    filter.cause = model::Cause::exit;
    const QueryResult newer = find_deaths(directories, filter, 1);
    if (!newer.deaths.empty() && !newer.deaths[0].record.is_abnormal()) {
        const query::DeathRecord& ended = newer.deaths[0].record;
        print(stdout, "\nSince then {} (pid {}) has exited with code 0 (success) {}.\n",
              escape_terminal(ended.comm), *ended.pid,
              format::format_at_time(*ended.unix_ns, now_unix_ns));
    }
}

std::string describe_request(const WhyRequest& request) {
    return request.pid    ? fmt::format("death of pid {}", *request.pid)
           : request.name ? "death of " + quote_if_needed(*request.name)
           : request.unit ? "death in unit " + quote_if_needed(*request.unit)
                          : "death by a signal, the OOM killer or with an exit code other than 0";
}

Result<int> run(WhyRequest request) {
    const std::vector<std::string> directories = death_directories(request.state);
    const QueryResult result = find_matching(request, directories);
    print_errors(result.errors);
    const int64_t now_unix_ns = unix_now_ns();
    bool first = true;
    for (const query::Match& match : result.deaths) {
        print(stdout, "{}{}", first ? "" : "\n",
              format::death_report(match.record, now_unix_ns, output::wants_color()));
        first = false;
    }
    const std::string gaps = format::format_coverage_gaps(result.gaps, now_unix_ns);
    if (result.deaths.empty()) {
        print(stderr, "{}", gaps);
        print_nothing_found(directories, result, describe_request(request));
        if (request.pid) {
            print_if_alive(*request.pid);
            print_pid_hint(false);
        } else if (request.name) {
            print_similar(directories, *request.name);
        }
        return 1;
    }
    if (request.pid) {
        print_pid_hint(true);
    }
    print_if_succeeded_since(request, directories, result.deaths[0], now_unix_ns);
    if (!gaps.empty()) {
        print(stdout, "\n{}", gaps);
    }
    return 0;
}

}  // namespace

int run_why(const cli::Arguments& arguments) { return cli::run_parsed(parse_why(arguments), run); }

}  // namespace vigil::commands
