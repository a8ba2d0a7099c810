// SPDX-License-Identifier: Apache-2.0
#include "server/server.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "base/units.h"
#include "server/control.h"
#include "server/server_state.h"
#include "wire/tls.h"

namespace vigil::server {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
constexpr auto retry_delay = std::chrono::milliseconds(200);
constexpr int backlog = 4096;
// Descriptors other than those of agents: log, sockets, files that are read now and then.
constexpr rlim_t own_descriptors = 64;

// A quarter of a low descriptor limit at most.
size_t allowed_greeting(size_t greeting) {
    rlimit limit{};
    return ::getrlimit(RLIMIT_NOFILE, &limit) == 0
               ? std::min<rlim_t>(greeting, std::max<rlim_t>(limit.rlim_max / 4, 1))
               : greeting;
}

// Max number of connections: the requested number, unless the descriptor limit is lower.
size_t allow_descriptors(size_t connections, size_t greeting) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return connections;
    }
    const rlim_t others = own_descriptors + Options{}.max_refused + greeting;
    limit.rlim_cur =
        std::min(limit.rlim_max, std::max<rlim_t>(limit.rlim_cur, connections + others));
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        ::getrlimit(RLIMIT_NOFILE, &limit);
    }
    const rlim_t left = limit.rlim_cur > others ? limit.rlim_cur - others : 1;
    return std::min<rlim_t>(connections, left);
}

// Most likely out of descriptors: pending connections wait to be accepted.
wire::Awaitable<void> pause(asio::io_context& io) {
    asio::steady_timer timer(io, retry_delay);
    (void)co_await timer.async_wait(as_values);
}

Error cannot_listen(const Options& options, const error_code& error) {
    const std::string hint =
        error == asio::error::address_in_use
            ? " (is another server running? 'vigil ctl quit' ends it; --listen takes another port)"
            : "";
    return {ErrorCode::failed,
            fmt::format("listening on {}:{}: {}{}", escape_terminal(options.address), options.port,
                        error.message(), hint)};
}

// The log's files are beside the one that a link names.
Result<void> resolve_log(Options& options) {
    if (options.log.empty()) {
        return usage_error("-l '': expected the path of a file");
    }
    TRY_ASSIGN(options.log, resolve_links(options.log));
    struct stat info {};
    if (::stat(options.log.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
        return usage_error(fmt::format(
            "-l '{}': expected a regular file: the log is a set of files that vigil rotates "
            "itself; 'vigil ctl follow' shows it as it grows",
            escape_terminal(options.log)));
    }
    return {};
}

Result<void> check_not_log(const Options& options) {
    struct stat log {};
    if (::stat(options.log.c_str(), &log) != 0) {
        return {};
    }
    for (const auto& other : {options.configuration, options.tls}) {
        struct stat info {};
        if (other && ::stat(other->c_str(), &info) == 0 && info.st_dev == log.st_dev &&
            info.st_ino == log.st_ino) {
            return usage_error(
                fmt::format("-l '{}': that file is read as '{}': expected another one for the log",
                            escape_terminal(options.log), escape_terminal(*other)));
        }
    }
    return {};
}

}  // namespace

// Everything of a server that Asio knows.
class Server::Listener {
 public:
    explicit Listener(std::unique_ptr<ServerState> state)
        : state_(std::move(state)),
          acceptor_(state_->io()),
          control_(state_->io()),
          ticks_(state_->io()) {}
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    Result<void> listen(const Options& options);
    Result<void> listen_for_control(const std::string& path);
    void run();
    void stop();
    void reload();

    std::string endpoint() const;
    uint16_t port() const;
    const std::optional<std::string>& control_path() const { return control_path_; }
    ServerState& state() { return *state_; }

 private:
    using Tcp = boost::asio::ip::tcp;
    using Local = boost::asio::local::stream_protocol;

    wire::Awaitable<void> accept_agents();
    wire::Awaitable<void> accept_control();
    wire::Awaitable<void> tick();
    void reload_now();

    std::unique_ptr<ServerState> state_;
    std::optional<wire::TlsContext> tls_;
    Tcp::acceptor acceptor_;
    Local::acceptor control_;
    std::optional<std::string> control_path_;
    boost::asio::steady_timer ticks_;
};

Server::Listener::~Listener() {
    if (control_path_) {
        ::unlink(control_path_->c_str());
    }
}

Result<void> Server::Listener::listen(const Options& options) {
    error_code error;
    Tcp::resolver resolver(state_->io());
    const auto found = resolver.resolve(options.address, std::to_string(options.port),
                                        Tcp::resolver::passive, error);
    if (error || found.empty()) {
        return usage_error(fmt::format("--listen {}: {}: expected an address of this machine",
                                       escape_terminal(options.address), error.message()));
    }
    // "localhost" is both ::1 and 127.0.0.1, where agents look for it by default.
    const auto ipv4 = std::find_if(found.begin(), found.end(), [](const auto& each) {
        return each.endpoint().address().is_v4();
    });
    const Tcp::endpoint endpoint = (ipv4 != found.end() ? ipv4 : found.begin())->endpoint();
    if (options.tls) {
        TRY_ASSIGN(tls_, wire::TlsContext::load(*options.tls, pki::Role::server));
    } else if (!endpoint.address().is_loopback()) {
        return usage_error(fmt::format(
            "--listen {}: without TLS only 127.0.0.1 and ::1 are served. Make keys with 'vigil "
            "certs init' and 'vigil certs issue --server NAME', then add --tls NAME.pem",
            endpoint.address().to_string()));
    }
    acceptor_.open(endpoint.protocol(), error);
    if (!error) {
        acceptor_.set_option(Tcp::acceptor::reuse_address(true), error);
    }
    if (!error) {
        acceptor_.bind(endpoint, error);
    }
    if (!error) {
        acceptor_.listen(backlog, error);
    }
    return error ? Result<void>(cannot_listen(options, error)) : Result<void>();
}

// Accessible to this user only. A socket without a listener was left by a killed server.
Result<void> Server::Listener::listen_for_control(const std::string& path) {
    if (path.empty()) {
        return usage_error("--control '': expected the path of a socket");
    }
    if (path.size() >= sizeof(sockaddr_un::sun_path)) {
        return usage_error(fmt::format("--control: the path is longer than {} bytes",
                                       sizeof(sockaddr_un::sun_path) - 1));
    }
    const std::string directory = std::filesystem::path(path).parent_path();
    if (!directory.empty()) {
        TRY(make_directories(directory, 0755));
    }
    const Local::endpoint endpoint(path);
    error_code error;
    Local::socket probe(state_->io());
    probe.connect(endpoint, error);
    if (!error) {
        return usage_error(
            fmt::format("'{}': another server answers there; --control takes another "
                        "path",
                        path));
    }
    struct stat found {};
    if (::lstat(path.c_str(), &found) == 0) {
        if (!S_ISSOCK(found.st_mode)) {
            return usage_error(fmt::format("--control '{}': something else is there", path));
        }
        if (error == asio::error::connection_refused) {
            ::unlink(path.c_str());
        }
    }
    error.clear();
    const mode_t before = ::umask(0177);
    control_.open(endpoint.protocol(), error);
    if (!error) {
        control_.bind(endpoint, error);
    }
    ::umask(before);
    if (!error) {
        control_.listen(Local::acceptor::max_listen_connections, error);
    }
    if (error) {
        return Error{ErrorCode::failed,
                     fmt::format("listening at '{}': {}", path, error.message())};
    }
    control_path_ = path;
    return {};
}

std::string Server::Listener::endpoint() const {
    error_code ignored;
    const auto endpoint = acceptor_.local_endpoint(ignored);
    return to_string(Address{endpoint.address().to_string(), endpoint.port()});
}

uint16_t Server::Listener::port() const {
    error_code ignored;
    return acceptor_.local_endpoint(ignored).port();
}

void Server::Listener::run() {
    asio::co_spawn(
        state_->io(), [this] { return accept_agents(); }, asio::detached);
    asio::co_spawn(
        state_->io(), [this] { return tick(); }, asio::detached);
    if (control_path_) {
        asio::co_spawn(
            state_->io(), [this] { return accept_control(); }, asio::detached);
    }
    state_->io().run();
    state_->finish();
}

void Server::Listener::stop() { state_->io().stop(); }

void Server::Listener::reload() {
    asio::post(state_->io(), [this] { reload_now(); });
}

void Server::Listener::reload_now() {
    if (tls_) {
        // Open connections keep the certificate of their handshake.
        auto renewed = wire::TlsContext::load(*state_->options().tls, pki::Role::server);
        if (renewed) {
            tls_ = std::move(*renewed);
        } else {
            state_->notice(renewed.error().context + "; the old certificate stays in use");
        }
    }
    const bool edited = state_->configurations().common().is_edited;
    if (const auto reloaded = state_->configurations().reload(); !reloaded) {
        state_->notice(reloaded.error().context + "; the rules stay as they were");
        return;
    }
    const size_t count = state_->push_configurations();
    state_->notice(fmt::format("configuration applied: {} for all, {}; sent to {}{}",
                               count_of(state_->configurations().common().rules.size(), "rule"),
                               count_of(state_->configurations().all().size(), "file"),
                               count_of(count, "agent"),
                               edited ? "; changes that were not saved are lost" : ""));
}

wire::Awaitable<void> Server::Listener::accept_agents() {
    while (true) {
        auto [error, socket] = co_await acceptor_.async_accept(as_values);
        if (error == asio::error::operation_aborted) {
            break;
        }
        if (error) {
            state_->notice(fmt::format("accepting a connection: {}", error.message()));
            co_await pause(state_->io());
            continue;
        }
        const std::string address = wire::endpoint_text(socket);
        // Some connections beyond the limit are accepted only to be refused with a reason.
        const bool too_many = state_->sessions().size() >= state_->options().max_connections +
                                                               state_->options().max_greeting +
                                                               state_->options().max_refused;
        const auto session =
            std::make_shared<Session>(*state_,
                                      tls_ ? wire::tls_server_stream(std::move(socket), *tls_)
                                           : wire::plain_stream(std::move(socket)),
                                      address);
        if (too_many) {
            state_->on_refused(CloseReason::too_many);
            session->close();
            continue;
        }
        state_->add(session);
        asio::co_spawn(
            state_->io(), [session] { return session->run(); }, asio::detached);
    }
}

wire::Awaitable<void> Server::Listener::accept_control() {
    while (true) {
        auto [error, socket] = co_await control_.async_accept(as_values);
        if (error == asio::error::operation_aborted) {
            break;
        }
        if (error) {
            co_await pause(state_->io());
            continue;
        }
        asio::co_spawn(state_->io(), serve_control(*state_, std::move(socket)),
                       [this](std::exception_ptr, bool end) {
                           if (end) {
                               stop();
                           }
                       });
    }
}

wire::Awaitable<void> Server::Listener::tick() {
    while (true) {
        ticks_.expires_after(std::chrono::seconds(1));
        const auto [error] = co_await ticks_.async_wait(as_values);
        if (error) {
            break;
        }
        state_->tick();
        if (state_->configurations().files_have_changed()) {
            reload_now();
        } else {
            for (const std::string& path : state_->configurations().files_gone()) {
                state_->notice(
                    fmt::format("'{}' was removed: its rules stay in use until others are set",
                                escape_terminal(path)));
            }
        }
    }
}

Server::Server(std::unique_ptr<Listener> listener) : listener_(std::move(listener)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::open(const Options& requested, LogCallback notice) {
    Options options = requested;
    options.max_greeting = allowed_greeting(requested.max_greeting);
    options.max_connections = allow_descriptors(requested.max_connections, options.max_greeting);
    if (options.max_connections < requested.max_connections) {
        notice(
            fmt::format("at most {} agents, not {}: the limit of open files (ulimit -n) is too "
                        "low",
                        options.max_connections, requested.max_connections));
    }
    TRY_ASSIGN(Configurations configurations,
               Configurations::load(options.configuration, options.configuration_directory));
    TRY(resolve_log(options));
    TRY(check_not_log(options));
    auto listener = std::make_unique<Listener>(
        ServerState::create(options, std::move(configurations), std::move(notice)));
    // A server that can't listen leaves no files.
    TRY(listener->listen(options));
    if (options.control) {
        TRY(listener->listen_for_control(*options.control));
    }
    TRY(listener->state().open_files());
    return std::unique_ptr<Server>(new Server(std::move(listener)));
}

void Server::run() { listener_->run(); }
void Server::stop() { listener_->stop(); }
void Server::reload() { listener_->reload(); }
std::string Server::endpoint() const { return listener_->endpoint(); }
uint16_t Server::port() const { return listener_->port(); }
const std::optional<std::string>& Server::control_path() const { return listener_->control_path(); }
const Stats& Server::stats() const { return listener_->state().stats(); }
ServerState& Server::state() { return listener_->state(); }

}  // namespace vigil::server
