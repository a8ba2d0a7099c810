// SPDX-License-Identifier: Apache-2.0
// vigil up: server and agent on this machine, in one process.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <thread>
#include <utility>

#include "base/default_paths.h"
#include "base/file.h"
#include "base/print.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/cli.h"
#include "cli/common_options.h"
#include "cli/source_report.h"
#include "commands/agent/agent_loop.h"
#include "commands/server/server_options.h"
#include "commands/up/up.h"
#include "host/privileges.h"
#include "server/server.h"
#include "server/server_state.h"

namespace vigil::commands {
namespace {

constexpr const char* up_footer = R"(Examples:
  sudo vigil up -c config/sample.json                   violations and deaths on the screen,
                                                        and in events.log
  sudo vigil up -c limits.json -l /var/log/vigil/events.log
  sudo vigil ctl config set nginx cpu 80                from another shell

It is 'vigil server' and 'vigil agent' together: other agents of this machine can connect too, and events
that the agent can't deliver wait on disk until the next start.
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 not possible here.)";

struct UpRequest {
    AgentRequest agent;
    server::Options server;
};

// Runs the server on its own thread until the loop ends.
class ServerThread {
 public:
    // `ended`: called on that thread when the server ends, including by `quit`.
    ServerThread(server::Server& server, const std::function<void()>& ended)
        : server_(&server), thread_([&server, ended] {
              server.run();
              ended();
          }) {}
    ~ServerThread() {
        server_->stop();
        thread_.join();
    }
    ServerThread(const ServerThread&) = delete;
    ServerThread& operator=(const ServerThread&) = delete;

 private:
    server::Server* server_;
    std::thread thread_;
};

Result<int> run(const UpRequest& request) {
    TRY(make_directories(request.agent.state, 0700));
    auto sources = monitor::EventSources::open(agent::Agent::sources_needs);
    TRY(host::keep_monitoring_capabilities(true));  // the log may be in another user's directory
    AgentLoop loop(request.agent, sources, true);
    TRY(loop.open());
    TRY_ASSIGN(const auto server,
               server::Server::open(request.server, [&](const std::string& text) {
                   loop.inbox().push(agent::UserMessage{text});
               }));
    loop.set_hangup_handler([&server = *server] { server.reload(); });
    cli::print_limitations(sources);
    print(stderr, "vigil: serving {}; events go to {}; Ctrl-C ends\n", server->endpoint(),
          request.server.log);
    {
        const ServerThread thread(*server, [&loop] { loop.inbox().push(agent::StopRequest{}); });
        TRY(loop.run({{.host = request.server.address, .port = server->port()}}));
    }
    const uint64_t events = server->stats().events;
    const uint64_t undurable = std::min(server->state().undurable_events(), events);
    print(stderr, "vigil: {} reported; {} in {}\n", count_of(loop.violations(), "violation"),
          count_of(events - undurable, "event"), request.server.log);
    if (undurable > 0) {
        print(stderr, "vigil: {} could not be written to it: they wait in {}\n",
              count_of(undurable, "event"), escape_terminal(request.agent.state));
    }
    cli::print_losses(sources);
    return 0;
}

}  // namespace

int run_up(const cli::Arguments& arguments) {
    cli::OptionParser app(
        "Checks every process of this machine against limits and logs what happens: server and "
        "agent in one.",
        "vigil up");
    app.footer(up_footer);
    UpRequest request;
    std::string configuration;
    std::optional<std::string> interval;
    std::optional<std::string> total;
    std::optional<std::string> keep;
    std::optional<std::string> deaths;
    request.agent.name = default_agent_name();
    // Not the state of an agent of another server: its spool and rules do not belong to this log.
    request.agent.state = default_state_directory("up");
    request.server.control = default_control_path();
    app.add_option("-c,--config", configuration, "The limits: a JSON file")
        ->required()
        ->type_name("FILE");
    app.add_option("-l,--log", request.server.log, "Events are appended to it [events.log]")
        ->type_name("FILE");
    app.add_option("--keep-bytes", total,
                   "Size of all log files together; the oldest are deleted [4G]")
        ->type_name("SIZE");
    cli::add_death_forwarding(app, deaths);
    cli::add_retention(app, keep);
    cli::add_interval(app, interval);
    app.add_option("--port", request.server.port, "Port for other agents; 0: any free one [7411]")
        ->type_name("PORT");
    cli::add_state(
        app, request.agent.state,
        "Directory for the queue, the last rules and death records [" + request.agent.state + "]");
    app.add_option("--control", request.server.control,
                   "Socket for 'vigil ctl' [" + *request.server.control + "]")
        ->type_name("PATH");
    if (const auto exit_code = app.parse(arguments)) {
        return *exit_code;
    }
    request.server.configuration = configuration;
    const auto parsed_interval = cli::parse_interval(interval);
    if (!parsed_interval) {
        return cli::fail(parsed_interval.error());
    }
    request.agent.interval_ns = *parsed_interval;
    const auto total_bytes = parse_log_bytes(total, request.server.log_total_bytes);
    if (!total_bytes) {
        return cli::fail(total_bytes.error());
    }
    request.server.log_total_bytes = *total_bytes;
    const auto parsed_retention = cli::parse_retention(keep);
    const auto parsed_forwarding = cli::parse_death_forwarding(deaths);
    if (!parsed_retention || !parsed_forwarding) {
        return cli::fail(!parsed_retention ? parsed_retention.error() : parsed_forwarding.error());
    }
    request.agent.retention = *parsed_retention;
    request.agent.death_forwarding = *parsed_forwarding;
    return cli::finish(run(request));
}

}  // namespace vigil::commands
