// SPDX-License-Identifier: Apache-2.0
#include "commands/server/server_options.h"

#include <utility>

#include "base/address.h"
#include "base/default_paths.h"
#include "base/units.h"
#include "cli/cli.h"

namespace vigil::commands {
namespace {

constexpr const char* server_footer = R"(Examples:
  vigil server -c config/sample.json -l events.log      for agents on this machine
  vigil server -c limits.json --listen 0.0.0.0 --tls logs.example.org.pem
  vigil server --config-dir /etc/vigil/rules            default.json, and web-*.json for hosts that match

On a terminal it takes commands ('help' lists them); 'vigil ctl' sends the same ones from a shell.
A changed file is applied and sent to agents automatically; SIGHUP does so at once, and loads a renewed
certificate. docs/fleet.md describes a fleet, docs/protocol.md the protocol.
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.)";

constexpr uint64_t min_segment_bytes = 64 << 10;
constexpr uint64_t min_total_bytes = 1 << 20;
constexpr uint64_t max_segment_bytes = 1ULL << 40;

struct RawOptions {
    std::optional<std::string> listen;
    std::optional<std::string> segment;
    std::optional<std::string> total;
    std::optional<std::string> control;
    bool no_control = false;
};

Result<server::Options> complete(server::Options options, const RawOptions& raw) {
    if (!options.configuration && !options.configuration_directory) {
        return usage_error("expected the rules: -c FILE or --config-dir DIR");
    }
    if (raw.listen) {
        // Port 0 means any free port, so agents cannot connect to it. An IPv6 address may end with
        // ":0" too.
        const bool has_port =
            raw.listen->starts_with('[') || raw.listen->find(':') == raw.listen->rfind(':');
        const bool any = has_port && raw.listen->ends_with(":0");
        const auto address =
            parse_address(any ? raw.listen->substr(0, raw.listen->size() - 2) : *raw.listen);
        if (!address) {
            return usage_error("--listen " + address.error().context);
        }
        options.address = address->host;
        options.port = any ? uint16_t{0} : address->port;
    }
    if (raw.segment) {
        const auto bytes = parse_size_bytes(*raw.segment);
        if (!bytes || *bytes < min_segment_bytes || *bytes > max_segment_bytes) {
            return usage_error(fmt::format("--rotate '{}': expected 64K to 1T", *raw.segment));
        }
        options.log_segment_bytes = *bytes;
    }
    TRY_ASSIGN(options.log_total_bytes, parse_log_bytes(raw.total, options.log_total_bytes));
    if (!raw.no_control) {
        options.control = raw.control.value_or(default_control_path());
    }
    return options;
}

}  // namespace

Result<uint64_t> parse_log_bytes(const std::optional<std::string>& text, uint64_t otherwise) {
    if (!text) {
        return otherwise;
    }
    const auto bytes = parse_size_bytes(*text);
    if (!bytes || *bytes < min_total_bytes || *bytes > max_segment_bytes) {
        return usage_error(fmt::format("--keep-bytes '{}': expected 1M to 1T", *text));
    }
    return *bytes;
}

ParsedServer parse_server(const cli::Arguments& arguments) {
    cli::OptionParser app(
        "Sends rules to agents and writes their events to a log: each event once, and acknowledged "
        "only when it is on the disk.",
        "vigil server");
    app.footer(server_footer);
    server::Options options;
    RawOptions raw;
    app.add_option("-c,--config", options.configuration, "The rules for all agents: a JSON file")
        ->type_name("FILE");
    app.add_option("--config-dir", options.configuration_directory,
                   "default.json for all, and GLOB.json for the hosts whose names match")
        ->type_name("DIR");
    app.add_option("-l,--log", options.log, "Events are appended to it [events.log]")
        ->type_name("FILE");
    app.add_option("--rotate", raw.segment, "Start a new log file beyond this size [64M]")
        ->type_name("SIZE");
    app.add_option("--keep-bytes", raw.total,
                   "Size of all log files together; the oldest are deleted [4G]")
        ->type_name("SIZE");
    app.add_option("--keep", options.log_segments,
                   "Rotated log files that are kept; 0: no limit [0]")
        ->type_name("N")
        ->range(0, 1'000'000);
    app.add_option("--listen", raw.listen,
                   "ADDRESS or ADDRESS:PORT; others than loopback need --tls [127.0.0.1:7411]")
        ->type_name("ADDRESS");
    app.add_option("--tls", options.tls,
                   "Key and certificates, as 'vigil certs issue --server' writes them")
        ->type_name("FILE");
    app.add_option("--control", raw.control,
                   "Socket for 'vigil ctl' [" + default_control_path() + "]")
        ->type_name("PATH");
    app.add_flag("--no-control", raw.no_control, "No such socket")->excludes("--control");
    app.add_option("--max-agents", options.max_connections, "Maximum number of connections [10000]")
        ->type_name("N")
        ->range(1, 1'000'000);
    if (const auto exit_code = app.parse(arguments)) {
        return {std::nullopt, *exit_code};
    }
    return cli::to_parse_result(complete(std::move(options), raw));
}

}  // namespace vigil::commands
