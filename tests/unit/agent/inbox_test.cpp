// SPDX-License-Identifier: Apache-2.0
#include "agent/inbox.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <thread>

#include "agent/heartbeat.h"
#include "agent/rule_cache.h"
#include "support/processes.h"

namespace vigil::agent {
namespace {

bool is_readable(int fd) {
    pollfd poll{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&poll, 1, 0) == 1;
}

std::unique_ptr<Inbox> opened() {
    auto inbox = Inbox::open();
    EXPECT_TRUE(inbox);
    return std::move(*inbox);
}

TEST(Inbox, MessagesComeInTheirOrderAndWake) {
    const auto inbox = opened();
    EXPECT_FALSE(is_readable(inbox->fd()));
    std::thread([&] {
        inbox->push(UserMessage{"first"});
        inbox->push(ServerClientState{.connected = true, .server = "s", .error = ""});
        inbox->push(UserMessage{"second"});
        inbox->push(StopRequest{});
    }).join();
    EXPECT_TRUE(is_readable(inbox->fd()));
    const auto messages = inbox->pop_all();
    ASSERT_EQ(messages.size(), 4U);
    EXPECT_EQ(std::get<UserMessage>(messages[0]).text, "first");
    EXPECT_TRUE(std::get<ServerClientState>(messages[1]).connected);
    EXPECT_EQ(std::get<UserMessage>(messages[2]).text, "second");
    EXPECT_TRUE(std::holds_alternative<StopRequest>(messages[3]));
    EXPECT_FALSE(is_readable(inbox->fd()));
    EXPECT_TRUE(inbox->pop_all().empty());
}

TEST(Inbox, WhatANewerMessageReplacesDoesNotWait) {
    const auto inbox = opened();
    for (int i = 0; i < 1000; i++) {
        inbox->push(wire::Config{.hash = std::to_string(i), .rules = "[]"});
        inbox->push(
            ServerClientState{.connected = false, .server = "s", .error = std::to_string(i)});
        inbox->push(RefusedLines{{.count = 2, .from_unix_ns = 100 + i, .to_unix_ns = 100 + i}});
    }
    const auto messages = inbox->pop_all();
    ASSERT_EQ(messages.size(), 3U);
    for (const AgentMessage& message : messages) {
        if (const auto* config = std::get_if<wire::Config>(&message)) {
            EXPECT_EQ(config->hash, "999");
        } else if (const auto* refused = std::get_if<RefusedLines>(&message)) {
            EXPECT_EQ(refused->loss.count, 2000U);
            EXPECT_EQ(refused->loss.from_unix_ns, 100);
            EXPECT_EQ(refused->loss.to_unix_ns, 1099);
        } else {
            EXPECT_EQ(std::get<ServerClientState>(message).error, "999");
        }
    }
}

TEST(RuleCache, GivesBackWhatItStored) {
    const test::TempDirectory directory;
    const RuleCache cache(directory.path("."));
    const auto none = cache.load();
    ASSERT_TRUE(none);
    EXPECT_FALSE(*none);
    ASSERT_TRUE(cache.store({.hash = "abc", .rules = "[{}]"}));
    const auto some = cache.load();
    ASSERT_TRUE(some && *some);
    EXPECT_EQ((*some)->hash, "abc");
    EXPECT_EQ((*some)->rules, "[{}]\n");
}

TEST(RuleCache, AFileWithoutRulesIsNone) {
    const test::TempDirectory directory;
    (void)directory.write("rules", "abc");
    const auto none = RuleCache(directory.path(".")).load();
    ASSERT_TRUE(none);
    EXPECT_FALSE(*none);
}

TEST(Heartbeat, TheNextStartReportsTheTimeSinceTheLastBeat) {
    const test::TempDirectory directory;
    Heartbeat first(directory.path("."));
    EXPECT_FALSE(first.downtime());
    ASSERT_TRUE(first.beat());
    ASSERT_TRUE(first.beat());
    const auto downtime = Heartbeat(directory.path(".")).downtime();
    ASSERT_TRUE(downtime);
    const auto& unobserved = std::get<model::MonitoringGap>(downtime->body);
    EXPECT_LE(unobserved.from_unix_ns, unobserved.to_unix_ns);
    EXPECT_FALSE(unobserved.rebooted);
}

}  // namespace
}  // namespace vigil::agent
