// SPDX-License-Identifier: Apache-2.0
#include "commands/deaths/why_options.h"

#include <utility>

#include "base/units.h"
#include "cli/cli.h"
#include "cli/common_options.h"
#include "commands/deaths/death_lookup.h"

namespace vigil::commands {
namespace {

constexpr const char* why_footer = R"(Examples:
  sudo vigil why                              the last processes that were killed or failed
  sudo vigil why 4242                         the last process with this pid
  sudo vigil why nginx                        processes of this name, or of this executable
  sudo vigil why 'php*' -n 20
  sudo vigil why /opt/bin/backup.sh           by path, where two have the same name
  sudo vigil why --unit nginx.service
  vigil why --state /mnt/var/lib/vigil/agent  from another machine's disk

The newest comes first. Of a name or unit, processes that were killed or failed are reported; if there
are none, clean exits. 'vigil history' lists many at once.
Exit codes: 0 found, 1 nothing found, 2 wrong usage.)";

constexpr uint64_t max_why_deaths = 100'000;

Result<WhyRequest> complete(WhyRequest request, const std::optional<std::string>& target,
                            const std::optional<std::string>& max_deaths) {
    TRY(check_pattern(target, "PID or NAME"));
    TRY(check_pattern(request.unit, "--unit"));
    if (target && is_decimal(*target)) {
        if (const auto pid = parse_number(*target, 1, max_pid)) {
            request.pid = static_cast<uint32_t>(*pid);
        }
    }
    request.name = target;
    if (max_deaths) {
        TRY_ASSIGN(request.max_deaths, parse_count(*max_deaths, "-n", max_why_deaths));
    }
    return request;
}

}  // namespace

ParsedWhy parse_why(const cli::Arguments& arguments) {
    cli::OptionParser app(
        "Reports what ended a process: a sentence, then the facts. Reads the death records of "
        "'vigil record', 'up' and 'agent'; none of them has to run now.",
        "vigil why");
    app.footer(why_footer);
    WhyRequest request;
    std::optional<std::string> target;
    std::optional<std::string> max_deaths;
    auto* target_option =
        app.add_option("PROCESS", target, "A pid, or a name or path; * and ? match any")
            ->type_name("");
    app.add_option("--unit", request.unit, "Processes of this systemd unit; * and ? match any")
        ->type_name("UNIT")
        ->excludes(target_option);
    app.add_option("-n,--lines", max_deaths, "Maximum number of reports [5]")->type_name("N");
    cli::add_state(app, request.state, recorder_state_help);
    if (const auto exit_code = app.parse(arguments)) {
        return {std::nullopt, *exit_code};
    }
    return cli::to_parse_result(complete(std::move(request), target, max_deaths));
}

}  // namespace vigil::commands
