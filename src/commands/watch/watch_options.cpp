// SPDX-License-Identifier: Apache-2.0
#include "commands/watch/watch_options.h"

#include <utility>

#include "cli/cli.h"
#include "cli/common_options.h"

namespace vigil::commands {
namespace {

constexpr const char* watch_footer = R"(Examples:
  sudo vigil watch -c config/sample.json               violations on the screen
  sudo vigil watch -c limits.json -l violations.log    and as JSON lines in a file
  sudo vigil watch -c limits.json -o json | jq .comm   for other programs (docs/events.md)

A changed FILE is applied automatically; SIGHUP applies it at once, and reopens the log.
docs/configuration.md describes FILE.
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 not possible here.)";

struct RawOptions {
    std::string configuration;
    std::optional<std::string> interval;
    std::optional<std::string> log;
    std::string format = "text";
};

Result<WatchRequest> make_request(const RawOptions& raw) {
    WatchRequest request{.configuration = raw.configuration, .log = raw.log};
    TRY_ASSIGN(request.interval_ns, cli::parse_interval(raw.interval));
    if (raw.format != "text" && raw.format != "json") {
        return usage_error(fmt::format("-o '{}': expected text or json", raw.format));
    }
    request.json = raw.format == "json";
    return request;
}

}  // namespace

ParsedWatch parse_watch(const cli::Arguments& arguments) {
    cli::OptionParser app(
        "Checks every process of this machine against limits of CPU, memory, disk and network, and "
        "reports when a process exceeds one, still exceeds it, and is below it again.",
        "vigil watch");
    app.footer(watch_footer);
    RawOptions raw;
    app.add_option("-c,--config", raw.configuration, "The limits: a JSON file")
        ->required()
        ->type_name("FILE");
    cli::add_interval(app, raw.interval);
    app.add_option("-l,--log", raw.log, "Append violations to this file, as JSON lines")
        ->type_name("FILE");
    app.add_option("-o,--output", raw.format, "text or json [text]")->type_name("FORMAT");
    if (const auto exit_code = app.parse(arguments)) {
        return {std::nullopt, *exit_code};
    }
    return cli::to_parse_result(make_request(raw));
}

}  // namespace vigil::commands
