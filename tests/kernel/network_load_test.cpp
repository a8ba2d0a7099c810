// SPDX-License-Identifier: Apache-2.0
// Many small socket calls of many processes on few CPUs, exact to the byte. Where programs can be
// preempted (7.0 and later), the kernel skips them for other tasks on that CPU.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "network.h"
#include "processes.h"

namespace vigil::tests {
namespace {

class NetworkLoad : public Network {};

constexpr size_t load_workers = 4;

// From 1 to 64 bytes.
size_t size_of_call(int call) { return static_cast<size_t>(call) * 7 % 64 + 1; }

void send_many(const Fd& socket, int count) {
    for (int i = 0; i < count; i++) {
        send_bytes(socket, size_of_call(i), size_of_call(i));
    }
}

size_t many_bytes(int count) {
    size_t sum = 0;
    for (int i = 0; i < count; i++) {
        sum += size_of_call(i);
    }
    return sum;
}

TEST_F(NetworkLoad, OverTcp) {
    const int count = scaled(200'000);
    std::array<Pair, load_workers> pairs;
    std::generate(pairs.begin(), pairs.end(), [] { return tcp_pair(AF_INET); });
    TraceRun run(counting);
    std::vector<pid_t> senders;
    std::vector<pid_t> receivers;
    for (Pair& pair : pairs) {
        senders.push_back(start([&] {
            send_many(pair.near, count);
            return 0;
        }));
        receivers.push_back(start([&] {
            for (size_t left = many_bytes(count); left > 0; left -= std::min<size_t>(left, 40)) {
                receive_bytes(pair.far, std::min<size_t>(left, 40));
            }
            return 0;
        }));
    }
    for (const pid_t pid : senders) {
        EXPECT_EQ(wait_for(pid).code(), 0);
    }
    for (const pid_t pid : receivers) {
        EXPECT_EQ(wait_for(pid).code(), 0);
    }
    const Trace trace = run.end();
    for (size_t i = 0; i < load_workers; i++) {
        expect_bytes(trace.only("exit", senders[i]), many_bytes(count), 0);
        expect_bytes(trace.only("exit", receivers[i]), 0, many_bytes(count));
    }
}

// To sockets without reader: the senders never wait, so they are preempted at any point.
TEST_F(NetworkLoad, OverUdp) {
    const int count = scaled(100'000);
    const Pair pair = udp_pair(AF_INET);
    TraceRun run(counting);
    std::vector<pid_t> senders;
    for (size_t i = 0; i < 2 * load_workers; i++) {
        senders.push_back(start([&] {
            send_many(pair.near, count);
            return 0;
        }));
    }
    for (const pid_t pid : senders) {
        EXPECT_EQ(wait_for(pid).code(), 0);
    }
    const Trace trace = run.end();
    for (const pid_t pid : senders) {
        expect_bytes(trace.only("exit", pid), many_bytes(count), 0);
    }
}

}  // namespace
}  // namespace vigil::tests
