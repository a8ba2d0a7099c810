// SPDX-License-Identifier: Apache-2.0
#include "load_agent.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "agent/server_client.h"
#include "agent/spool.h"
#include "harness.h"

namespace vigil::tests {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int report_fd = 3;
constexpr uint64_t settle_ns = 10'000'000'000;

// Report of the agent: less than PIPE_BUF, so it is written completely or not at all.
struct Report {
    int64_t durable;
    int64_t made;
    int64_t empty;
};

std::atomic<bool> draining = false;

void on_drain(int) { draining = true; }

class Load {
 public:
    explicit Load(const LoadOptions& options) : options_(options), random_(options.seed) {}

    int run() {
        report(0);
        agent::SpoolOptions spool;
        spool.directory = options_.directory;
        spool.total_bytes = options_.queue_bytes;
        auto opened = agent::Spool::open(spool);
        if (!opened) {
            std::cerr << "load agent: " << opened.error().context << "\n";
            return 1;
        }
        spool_ = std::move(*opened);
        agent::ServerClientOptions client;
        client.servers = {{.host = "127.0.0.1", .port = options_.port}};
        client.hello.agent = client.hello.host = options_.name;
        client.hello.version = "test";
        const auto inbox = agent::Inbox::open();
        if (!inbox) {
            std::cerr << "load agent: " << inbox.error().context << "\n";
            return 1;
        }
        auto opened_client = agent::ServerClient::open(client, *spool_, **inbox);
        if (!opened_client) {
            std::cerr << "load agent: " << opened_client.error().context << "\n";
            return 1;
        }
        while (!draining) {
            add_batch();
        }
        spool_->wait_durable(settle_ns);
        report(made_);
        while (spool_->queued() > 0) {
            each_second();
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        report(made_, true);
        opened_client->reset();
        spool_.reset();
        return 0;
    }

 private:
    void add_batch() {
        const auto count = std::uniform_int_distribution<size_t>(1, options_.batch_lines)(random_);
        if (made_ == options_.most) {
            each_second();
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
            return;
        }
        for (size_t i = 0; i < count && made_ < options_.most; i++) {
            const auto fill =
                std::uniform_int_distribution<size_t>(0, options_.line_bytes)(random_);
            const std::string line = fmt::format(
                R"({{"time":"2026-01-01T00:00:00.000000Z","kind":"exit","host":"{}","number":{},)"
                R"("fill":"{}"}})",
                options_.name, options_.first + made_, std::string(fill, 'x'));
            (void)spool_->add(line + '\n', 0);
            made_++;
        }
        if (options_.waits_for_disk) {
            spool_->wait_durable(settle_ns);
            report(spool_->last_error().empty() ? made_ : 0);
        } else {
            report(0);
        }
        each_second();
    }

    void each_second() {
        if (Clock::now() < next_second_) {
            return;
        }
        next_second_ = Clock::now() + std::chrono::seconds(1);
        spool_->enforce_retention();
        spool_->report_loss([](const agent::SpoolLoss& loss) {
            return fmt::format(R"({{"time":"2026-01-01T00:00:00.000000Z","kind":"loss",)"
                               R"("count":{},"place":"queue"}})"
                               "\n",
                               loss.count);
        });
    }

    void report(int64_t durable, bool empty = false) const {
        const Report now{durable, made_, empty ? 1 : 0};
        (void)!::write(report_fd, &now, sizeof now);
    }

    LoadOptions options_;
    std::mt19937_64 random_;
    std::unique_ptr<agent::Spool> spool_;
    int64_t made_ = 0;
    Clock::time_point next_second_{};
};

}  // namespace

LoadAgent::LoadAgent(const LoadOptions& options)
    : first_(options.first), durable_(options.first), made_(options.first) {
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    reports_ = Fd(ends[0]);
    const Fd write_end(ends[1]);
    ::fcntl(reports_.get(), F_SETFL, O_NONBLOCK);
    const Strings words{"vigil_fleet_tests",
                        "load",
                        options.directory,
                        options.name,
                        std::to_string(options.port),
                        std::to_string(options.queue_bytes),
                        std::to_string(options.first),
                        std::to_string(options.most),
                        std::to_string(options.line_bytes),
                        std::to_string(options.batch_lines),
                        std::to_string(options.seed),
                        options.waits_for_disk ? "1" : "0"};
    pid_ = start([&]() -> int {
        // dup2 to itself would keep O_CLOEXEC.
        const int copy = ::fcntl(write_end.get(), F_DUPFD, report_fd + 1);
        ::dup2(copy, report_fd);
        ::close(copy);
        exec(self_path(), words);
    });
}

LoadAgent::~LoadAgent() {
    if (pid_ > 0) {
        kill();
    }
}

void LoadAgent::read_new() {
    Report now{};
    while (::read(reports_.get(), &now, sizeof now) == sizeof now) {
        durable_ = std::max(durable_, first_ + now.durable);
        made_ = std::max(made_, first_ + now.made);
        empty_ = empty_ || now.empty != 0;
        runs_ = true;
    }
}

int64_t LoadAgent::durable() {
    read_new();
    return durable_;
}

int64_t LoadAgent::made() {
    read_new();
    return made_;
}

ExitResult LoadAgent::kill() {
    const ExitResult ended = kill_and_wait(std::exchange(pid_, -1), SIGKILL);
    read_new();
    return ended;
}

bool LoadAgent::drain() {
    // The signal would kill an agent that has not installed its handler yet.
    wait_until(
        [&] {
            read_new();
            return runs_;
        },
        "a load agent that runs");
    ::kill(pid_, SIGTERM);
    const bool drained = wait_until(
        [&] {
            read_new();
            return empty_;
        },
        "an empty queue of the load agent");
    if (!drained) {
        kill();
        return false;
    }
    EXPECT_EQ(wait_for(std::exchange(pid_, -1)).code(), 0);
    return true;
}

int run_load_agent(int argc, char** argv) {
    if (argc != 10) {
        return 2;
    }
    LoadOptions options;
    options.directory = argv[0];
    options.name = argv[1];
    options.port = static_cast<uint16_t>(std::atoi(argv[2]));
    options.queue_bytes = std::strtoull(argv[3], nullptr, 10);
    options.first = std::strtoll(argv[4], nullptr, 10);
    options.most = std::strtoll(argv[5], nullptr, 10);
    options.line_bytes = std::strtoull(argv[6], nullptr, 10);
    options.batch_lines = std::strtoull(argv[7], nullptr, 10);
    options.seed = std::strtoull(argv[8], nullptr, 10);
    options.waits_for_disk = std::strcmp(argv[9], "1") == 0;
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGTERM, on_drain);
    return Load(options).run();
}

}  // namespace vigil::tests
