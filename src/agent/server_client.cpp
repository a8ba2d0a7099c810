// SPDX-License-Identifier: Apache-2.0
#include "agent/server_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <utility>

#include "agent/connection.h"
#include "base/clock.h"
#include "wire/stream.h"
#include "wire/tls.h"

namespace vigil::agent {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
constexpr const char* needs_tls = "is not this machine: it needs --tls";
constexpr uint64_t connect_timeout_ns = 5 * ns_per_s;
// A connection that lasts this long, or delivers lines, is considered good: after it the next
// attempt comes soon.
constexpr uint64_t stable_after_ns = 30 * ns_per_s;
constexpr auto lookup_step = std::chrono::milliseconds(5);
constexpr auto min_pause = std::chrono::milliseconds(250);
constexpr auto max_pause = std::chrono::seconds(10);

// Result of a name lookup. getaddrinfo(3) has no timeout and cannot be cancelled, so it runs on a
// detached thread, which delays neither a connection to another server nor the agent's end.
struct Lookup {
    boost::system::error_code error;
    std::vector<tcp::endpoint> endpoints;
    std::atomic<bool> done = false;  // once true, the resolver's thread no longer accesses the rest
};

void look_up(Lookup& lookup, const Address& server) {
    asio::io_context io;
    tcp::resolver resolver(io);
    for (const auto& entry :
         resolver.resolve(server.host, std::to_string(server.port), lookup.error)) {
        lookup.endpoints.push_back(entry.endpoint());
    }
    lookup.done = true;
}

}  // namespace

class ServerClient::Worker final : public ConnectionOwner, public SpoolListener {
 public:
    Worker(const ServerClientOptions& options, std::optional<wire::TlsContext> tls, Spool& spool,
           Inbox& inbox)
        : options_(options), tls_(std::move(tls)), spool_(&spool), inbox_(&inbox) {}

    void start() {
        asio::co_spawn(
            io_, [this] { return run(); }, asio::detached);
        asio::co_spawn(
            io_, [this] { return tick(); }, asio::detached);
        thread_ = std::thread([this] { io_.run(); });
        spool_->set_listener(this);
    }
    ~Worker() override {
        spool_->set_listener(nullptr);
        io_.stop();
        if (thread_.joinable()) {
            thread_.join();
        }
    }

    void set_status(const wire::AgentStatus& status) {
        asio::post(io_, [this, status] {
            status_ = status;
            if (connection_) {
                connection_->set_status(status);
            }
        });
    }
    ServerClientState state() const EXCLUDES(mutex_) {
        const MutexLock lock(mutex_);
        return state_;
    }

    // --- SpoolListener, on a thread of the journal's.

    void on_lines_durable() override {
        asio::post(io_, [this] {
            if (connection_) {
                connection_->notify_new_lines();
            }
        });
    }

    // --- ConnectionOwner

    void on_config(wire::Config config) override { inbox_->push(std::move(config)); }
    void on_welcome() override {
        welcomed_ns_ = boot_now_ns();
        set_state({true, to_string(*server_), ""});
    }
    void on_progress() override { pause_ = min_pause; }
    void on_refused(uint64_t sequence) override {
        if (!refused_lines_.insert(sequence).second) {
            return;
        }
        const int64_t now_ns = unix_now_ns();
        inbox_->push(RefusedLines{{.count = 1, .from_unix_ns = now_ns, .to_unix_ns = now_ns}});
    }
    bool is_refused(uint64_t sequence) const override {
        return refused_lines_.count(sequence) != 0;
    }
    Spool& spool() override { return *spool_; }

 private:
    void set_state(const ServerClientState& state) EXCLUDES(mutex_) {
        {
            const MutexLock lock(mutex_);
            state_ = state;
        }
        inbox_->push(state);
    }

    wire::Awaitable<void> run() {
        for (size_t i = 0;; i = (i + 1) % options_.servers.size()) {
            server_ = &options_.servers[i];
            const auto ended = co_await serve(*server_);
            set_state({false, to_string(*server_), ended.error().context});
            // All agents of a fleet lose their server at the same time; jitter keeps them from
            // reconnecting at the same time.
            if (i + 1 == options_.servers.size()) {
                std::uniform_int_distribution<int64_t> jitter_ms(pause_.count() / 2,
                                                                 pause_.count() * 3 / 2);
                asio::steady_timer timer(io_, std::chrono::milliseconds(jitter_ms(random_)));
                (void)co_await timer.async_wait(as_values);
                pause_ = std::min<std::chrono::milliseconds>(pause_ * 2, max_pause);
            }
        }
    }

    // The addresses of a name. A lookup that times out continues and is awaited again at the next
    // attempt.
    wire::Awaitable<Result<std::vector<tcp::endpoint>>> resolve(const Address& server) {
        std::shared_ptr<Lookup>& lookup = lookups_[&server];
        if (!lookup) {
            lookup = std::make_shared<Lookup>();
            std::thread([lookup, server] { look_up(*lookup, server); }).detach();
        }
        asio::steady_timer timer(io_);
        const uint64_t deadline_ns = boot_now_ns() + connect_timeout_ns;
        while (!lookup->done && boot_now_ns() < deadline_ns) {
            timer.expires_after(lookup_step);
            (void)co_await timer.async_wait(as_values);
        }
        if (!lookup->done) {
            co_return Error{ErrorCode::failed, "no answer about its name"};
        }
        const auto answer = std::exchange(lookup, nullptr);
        if (answer->error) {
            co_return Error{ErrorCode::failed, answer->error.message()};
        }
        co_return std::move(answer->endpoints);
    }

    // Runs one connection until it ends; always returns an error.
    wire::Awaitable<Result<void>> serve(const Address& server) {
        const auto endpoints = co_await resolve(server);
        if (!endpoints) {
            co_return endpoints.error();
        }
        tcp::socket socket(io_);
        Error failure{ErrorCode::failed, "has no address"};
        bool connected = false;
        for (const tcp::endpoint& endpoint : *endpoints) {
            if (!tls_ && !endpoint.address().is_loopback()) {
                failure.context = needs_tls;
                continue;
            }
            // Each address has its own timeout: an unreachable one does not use up the time of the
            // next.
            socket = tcp::socket(io_);
            connecting_ = &socket;
            deadline_ns_ = boot_now_ns() + connect_timeout_ns;
            const auto [refused] = co_await socket.async_connect(endpoint, as_values);
            connecting_ = nullptr;
            const bool timed_out = boot_now_ns() >= deadline_ns_;
            deadline_ns_ = UINT64_MAX;
            connected = !refused;
            if (connected) {
                break;
            }
            failure.context = timed_out ? "no answer" : refused.message();
        }
        if (!connected) {
            co_return failure;
        }
        std::unique_ptr<wire::Stream> stream;
        if (tls_) {
            auto secured = wire::tls_agent_stream(std::move(socket), *tls_, server.host);
            if (!secured) {
                co_return secured.error();
            }
            stream = std::move(*secured);
        } else {
            stream = wire::plain_stream(std::move(socket));
        }
        connection_ = std::make_shared<Connection>(io_, *this, std::move(stream));
        auto ended = co_await connection_->run(options_.hello, status_);
        connection_.reset();
        welcomed_ns_ = UINT64_MAX;
        co_return ended;
    }

    wire::Awaitable<void> tick() {
        asio::steady_timer timer(io_);
        while (true) {
            timer.expires_after(std::chrono::seconds(1));
            (void)co_await timer.async_wait(as_values);
            const uint64_t now_ns = boot_now_ns();
            if (connecting_ != nullptr && now_ns >= deadline_ns_) {
                boost::system::error_code ignored;
                connecting_->close(ignored);
            }
            if (connection_) {
                if (now_ns >= welcomed_ns_ && now_ns - welcomed_ns_ >= stable_after_ns) {
                    pause_ = min_pause;
                }
                connection_->check_time(now_ns);
            }
        }
    }

    const ServerClientOptions options_;
    std::optional<wire::TlsContext> tls_;
    Spool* spool_;
    Inbox* inbox_;

    asio::io_context io_;
    std::shared_ptr<Connection> connection_;
    const Address* server_ = nullptr;
    std::map<const Address*, std::shared_ptr<Lookup>> lookups_;  // pending lookups
    tcp::socket* connecting_ = nullptr;
    uint64_t deadline_ns_ = UINT64_MAX;
    uint64_t welcomed_ns_ = UINT64_MAX;  // UINT64_MAX: not yet
    std::chrono::milliseconds pause_ = min_pause;
    std::mt19937_64 random_{std::random_device()()};
    std::set<uint64_t> refused_lines_;
    wire::AgentStatus status_;

    mutable Mutex mutex_;
    ServerClientState state_ GUARDED_BY(mutex_);
    std::thread thread_;
};

Result<std::unique_ptr<ServerClient>> ServerClient::open(const ServerClientOptions& options,
                                                         Spool& spool, Inbox& inbox) {
    std::optional<wire::TlsContext> tls;
    ServerClientOptions own = options;
    for (const Address& server : options.servers) {
        boost::system::error_code is_name;
        const auto address = asio::ip::make_address(server.host, is_name);
        if (!options.tls && !is_name && !address.is_loopback()) {
            return usage_error(fmt::format("{} {}", to_string(server), needs_tls));
        }
    }
    if (options.tls) {
        TRY_ASSIGN(tls, wire::TlsContext::load(*options.tls, pki::Role::agent));
        own.hello.agent = tls->name();
    }
    std::unique_ptr<ServerClient> client(
        new ServerClient(std::make_unique<Worker>(own, std::move(tls), spool, inbox)));
    client->worker_->start();
    return client;
}

ServerClient::ServerClient(std::unique_ptr<Worker> worker) : worker_(std::move(worker)) {}
ServerClient::~ServerClient() = default;
void ServerClient::set_status(const wire::AgentStatus& status) { worker_->set_status(status); }
ServerClientState ServerClient::state() const { return worker_->state(); }

}  // namespace vigil::agent
