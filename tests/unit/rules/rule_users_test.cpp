// SPDX-License-Identifier: Apache-2.0
#include "rules/rule_users.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

namespace vigil::rules {
namespace {

using host::User;
using host::UserState;
using Messages = std::vector<std::string>;

Rule rule_for(const std::string& user) {
    Rule rule;
    rule.process = "*";
    rule.user = user;
    return rule;
}

class RuleUsersTest : public ::testing::Test {
 protected:
    struct State {
        std::atomic<UserState> state = UserState::missing;
        std::atomic<uint32_t> uid = 0;
    };
    host::UserDirectory::Options options() {
        host::UserDirectory::Options result;
        result.find = [state = state_](const host::UserQuery& query) -> User {
            while (state->state == UserState::pending) {
                std::this_thread::yield();
            }
            return {state->state, query.name, state->uid};
        };
        result.passwd = "/nonexistent/passwd";
        result.found_ttl_ns = result.missing_ttl_ns = ns_per_ms;
        return result;
    }
    void TearDown() override { state_->state = UserState::missing; }  // its threads end

    // Refreshes until the uid of the first rule is as wanted.
    bool becomes(RuleUsers& users, std::optional<uint32_t> wanted) {
        bool changed = false;
        for (const uint64_t end_ns = boot_now_ns() + 30 * ns_per_s; boot_now_ns() < end_ns;) {
            changed |= users.refresh();
            if (users.uid(0) == wanted) {
                return changed;
            }
            std::this_thread::yield();
        }
        return false;
    }
    Messages next_messages(RuleUsers& users) {
        for (const uint64_t end_ns = boot_now_ns() + 30 * ns_per_s; boot_now_ns() < end_ns;) {
            users.refresh();
            if (auto messages = users.pop_messages(); !messages.empty()) {
                return messages;
            }
        }
        return {};
    }

    std::shared_ptr<State> state_ = std::make_shared<State>();
};

TEST_F(RuleUsersTest, NumbersNeedNoDirectory) {
    state_->state = UserState::unavailable;
    RuleUsers users(options());
    users.apply({rule_for("1000"), Rule{}, rule_for("0")});
    EXPECT_EQ(users.uid(0), 1000U);
    EXPECT_EQ(users.uid(1), std::nullopt);
    EXPECT_EQ(users.uid(2), 0U);
    EXPECT_FALSE(users.refresh());
    EXPECT_EQ(users.pop_messages(), Messages());
}

TEST_F(RuleUsersTest, AUserMayBeMadeRenumberedAndDeleted) {
    RuleUsers users(options());
    users.apply({rule_for("alice")});
    EXPECT_EQ(users.uid(0), std::nullopt);
    state_->uid = 1001;
    state_->state = UserState::found;
    EXPECT_TRUE(becomes(users, 1001));
    state_->uid = 1002;
    EXPECT_TRUE(becomes(users, 1002));
    state_->state = UserState::unavailable;
    EXPECT_FALSE(users.refresh());
    EXPECT_EQ(users.uid(0), 1002U) << "while nobody answers";
    state_->state = UserState::missing;
    EXPECT_TRUE(becomes(users, std::nullopt));
}

TEST_F(RuleUsersTest, AMissingUserIsReportedOnce) {
    RuleUsers users(options());
    const RuleSet rules{rule_for("al\x1bice"), rule_for("7"), rule_for("al\x1bice")};
    users.apply(rules);
    const Messages missing{
        R"(user 'al\eice' does not exist on this machine: rules 1, 3 select no process until it does)"};
    EXPECT_EQ(next_messages(users), missing);
    for (int i = 0; i < 100; i++) {
        users.refresh();
    }
    EXPECT_EQ(users.pop_messages(), Messages());
    users.apply(rules);
    EXPECT_EQ(next_messages(users), missing) << "again with the rules";
    state_->uid = 5;
    state_->state = UserState::found;
    EXPECT_EQ(next_messages(users), Messages{R"(user 'al\eice' has uid 5 now)"});
}

TEST_F(RuleUsersTest, ADirectoryThatFailsIsReported) {
    state_->state = UserState::unavailable;
    RuleUsers users(options());
    users.apply({rule_for("alice")});
    EXPECT_EQ(
        next_messages(users),
        Messages{"user 'alice': the user directory (see nsswitch.conf) does not answer: rule 1 "
                 "selects no process until it does"});
    state_->state = UserState::missing;
    EXPECT_EQ(next_messages(users), Messages{"user 'alice' does not exist on this machine: rule 1 "
                                             "selects no process until it does"});
}

TEST_F(RuleUsersTest, ADirectoryThatHangsIsReported) {
    state_->state = UserState::pending;
    RuleUsers users(options());
    const uint64_t begin_ns = boot_now_ns();
    users.apply({rule_for("alice")});
    EXPECT_LT(boot_now_ns() - begin_ns, 3 * ns_per_s);
    EXPECT_EQ(
        next_messages(users),
        Messages{"user 'alice': the user directory (see nsswitch.conf) does not answer: rule 1 "
                 "selects no process until it does"});
}

}  // namespace
}  // namespace vigil::rules
