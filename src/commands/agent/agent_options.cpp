// SPDX-License-Identifier: Apache-2.0
#include "commands/agent/agent_options.h"

#include <utility>

#include "base/default_paths.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/cli.h"
#include "cli/common_options.h"
#include "host/kernel.h"
#include "wire/protocol.h"

namespace vigil::commands {
namespace {

constexpr const char* agent_footer = R"(Examples:
  sudo vigil agent                                        the server runs on this machine
  sudo vigil agent --server logs.example.org --tls web-1.pem
  sudo vigil agent --server a.example.org --server b.example.org:7412 --tls web-1.pem

The rules come from the server; the last valid ones are stored and used while no server answers. Events
wait on disk, in the state directory, until a server has them in its log. docs/fleet.md describes a fleet.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not possible here.)";

constexpr uint64_t min_queue_bytes = 1 << 20;
constexpr uint64_t max_queue_bytes = 1ULL << 40;

struct RawOptions {
    std::vector<std::string> servers;
    std::optional<std::string> name;
    std::optional<std::string> state;
    std::optional<std::string> tls;
    std::optional<std::string> interval;
    std::optional<std::string> queue;
    std::optional<std::string> keep;
    std::optional<std::string> deaths;
};

Result<AgentRequest> make_request(const RawOptions& raw) {
    AgentRequest request;
    for (const std::string& server : raw.servers) {
        auto address = parse_address(server);
        if (!address) {
            return usage_error("--server " + address.error().context);
        }
        request.servers.push_back(std::move(*address));
    }
    if (request.servers.empty()) {
        request.servers.push_back({.host = "127.0.0.1", .port = default_port});
    }
    request.name = raw.name.value_or(default_agent_name());
    if (!is_name(request.name)) {
        return usage_error(
            fmt::format("--name '{}': expected 1 to {} letters, digits, '.', '_' or "
                        "'-', a letter or digit first",
                        escape_terminal(request.name), max_agent_name_bytes));
    }
    if (raw.name && raw.tls) {
        return usage_error("--name: with --tls the name is that of the certificate");
    }
    request.state = raw.state.value_or(default_state_directory("agent"));
    request.tls = raw.tls;
    TRY_ASSIGN(request.interval_ns, cli::parse_interval(raw.interval));
    if (raw.queue) {
        const auto bytes = parse_size_bytes(*raw.queue);
        if (!bytes || *bytes < min_queue_bytes || *bytes > max_queue_bytes) {
            return usage_error(fmt::format("--queue '{}': expected 1M to 1T", *raw.queue));
        }
        request.queue_bytes = *bytes;
    }
    TRY_ASSIGN(request.retention, cli::parse_retention(raw.keep));
    TRY_ASSIGN(request.death_forwarding, cli::parse_death_forwarding(raw.deaths));
    return request;
}

}  // namespace

std::string default_agent_name() {
    std::string name = host::host_name().substr(0, max_agent_name_bytes);
    for (char& c : name) {
        c = is_name(std::string("x") + c) ? c : '-';
    }
    return is_name(name) ? name : "x" + name.substr(0, max_agent_name_bytes - 1);
}

ParsedAgent parse_agent(const cli::Arguments& arguments) {
    cli::OptionParser app(
        "Checks every process of this machine against the limits that a server sends, and sends "
        "its "
        "events to that server: violations, deaths, losses.",
        "vigil agent");
    app.footer(agent_footer);
    RawOptions raw;
    app.add_option("--server", raw.servers,
                   "HOST or HOST:PORT; of several, the first that answers is used [127.0.0.1:7411]")
        ->type_name("ADDRESS")
        ->allow_extra_args(false);
    app.add_option("--tls", raw.tls, "Key and certificates, as 'vigil certs issue' writes them")
        ->type_name("FILE");
    app.add_option("--name", raw.name, "Name of this agent on the server [this machine's name]")
        ->type_name("NAME");
    cli::add_state(app, raw.state,
                   "Directory for the queue, the last rules and death records [" +
                       default_state_directory("agent") + "]");
    app.add_option("--queue", raw.queue,
                   "Size of the queue on disk; the oldest events are dropped first [256M]")
        ->type_name("SIZE");
    cli::add_death_forwarding(app, raw.deaths);
    cli::add_retention(app, raw.keep);
    cli::add_interval(app, raw.interval);
    if (const auto exit_code = app.parse(arguments)) {
        return {std::nullopt, *exit_code};
    }
    return cli::to_parse_result(make_request(raw));
}

}  // namespace vigil::commands
