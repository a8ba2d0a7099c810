// SPDX-License-Identifier: Apache-2.0
#include "rules/rule_users.h"

#include <fmt/format.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/units.h"
#include "rules/match.h"

namespace vigil::rules {

using host::UserState;

namespace {

constexpr uint64_t answer_timeout_ns = 5 * ns_per_s;
constexpr size_t max_listed_rules = 8;

// "rule 2 selects no process", "rules 1, 3 select no process".
std::string select_nothing(const std::vector<size_t>& rules) {
    std::string text = rules.size() == 1 ? "rule " : "rules ";
    for (size_t i = 0; i < rules.size(); i++) {
        if (i == max_listed_rules) {
            text += ", ...";
            break;
        }
        text += fmt::format("{}{}", i == 0 ? "" : ", ", rules[i] + 1);
    }
    return text + (rules.size() == 1 ? " selects no process" : " select no process");
}

}  // namespace

void RuleUsers::apply(const RuleSet& rules) {
    auto previous = std::exchange(users_, {});
    uids_.assign(rules.size(), std::nullopt);
    messages_.clear();
    applied_ns_ = boot_now_ns();
    for (size_t i = 0; i < rules.size(); i++) {
        if (rules[i].user && !is_uid(*rules[i].user)) {
            users_[*rules[i].user].rules.push_back(i);
        } else if (rules[i].user) {
            uids_[i] = uid_of(*rules[i].user);
        }
    }
    for (auto& [name, user] : users_) {
        if (const auto it = previous.find(name); it != previous.end()) {
            user.uid = it->second.uid;
        }
        update(name, user, directory_.find(name));
    }
}

bool RuleUsers::refresh() {
    bool changed = false;
    for (auto& [name, user] : users_) {
        changed |= update(name, user, directory_.peek(name));
    }
    return changed;
}

bool RuleUsers::update(const std::string& name, NamedUser& user, const host::User& answer) {
    const auto before = user.uid;
    if (answer.state == UserState::found) {
        user.uid = answer.uid;
    } else if (answer.state == UserState::missing) {
        user.uid.reset();
    }
    for (const size_t rule : user.rules) {
        uids_[rule] = user.uid;
    }
    const bool overdue = boot_now_ns() - applied_ns_ >= answer_timeout_ns;
    if (answer.state != UserState::pending) {
        report(name, user, answer.state);
    } else if (overdue && !user.uid) {
        report(name, user, UserState::unavailable);
    }
    return user.uid != before;
}

void RuleUsers::report(const std::string& name, NamedUser& user, UserState state) {
    const UserState before = std::exchange(user.reported, state);
    if (state == before) {
        return;
    }
    const std::string quoted = "user '" + escape_terminal(name) + "'";
    if (state == UserState::missing) {
        messages_.push_back(fmt::format("{} does not exist on this machine: {} until it does",
                                        quoted, select_nothing(user.rules)));
    } else if (state == UserState::unavailable && !user.uid) {
        messages_.push_back(fmt::format(
            "{}: the user directory (see nsswitch.conf) does not answer: {} until it does", quoted,
            select_nothing(user.rules)));
    } else if (state == UserState::found && before != UserState::pending) {
        messages_.push_back(fmt::format("{} has uid {} now", quoted, *user.uid));
    }
}

}  // namespace vigil::rules
