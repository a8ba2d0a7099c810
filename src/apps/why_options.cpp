// SPDX-License-Identifier: Apache-2.0
#include "apps/why_options.h"

#include <utility>

#include "apps/cli.h"
#include "apps/past_deaths.h"
#include "base/units.h"
#include "history/names.h"

namespace vigil::apps {
namespace {

constexpr const char* why_footer = R"(Examples:
  sudo vigil why                              the last that were killed or failed
  sudo vigil why 4242                         whoever last had this pid
  sudo vigil why nginx                        processes of this name, or of this executable
  sudo vigil why 'php*' -n 20
  sudo vigil why --unit nginx.service
  vigil why --state /mnt/var/lib/vigil/agent  of another machine's disk

The newest comes first. Of a name or unit, those that were killed or failed are told; where there
are none, those that ended well. 'vigil history' lists many at once.
Exit codes: 0 found, 1 nothing found, 2 wrong usage.)";

constexpr uint64_t most_stories = 100'000;

Result<WhyRequest> complete(WhyRequest request, const std::optional<std::string>& who,
                            const std::optional<std::string>& most) {
    TRY(check_pattern(who, "PID or NAME"));
    TRY(check_pattern(request.unit, "--unit"));
    if (who && history::is_number(*who)) {
        const auto pid = parse_number(*who, 1, largest_pid);
        if (!pid) {
            return usage_error(
                fmt::format("'{}' is no pid: expected 1 to {}; 'vigil history -c' takes any name",
                            *who, largest_pid));
        }
        request.pid = static_cast<uint32_t>(*pid);
    } else {
        request.name = who;
    }
    if (most) {
        TRY_ASSIGN(request.most, parse_count(*most, "-n", most_stories));
    }
    return request;
}

}  // namespace

ParsedWhy parse_why(const Arguments& arguments) {
    CLI::App app(
        "Says who or what ended a process: as a sentence, then the facts. Reads what 'vigil "
        "record', 'up' or 'agent' has written; none of them need run now.",
        "vigil why");
    app.footer(why_footer);
    WhyRequest request;
    std::optional<std::string> who;
    std::optional<std::string> most;
    auto* who_option =
        app.add_option("WHO", who, "A pid, or a name: * and ? match any")->type_name("");
    app.add_option("--unit", request.unit, "Processes of this unit of systemd; * and ? match any")
        ->type_name("UNIT")
        ->excludes(who_option);
    app.add_option("-n,--lines", most, "At most so many [5]")->type_name("N");
    app.add_option("--state", request.state,
                   "Folder of the one who keeps them [all of this user's]")
        ->type_name("FOLDER");
    if (const auto exit_code = parse(app, arguments)) {
        return {std::nullopt, *exit_code};
    }
    return asked(complete(std::move(request), who, most));
}

}  // namespace vigil::apps
