// SPDX-License-Identifier: Apache-2.0
// A server on its own port, and clients that send arbitrary bytes.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "journal/reader.h"
#include "server/commands.h"
#include "server/server.h"
#include "server/server_state.h"
#include "support/processes.h"
#include "wire/lines.h"

namespace vigil::server {

class Running {
 public:
    explicit Running(const Options& options) {
        auto server = Server::open(options, [this](const std::string& text) {
            const std::lock_guard lock(mutex_);
            notices_.push_back(text);
        });
        EXPECT_TRUE(server) << (server ? "" : server.error().context);
        server_ = std::move(*server);
        port_ = server_->port();
        thread_ = std::thread([this] { server_->run(); });
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() { stop(); }

    void stop() {
        if (server_) {
            server_->stop();
            thread_.join();
            server_.reset();
        }
    }
    uint16_t port() const { return port_; }
    Server& server() { return *server_; }

    // Calls `function` with the server state, on the server's thread.
    template <class Function>
    auto call(Function function) {
        std::promise<decltype(function(server_->state()))> result;
        boost::asio::post(server_->state().io(),
                          [&] { result.set_value(function(server_->state())); });
        return result.get_future().get();
    }
    Reply run(const std::string& command) {
        return call([&](ServerState& state) { return run_command(state, command); });
    }
    Stats stats() {
        return call([](ServerState& state) { return state.stats(); });
    }
    uint64_t close_count(CloseReason reason) {
        return stats().close_counts[static_cast<size_t>(reason)];
    }
    uint64_t total_close_count() {
        uint64_t sum = 0;
        for (const uint64_t count : stats().close_counts) {
            sum += count;
        }
        return sum;
    }
    size_t sessions() {
        return call([](ServerState& state) { return state.sessions().size(); });
    }
    bool has_notice(std::string_view part) {
        const std::lock_guard lock(mutex_);
        return std::any_of(notices_.begin(), notices_.end(), [&](const std::string& notice) {
            return notice.find(part) != std::string::npos;
        });
    }
    std::string notices() {
        const std::lock_guard lock(mutex_);
        return ::testing::PrintToString(notices_);
    }

 private:
    std::mutex mutex_;
    std::vector<std::string> notices_;
    std::unique_ptr<Server> server_;
    uint16_t port_ = 0;
    std::thread thread_;
};

// A blocking socket to 127.0.0.1 with a timeout of ten seconds.
class Client {
 public:
    explicit Client(uint16_t port, int receive_bytes = 0)
        : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const timeval timeout{.tv_sec = 10, .tv_usec = 0};
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
        if (receive_bytes > 0) {
            ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
        }
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
                  0);
    }

    // False if the server has closed.
    bool send(std::string_view bytes) const {
        while (!bytes.empty()) {
            const ssize_t count = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (count <= 0) {
                return false;
            }
            bytes.remove_prefix(static_cast<size_t>(count));
        }
        return true;
    }
    void shutdown_write() const { ::shutdown(fd_.get(), SHUT_WR); }

    // The next line without its line end; "" at the end.
    std::string line() {
        while (true) {
            if (const size_t end = read_.find('\n'); end != std::string::npos) {
                std::string line = read_.substr(0, end);
                read_.erase(0, end + 1);
                return line;
            }
            char bytes[4096];
            const ssize_t count = ::recv(fd_.get(), bytes, sizeof bytes, 0);
            if (count <= 0) {
                ended_ = count == 0;
                return "";
            }
            read_.append(bytes, static_cast<size_t>(count));
        }
    }
    // The next line of this type; "" if none comes.
    std::string line_of(const std::string& type) {
        while (true) {
            std::string next = line();
            if (next.empty() || next.rfind("{\"type\":\"" + type + "\"", 0) == 0) {
                return next;
            }
        }
    }
    // The last line before the end.
    std::string last_line() {
        std::string last;
        for (std::string next = line(); !next.empty(); next = line()) {
            last = std::move(next);
        }
        EXPECT_TRUE(ended_) << "no clean end; the last line was: " << last;
        return last;
    }

 private:
    Fd fd_;
    std::string read_;
    bool ended_ = false;
};

inline std::string hello_line(const std::string& agent, const std::string& journal,
                              uint64_t next_sequence = 1) {
    wire::Hello hello;
    hello.agent = agent;
    hello.host = agent;
    hello.journal = journal;
    hello.next_sequence = next_sequence;
    return wire::format(hello);
}

inline std::string event_line(uint64_t sequence) {
    std::string line;
    wire::append_event(line,
                       R"({"time":"2026-11-20T22:33:49.123456Z","kind":"fork","n":)" +
                           std::to_string(sequence) + '}',
                       sequence);
    return line;
}

// "agent journal sequence" of each line of the log.
struct Logged {
    std::string agent;
    std::string journal;
    uint64_t sequence;
    std::string line;
};
inline std::vector<Logged> logged(const std::string& log) {
    std::vector<Logged> all;
    journal::Reader reader(log, 1);
    std::string lines;
    while (true) {
        lines.clear();
        const auto count = reader.read(lines, 1 << 20);
        EXPECT_TRUE(count) << (count ? "" : count.error().context);
        if (!count || *count == 0) {
            return all;
        }
        for (size_t begin = 0; begin < lines.size();) {
            const size_t end = lines.find('\n', begin);
            const std::string line = lines.substr(begin, end - begin);
            const auto origin = wire::parse_origin(line);
            EXPECT_TRUE(origin) << line;
            if (origin) {
                all.push_back({std::string(origin->agent), std::string(origin->journal),
                               origin->sequence, line});
            }
            begin = end + 1;
        }
    }
}

}  // namespace vigil::server
