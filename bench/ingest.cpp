// SPDX-License-Identifier: Apache-2.0
// A load for a log server: events of about 300 bytes over many connections, as fast as they are
// accepted, until each is acknowledged. Prints one line of JSON. The client is cheap, so that the
// server's limit is measured.
//
// usage: ingest [--port N] [--tls FILE --host NAME] [--connections N] [--events N] [--raw] [--hold]
//   --raw: bare lines without vigil's protocol, for servers that acknowledge nothing
//   --hold: connects, prints "connected", and starts on a line on standard input
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "wire/line_buffer.h"
#include "wire/protocol.h"
#include "wire/tls.h"

namespace vigil::bench {
namespace {

constexpr uint64_t window_lines = 20'000;           // max unacknowledged lines per connection
constexpr uint64_t first_sequence = 1'000'000'001;  // all numbers have the same number of digits

struct Load {
    uint16_t port = default_port;
    std::string host = "127.0.0.1";
    std::string tls;
    uint64_t connections = 1;
    uint64_t events = 1'000'000;
    bool raw = false;
    bool hold = false;
};

[[noreturn]] void fail(const std::string& what) {
    fmt::print(stderr, "ingest: {}: {}\n", what, std::strerror(errno));
    std::exit(1);
}

// CPU time of this program.
double cpu_s() {
    timespec used{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
};

// Lines that differ only in their numbers, which are overwritten each time.
class Block {
 public:
    static constexpr uint64_t max_lines = 200;  // 64 KiB

    Block() {
        wire::append_event(
            bytes_,
            R"({"time":"2026-11-20T22:33:49.123456Z","kind":"violation","host":"load-1",)"
            R"("pid":4711,"ppid":1,"start_ns":123456789012345,"comm":"worker","uid":1000,)"
            R"("state":"raised","metric":"cpu","value":101.25,"limit":50,"unit":"%","rule":"*",)"
            R"("peak":101.25,"mean":99.5,"duration_ns":1000000000,"argv":["worker","--fast"]})",
            first_sequence);
        line_bytes_ = bytes_.size();
        for (uint64_t i = 1; i < max_lines; i++) {
            bytes_.append(bytes_, 0, line_bytes_);
        }
    }

    // Valid until the next call.
    std::string_view lines(uint64_t sequence, uint64_t count) {
        for (uint64_t i = 0; i < count; i++) {
            const fmt::format_int digits(sequence + i);
            constexpr size_t end_bytes = 2;  // "}\n"
            std::memcpy(bytes_.data() + (i + 1) * line_bytes_ - end_bytes - digits.size(),
                        digits.data(), digits.size());
        }
        return std::string_view(bytes_).substr(0, count * line_bytes_);
    }

    size_t line_bytes() const { return line_bytes_; }

 private:
    std::string bytes_;
    size_t line_bytes_ = 0;
};

class Client {
 public:
    // `name`: the certificate's. `block` is shared by all clients.
    Client(const Load& load, uint64_t number, uint64_t events, SSL_CTX* tls,
           const std::string& name, Block& block)
        : raw_(load.raw),
          events_(events),
          block_(&block),
          fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(load.port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (!fd_ ||
            ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address)) {
            fail("connecting");
        }
        const int one = 1;
        ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (tls != nullptr) {
            ssl_.reset(SSL_new(tls));
            SSL_set_fd(ssl_.get(), fd_.get());
            SSL_set_mode(ssl_.get(),
                         SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
            if (!wire::expect_host(ssl_.get(), load.host) || SSL_connect(ssl_.get()) != 1) {
                fail("TLS: " + wire::handshake_failure(ssl_.get()));
            }
        }
        if (!raw_) {
            wire::Hello hello;
            hello.agent = name.empty() ? fmt::format("load-{}", number) : name;
            hello.journal = wire::make_uuid();
            hello.host = "load";
            hello.next_sequence = first_sequence;
            (void)send(wire::format(hello));  // blocking here, so all of it is sent
        }
        const int flags = ::fcntl(fd_.get(), F_GETFL);
        ::fcntl(fd_.get(), F_SETFL, flags | O_NONBLOCK);
    }

    int fd() const { return fd_.get(); }
    bool is_done() const {
        return sent_ == events_ && left_.empty() && (raw_ || acked_ >= events_);
    }

    void write() {
        if (!left_.empty()) {
            left_.erase(0, send(left_));
        }
        while (left_.empty()) {
            const uint64_t writable = raw_ ? events_ : window_lines - (sent_ - acked_);
            const uint64_t count = std::min({events_ - sent_, writable, Block::max_lines});
            if (count == 0) {
                return;
            }
            const std::string_view lines = block_->lines(first_sequence + sent_, count);
            sent_ += count;
            left_ = lines.substr(send(lines));
        }
    }

    void read() {
        while (true) {
            char* const writable = lines_.writable();
            const size_t writable_bytes = lines_.writable_bytes();
            const ssize_t count = ssl_ ? SSL_read(ssl_.get(), writable, int(writable_bytes))
                                       : ::recv(fd_.get(), writable, writable_bytes, 0);
            if (count <= 0) {
                const bool later =
                    ssl_ ? SSL_get_error(ssl_.get(), int(count)) == SSL_ERROR_WANT_READ
                         : count < 0 && errno == EAGAIN;
                if (!later) {
                    fail("reading");
                }
                return;
            }
            lines_.add(static_cast<size_t>(count));
            while (const auto line = lines_.next()) {
                const auto message = parser_.from_server(*line);
                if (const auto* ack = message ? std::get_if<wire::Ack>(&*message) : nullptr) {
                    acked_ = ack->sequence - std::min(ack->sequence, first_sequence - 1);
                } else if (message && std::get_if<wire::ErrorMessage>(&*message) != nullptr) {
                    fail("refused: " + std::get<wire::ErrorMessage>(*message).reason);
                }
            }
        }
    }

 private:
    // Returns the number of bytes that the connection accepted.
    size_t send(std::string_view bytes) {
        size_t sent = 0;
        while (sent < bytes.size()) {
            const char* const from = bytes.data() + sent;
            const size_t size = bytes.size() - sent;
            const ssize_t count = ssl_ ? SSL_write(ssl_.get(), from, int(size))
                                       : ::send(fd_.get(), from, size, MSG_NOSIGNAL);
            if (count <= 0) {
                const int error = ssl_ ? SSL_get_error(ssl_.get(), int(count)) : 0;
                if (ssl_ ? error != SSL_ERROR_WANT_WRITE && error != SSL_ERROR_WANT_READ
                         : errno != EAGAIN) {
                    fail("writing");
                }
                break;
            }
            sent += static_cast<size_t>(count);
        }
        return sent;
    }

    bool raw_;
    uint64_t events_;
    Block* block_;
    Fd fd_;
    std::unique_ptr<SSL, FreeSsl> ssl_;
    std::string left_;  // unsent rest
    wire::LineBuffer lines_{wire::max_server_line_bytes};
    wire::MessageParser parser_;
    uint64_t sent_ = 0;
    uint64_t acked_ = 0;
};

void run(const Load& load) {
    std::optional<wire::TlsContext> tls;
    if (!load.tls.empty()) {
        auto loaded = wire::TlsContext::load(load.tls, pki::Role::agent);
        if (!loaded) {
            fail(loaded.error().context);
        }
        tls = std::move(*loaded);
    }
    Block block;
    const Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
    std::vector<std::unique_ptr<Client>> clients;
    for (uint64_t i = 0; i < load.connections; i++) {
        clients.push_back(std::make_unique<Client>(load, i, load.events / load.connections,
                                                   tls ? tls->get() : nullptr,
                                                   tls ? tls->name() : "", block));
        epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.u64 = i}};
        ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, clients[i]->fd(), &event);
    }
    if (load.hold) {
        fmt::print("connected\n");
        std::fflush(stdout);
        if (std::getchar() == EOF) {
            fail("standard input has ended");
        }
    }
    const uint64_t begun_ns = boot_now_ns();
    const int64_t begun_unix_ns = unix_now_ns();
    const double begun_cpu_s = cpu_s();
    size_t done = 0;
    std::array<epoll_event, 256> ready{};
    while (done < clients.size()) {
        const int count = ::epoll_wait(epoll.get(), ready.data(), int(ready.size()), 30'000);
        if (count <= 0) {
            fail("nothing moves");
        }
        for (int i = 0; i < count; i++) {
            Client& client = *clients[ready[static_cast<size_t>(i)].data.u64];
            const bool was_done = client.is_done();
            client.read();
            client.write();
            done += !was_done && client.is_done() ? 1 : 0;
        }
    }
    const double seconds = static_cast<double>(boot_now_ns() - begun_ns) / 1e9;
    const uint64_t events = load.events / load.connections * load.connections;
    fmt::print(R"({{"connections":{},"events":{},"event_bytes":{},"begun_unix_ns":{},)"
               R"("seconds":{:.3f},"events_per_s":{:.0f},"cpu_s":{:.3f}}})"
               "\n",
               load.connections, events, block.line_bytes(), begun_unix_ns, seconds,
               static_cast<double>(events) / seconds, cpu_s() - begun_cpu_s);
}

}  // namespace
}  // namespace vigil::bench

int main(int argc, char** argv) {
    vigil::bench::Load load;
    CLI::App app("A load for a log server", "ingest");
    app.add_option("--port", load.port);
    app.add_option("--host", load.host);
    app.add_option("--tls", load.tls);
    app.add_option("--connections", load.connections);
    app.add_option("--events", load.events);
    app.add_flag("--raw", load.raw);
    app.add_flag("--hold", load.hold);
    CLI11_PARSE(app, argc, argv);
    vigil::bench::run(load);
}
