// SPDX-License-Identifier: Apache-2.0
// vigil server: hands out limits and receives events.
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <functional>
#include <memory>

#include "base/print.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/cli.h"
#include "commands/server/commands.h"
#include "commands/server/console.h"
#include "commands/server/server_options.h"
#include "server/server.h"
#include "server/server_state.h"

namespace vigil::commands {
namespace {

// SIGHUP reloads the configuration, the others end the server.
void on_signals(boost::asio::signal_set& signals, server::Server& server) {
    signals.async_wait([&](const boost::system::error_code& error, int number) {
        if (error) {
            return;
        }
        if (number == SIGHUP) {
            server.reload();
            on_signals(signals, server);
        } else {
            server.stop();
        }
    });
}

Result<int> serve(const server::Options& options) {
    // The terminal must not stop a server that agents wait for: a read in the background fails
    // then.
    std::signal(SIGTTIN, SIG_IGN);
    std::signal(SIGTTOU, SIG_IGN);
    Console* console = nullptr;
    const auto notice = [&console](const std::string& text) {
        if (console != nullptr) {
            console->print_above(text);
        } else {
            print(stderr, "vigil: {}\n", text);
        }
    };
    TRY_ASSIGN(const auto server, server::Server::open(options, notice));
    boost::asio::signal_set signals(server->state().io(), SIGINT, SIGTERM, SIGHUP);
    on_signals(signals, *server);
    print(stderr, "vigil: serving {} with {}; events go to {}\n", server->endpoint(),
          count_of(server->state().configurations().common().rules.size(), "rule"), options.log);
    {
        Console local_console(*server);
        console = &local_console;
        local_console.start();
        server->run();
        console = nullptr;
    }
    const server::Stats& stats = server->stats();
    const uint64_t undurable = std::min(server->state().undurable_events(), stats.events);
    print(stderr, "vigil: {} written, {} dropped, {}\n",
          count_of(stats.events - undurable, "event"), count_of(stats.duplicates, "duplicate"),
          count_of(stats.connections, "connection"));
    if (undurable > 0) {
        print(stderr, "vigil: {} could not be written to {}: their agents keep them\n",
              count_of(undurable, "event"), escape_terminal(options.log));
    }
    return 0;
}

}  // namespace

int run_server(const cli::Arguments& arguments) {
    return cli::run_parsed(parse_server(arguments), serve);
}

}  // namespace vigil::commands
