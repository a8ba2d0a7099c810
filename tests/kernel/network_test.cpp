// SPDX-License-Identifier: Apache-2.0
// Payload over TCP and UDP, exact to the byte, charged to the calling process: known amounts over a
// loopback in the tests' own namespace.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <thread>
#include <utility>

#include "harness.h"
#include "mount_ns.h"
#include "network.h"
#include "processes.h"
#include "sockets.h"

namespace vigil::tests {
namespace {

using Body = std::function<void(const Fd&)>;

struct Ends {
    Event near;
    Event far;
};

// Exit events of two processes, each with one end of `pair`.
Ends run_both(Pair pair, const Body& near, const Body& far) {
    TraceRun run(counting);
    const pid_t far_pid = start([&] {
        pair.near.reset();
        far(pair.far);
        return 0;
    });
    pair.far.reset();
    const pid_t near_pid = start([&] {
        near(pair.near);
        return 0;
    });
    pair.near.reset();
    EXPECT_EQ(wait_for(near_pid).code(), 0);
    EXPECT_EQ(wait_for(far_pid).code(), 0);
    const Trace trace = run.end();
    return {trace.only("exit", near_pid), trace.only("exit", far_pid)};
}

class NetworkFamily : public Network, public ::testing::WithParamInterface<int> {};
INSTANTIATE_TEST_SUITE_P(, NetworkFamily, ::testing::Values(AF_INET, AF_INET6),
                         [](const auto& family) { return family.param == AF_INET ? "V4" : "V6"; });

TEST_P(NetworkFamily, Tcp) {
    constexpr size_t total = 10'000'019;
    const Ends ends = run_both(
        tcp_pair(GetParam()), [](const Fd& socket) { send_bytes(socket, total, 100'003); },
        [](const Fd& socket) { require(receive_all(socket, 70'001) == total, "received"); });
    expect_bytes(ends.near, total, 0);
    expect_bytes(ends.far, 0, total);
}

// In lock-step, so that nothing is dropped: one datagram of each size, answered by one byte.
TEST_P(NetworkFamily, Udp) {
    constexpr size_t count = 200;
    const Ends ends = run_both(
        udp_pair(GetParam()),
        [](const Fd& socket) {
            for (size_t size = 0; size < count; size++) {
                send_bytes(socket, size + 1, size + 1);
                receive_bytes(socket, 1);
            }
        },
        [](const Fd& socket) {
            for (size_t size = 0; size < count; size++) {
                receive_bytes(socket, size + 1);
                send_bytes(socket, 1, 1);
            }
        });
    constexpr size_t sum = count * (count + 1) / 2;
    expect_bytes(ends.near, sum, count);
    expect_bytes(ends.far, count, sum);
}

TEST_F(Network, UdpFromAnIpv6SocketToIpv4) {
    const Ends ends = run_both(
        mapped_udp_pair(),
        [](const Fd& socket) {
            send_bytes(socket, 1'000, 100);
            receive_bytes(socket, 7);
        },
        [](const Fd& socket) {
            receive_bytes(socket, 1'000);
            send_bytes(socket, 7, 7);
        });
    expect_bytes(ends.near, 1'000, 7);
    expect_bytes(ends.far, 7, 1'000);
}

TEST_F(Network, Sendfile) {
    constexpr size_t total = 3'000'001;
    const TempDirectory directory;
    const Fd file(::open((directory.path() + "/file").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    ASSERT_EQ(::ftruncate(file.get(), total), 0);
    const Ends ends = run_both(
        tcp_pair(AF_INET),
        [&](const Fd& socket) {
            off_t offset = 0;
            while (offset < static_cast<off_t>(total)) {
                require(::sendfile(socket.get(), file.get(), &offset, 1 << 20) > 0, "sendfile");
            }
        },
        [](const Fd& socket) { require(receive_all(socket, 65'536) == total, "received"); });
    expect_bytes(ends.near, total, 0);
    expect_bytes(ends.far, 0, total);
}

// As documented in docs/events.md: this path has no tracepoint.
TEST_F(Network, SpliceOutOfASocket) {
    constexpr size_t total = 50'000;
    utsname names{};
    ::uname(&names);
    int major = 0;
    int minor = 0;
    std::sscanf(names.release, "%d.%d", &major, &minor);
    const bool has_tracepoints = std::pair(major, minor) >= std::pair(6, 3);
    const Ends ends = run_both(
        tcp_pair(AF_INET), [](const Fd& socket) { send_bytes(socket, total, total); },
        [](const Fd& socket) {
            int tube[2];
            require(::pipe(tube) == 0, "pipe");
            const Fd sink(::open("/dev/null", O_WRONLY | O_CLOEXEC));
            for (size_t left = total; left > 0;) {
                const ssize_t count = ::splice(socket.get(), nullptr, tube[1], nullptr, left, 0);
                require(count > 0, "splice");
                for (ssize_t in_pipe = count; in_pipe > 0;) {
                    const ssize_t out = ::splice(tube[0], nullptr, sink.get(), nullptr,
                                                 static_cast<size_t>(in_pipe), 0);
                    require(out > 0, "splice");
                    in_pipe -= out;
                }
                left -= static_cast<size_t>(count);
            }
        });
    expect_bytes(ends.near, total, 0);
    expect_bytes(ends.far, 0, has_tracepoints ? 0 : total);
}

// Other calls that send and receive bytes.
TEST_F(Network, WriteSendmsgAndTheirLikes) {
    std::array<char, 300> bytes{};
    const auto part = [&](size_t size) { return iovec{bytes.data(), size}; };
    const Ends ends = run_both(
        tcp_pair(AF_INET),
        [&](const Fd& socket) {
            require(::write(socket.get(), bytes.data(), 100) == 100, "write");
            std::array parts{part(10), part(20)};
            require(::writev(socket.get(), parts.data(), 2) == 30, "writev");
            msghdr message{};
            message.msg_iov = parts.data();
            message.msg_iovlen = 2;
            require(::sendmsg(socket.get(), &message, 0) == 30, "sendmsg");
            std::array<mmsghdr, 2> messages{mmsghdr{message, 0}, mmsghdr{message, 0}};
            require(::sendmmsg(socket.get(), messages.data(), 2, 0) == 2, "sendmmsg");
            require(::sendto(socket.get(), bytes.data(), 80, 0, nullptr, 0) == 80, "sendto");
            receive_bytes(socket, 5);
        },
        [&](const Fd& socket) {
            const auto whole = [&](ssize_t got, size_t size) {
                return got >= 0 && static_cast<size_t>(got) == size;
            };
            // The peer waits for the answer, so all of it has been sent when this returns.
            require(::recv(socket.get(), bytes.data(), 300, MSG_PEEK | MSG_WAITALL) == 300, "peek");
            require(whole(::read(socket.get(), bytes.data(), 100), 100), "read");
            std::array parts{part(60), part(40)};
            require(whole(::readv(socket.get(), parts.data(), 2), 100), "readv");
            msghdr message{};
            message.msg_iov = parts.data();
            message.msg_iovlen = 1;
            require(whole(::recvmsg(socket.get(), &message, 0), 60), "recvmsg");
            mmsghdr last{message, 0};
            last.msg_hdr.msg_iov = &parts[1];
            require(::recvmmsg(socket.get(), &last, 1, 0, nullptr) == 1, "recvmmsg");
            require(last.msg_len == 40, "recvmmsg");
            send_bytes(socket, 5, 5);
        });
    expect_bytes(ends.near, 300, 5);
    expect_bytes(ends.far, 5, 300);
}

TEST_F(Network, WhatIsOnlyLookedAtIsNotReceived) {
    for (const bool tcp : {true, false}) {
        const Ends ends = run_both(
            tcp ? tcp_pair(AF_INET) : udp_pair(AF_INET),
            [](const Fd& socket) { send_bytes(socket, 500, 500); },
            [](const Fd& socket) {
                std::array<char, 500> bytes{};
                for (int i = 0; i < 3; i++) {
                    require(::recv(socket.get(), bytes.data(), 500, MSG_PEEK) == 500, "peek");
                }
                receive_bytes(socket, 500);
            });
        expect_bytes(ends.near, 500, 0);
        expect_bytes(ends.far, 0, 500);
    }
}

// Data from the error queue is the sender's own.
TEST_F(Network, TheErrorQueueIsNotReceived) {
    TraceRun run(counting);
    const pid_t pid = start([] {
        const Fd socket = udp_to_nobody();
        const int on = 1;
        ::setsockopt(socket.get(), IPPROTO_IP, IP_RECVERR, &on, sizeof on);
        send_bytes(socket, 100, 100);
        std::array<char, 1'000> bytes{};
        while (::recv(socket.get(), bytes.data(), bytes.size(), MSG_ERRQUEUE) != 100) {
            require(errno == EAGAIN, "error queue");
        }
        return 0;
    });
    EXPECT_EQ(wait_for(pid).code(), 0);
    expect_bytes(run.end().only("exit", pid), 100, 0);
}

TEST_F(Network, OtherSocketsAreNotCounted) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}) {
        const Ends ends = run_both(
            unix_pair(type), [](const Fd& socket) { send_bytes(socket, 10'000, 1'000); },
            [](const Fd& socket) { receive_bytes(socket, 10'000); });
        expect_bytes(ends.near, 0, 0);
        expect_bytes(ends.far, 0, 0);
    }
}

// All threads of one process on each side, which also send and receive for the first time at once.
TEST_F(Network, ThreadsAreTheirProcess) {
    constexpr int threads = 4;
    const auto each = static_cast<size_t>(scaled(20'000'000)) + 1;
    std::array<Pair, threads> pairs;
    std::generate(pairs.begin(), pairs.end(), [] { return tcp_pair(AF_INET); });
    const auto in_threads = [&](const std::function<void(Pair&)>& body) {
        std::vector<std::thread> running;
        for (Pair& pair : pairs) {
            running.emplace_back([&] { body(pair); });
        }
        for (std::thread& thread : running) {
            thread.join();
        }
        return 0;
    };
    TraceRun run(counting);
    const pid_t sender =
        start([&] { return in_threads([&](Pair& pair) { send_bytes(pair.near, each, 50'000); }); });
    const pid_t receiver =
        start([&] { return in_threads([&](Pair& pair) { receive_bytes(pair.far, each); }); });
    EXPECT_EQ(wait_for(sender).code(), 0);
    EXPECT_EQ(wait_for(receiver).code(), 0);
    const Trace trace = run.end();
    expect_bytes(trace.only("exit", sender), threads * each, 0);
    expect_bytes(trace.only("exit", receiver), 0, threads * each);
    EXPECT_EQ(trace.only("exit", sender).number("threads"), threads + 1);
    EXPECT_EQ(trace.only("exit", receiver).number("threads"), threads + 1);
}

// They share the socket; the caller is charged.
TEST_F(Network, ChildrenAreChargedForWhatTheySend) {
    constexpr int children = 5;
    Pair pair = tcp_pair(AF_INET);
    TraceRun run(counting);
    int report[2];
    ASSERT_EQ(::pipe(report), 0);
    const pid_t parent = start([&] {
        send_bytes(pair.near, 7, 7);
        std::array<pid_t, children> pids{};
        for (int i = 0; i < children; i++) {
            pids[static_cast<size_t>(i)] = start([&] {
                send_bytes(pair.near, static_cast<size_t>(i) * 1'000, 100);
                return 0;
            });
        }
        (void)!::write(report[1], pids.data(), sizeof pids);
        int codes = 0;
        for (const pid_t pid : pids) {
            codes += wait_for(pid).code();
        }
        receive_bytes(pair.far, 10'000);
        return codes;
    });
    std::array<pid_t, children> pids{};
    ASSERT_EQ(::read(report[0], pids.data(), sizeof pids), static_cast<ssize_t>(sizeof pids));
    EXPECT_EQ(wait_for(parent).code(), 0);
    const Trace trace = run.end();
    for (size_t i = 0; i < children; i++) {
        expect_bytes(trace.only("exit", pids[i]), i * 1'000, 0);
    }
    expect_bytes(trace.only("exit", parent), 7, 10'000);
}

TEST_F(Network, BytesSurviveAnExec) {
    Pair pair = tcp_pair(AF_INET);
    TraceRun run(counting);
    const pid_t pid = start([&] {
        send_bytes(pair.near, 1'000, 1'000);
        ::fcntl(pair.near.get(), F_SETFD, 0);
        exec_self({"send", "234", std::to_string(pair.near.get())});
        return 0;
    });
    EXPECT_EQ(wait_for(pid).code(), 0);
    const Event exit = run.end().only("exit", pid);
    expect_bytes(exit, 1'234, 0);
    EXPECT_EQ(exit.number("threads"), 1);
}

// Bytes from before the start are not counted, and the number of threads is unknown.
TEST_F(Network, AProcessOlderThanTheTracer) {
    Pair pair = tcp_pair(AF_INET);
    const Gate traced;
    const Gate ready;
    const pid_t pid = start([&] {
        std::thread before([&] { send_bytes(pair.near, 5'000, 5'000); });
        before.join();
        ready.open();
        traced.pass();
        std::thread after([&] { send_bytes(pair.near, 600, 600); });
        after.join();
        return 0;
    });
    ready.pass();
    TraceRun run(counting);
    traced.open();
    EXPECT_EQ(wait_for(pid).code(), 0);
    const Event exit = run.end().only("exit", pid);
    expect_bytes(exit, 600, 0);
    EXPECT_TRUE(exit.is_null("threads")) << exit.line();
}

TEST_F(Network, NotAskedForIsUnknown) {
    TraceWindow window;
    const pid_t pid = start([] {
        const Pair pair = tcp_pair(AF_INET);
        send_bytes(pair.near, 10, 10);
        return 0;
    });
    EXPECT_EQ(wait_for(pid).code(), 0);
    const Event exit = window.end().only("exit", pid);
    EXPECT_TRUE(exit.is_null("sent_bytes")) << exit.line();
    EXPECT_TRUE(exit.is_null("received_bytes")) << exit.line();
}

TEST_F(Network, AThreadAloneIsUnknown) {
    TraceRun run({"--network", "-e", "exit", "--threads"});
    const pid_t pid = start([] {
        const Pair pair = tcp_pair(AF_INET);
        std::thread thread([&] { send_bytes(pair.near, 10, 10); });
        thread.join();
        return 0;
    });
    EXPECT_EQ(wait_for(pid).code(), 0);
    const Trace trace = run.end();
    ASSERT_EQ(trace.of("exit", pid).size(), 2U);
    for (const Event& exit : trace.of("exit", pid)) {
        EXPECT_EQ(exit.is_null("sent_bytes"), exit.flag("thread")) << exit.line();
        if (!exit.flag("thread")) {
            expect_bytes(exit, 10, 0);
        }
    }
}

// From 7.0 on counting needs tracefs: see bpf/account/network.bpf.c.
TEST_F(Network, WithoutTracefs) {
    if (!has_own_mount_ns()) {
        GTEST_SKIP() << "no mount namespace to hide it in";
    }
    const auto without = [] {
        hide("/sys/kernel/tracing");
        hide("/sys/kernel/debug");
    };
    Strings command{"trace", "--network", "-e", "exit", "--", "/bin/true"};
    Program vigil(command, {.before_exec = without});
    if (kernel_major() < 7) {
        EXPECT_EQ(vigil.wait(), 0) << vigil.errors();
        return;
    }
    EXPECT_EQ(vigil.wait(), 3);
    EXPECT_NE(vigil.errors().find("--network can't work here"), std::string::npos);
    EXPECT_NE(vigil.errors().find("mount -t tracefs"), std::string::npos) << vigil.errors();
}

}  // namespace
}  // namespace vigil::tests
