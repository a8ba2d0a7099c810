// SPDX-License-Identifier: Apache-2.0
// vigil server: limits out, events in.
#include <fmt/format.h>

#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <functional>
#include <memory>

#include "apps/cli.h"
#include "apps/console.h"
#include "apps/server_options.h"
#include "base/say.h"
#include "server/server.h"

namespace vigil::apps {
namespace {

// SIGHUP applies the configuration, the others end the server.
void take_signals(boost::asio::signal_set& signals, server::Server& server) {
    signals.async_wait([&](const boost::system::error_code& error, int number) {
        if (error) {
            return;
        }
        if (number == SIGHUP) {
            server.reload();
            take_signals(signals, server);
        } else {
            server.stop();
        }
    });
}

Result<int> serve(const server::Options& options) {
    Console* console = nullptr;
    const auto notice = [&console](const std::string& text) {
        if (console != nullptr) {
            console->say_above(text);
        } else {
            say(stderr, "vigil: {}\n", text);
        }
    };
    TRY_ASSIGN(const auto server, server::Server::open(options, notice));
    boost::asio::signal_set signals(server->hub().io(), SIGINT, SIGTERM, SIGHUP);
    take_signals(signals, *server);
    say(stderr, "vigil: serving {} with {} rules; events go to {}\n", server->endpoint(),
        server->hub().configurations().common().rules.size(), options.log);
    {
        Console own(*server);
        console = &own;
        own.start();
        server->run();
        console = nullptr;
    }
    const server::Stats& stats = server->hub().stats();
    say(stderr, "vigil: {} events taken, {} came again, {} connections\n", stats.events,
        stats.duplicates, stats.connections);
    return 0;
}

}  // namespace

int run_server(const Arguments& arguments) { return run_asked(parse_server(arguments), serve); }

}  // namespace vigil::apps
