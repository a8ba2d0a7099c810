// SPDX-License-Identifier: Apache-2.0
// Network rates reported by `vigil watch`, at both ends of a loopback.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "sockets.h"
#include "watch.h"

namespace vigil::tests {
namespace {

constexpr size_t chunk = 10'000;
constexpr size_t chunks = 100;
constexpr double kb = 1024;

class WatchNetwork : public ::testing::TestWithParam<int> {
 protected:
    static void SetUpTestSuite() { ASSERT_TRUE(make_own_loopback()) << "no loopback that is up"; }
    void SetUp() override {
        if (!shared_watch("").counts_network()) {
            GTEST_SKIP() << "vigil watch can't hold network limits here";
        }
    }
};
INSTANTIATE_TEST_SUITE_P(, WatchNetwork, ::testing::Values(AF_INET, AF_INET6),
                         [](const auto& family) { return family.param == AF_INET ? "V4" : "V6"; });

// Sends in lock-step, so that no datagram is lost; both sides count.
void send_at_a_rate(const Fd& socket, const Meter& meter) {
    for (size_t i = 0; i < chunks; i++) {
        send_bytes(socket, chunk, chunk);
        receive_bytes(socket, 1);
        meter.mark((i + 1) * (chunk + 1));
        ::usleep(5'000);
    }
}

void receive_at_a_rate(const Fd& socket, const Meter& meter) {
    for (size_t i = 0; i < chunks; i++) {
        receive_bytes(socket, chunk);
        send_bytes(socket, 1, 1);
        meter.mark((i + 1) * (chunk + 1));
    }
}

std::vector<Event> wait_for_the_end(WatchRun& run, const MeasuredProcess& process) {
    std::vector<Event> events;
    wait_until(
        [&] {
            run.wait_for_sweep();
            events = run.all({process.pid(), "", "network"});
            return !events.empty() && events.back().text("state") == "cleared";
        },
        "no more bytes");
    return events;
}

void expect_rates(WatchRun& run, const MeasuredProcess& process, const Meter& meter) {
    const std::vector<Event> events = wait_for_the_end(run, process);
    EXPECT_NEAR(used_in_all(events) * kb, meter.growth(), 0.01 * meter.growth());
    for (const Event& event : events) {
        if (event.text("state") != "ongoing") {
            continue;
        }
        const uint64_t begin_ns =
            reported_ns(event) - static_cast<uint64_t>(event.number("duration_ns"));
        const double measured = meter.at(reported_ns(event)) - meter.at(begin_ns);
        // A sweep takes a while.
        EXPECT_NEAR(used_until(event) * kb, measured, 0.05 * measured + 0.1 * meter.growth())
            << event.line();
    }
}

void test_pair(const std::string& name, Pair pair) {
    WatchRun& run = shared_watch(report_all_rule(name, "network"));
    const Meter near_meter;
    const Meter far_meter;
    MeasuredProcess near(run, name, [&] {
        near_meter.mark(0);
        send_at_a_rate(pair.near, near_meter);
    });
    MeasuredProcess far(run, name, [&] {
        far_meter.mark(0);
        receive_at_a_rate(pair.far, far_meter);
    });
    far.begin();
    near.begin();
    near.wait_for_body();
    far.wait_for_body();
    expect_rates(run, near, near_meter);
    expect_rates(run, far, far_meter);
}

TEST_P(WatchNetwork, TcpAtBothEnds) { test_pair("vt-tcp", tcp_pair(GetParam())); }
TEST_P(WatchNetwork, UdpAtBothEnds) { test_pair("vt-udp", udp_pair(GetParam())); }

}  // namespace
}  // namespace vigil::tests
