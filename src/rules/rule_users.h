// SPDX-License-Identifier: Apache-2.0
// The uids that the rules' `user` names stand for. Users may be created, deleted or renumbered
// while the rules hold, and the user directory may not answer.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "host/users.h"
#include "rules/rule.h"

namespace vigil::rules {

class RuleUsers {
 public:
    explicit RuleUsers(host::UserDirectory::Options options = {})
        : directory_(std::move(options)) {}

    // Looks all users up; waits only as long as host::UserDirectory::find() does.
    void apply(const RuleSet& rules);

    // Call it periodically: true if a uid has changed. Never waits.
    bool refresh();

    // Of the user of rule `index`; empty: no such user, or none known yet. The last known uid holds
    // while the directory does not answer.
    std::optional<uint32_t> uid(size_t index) const { return uids_[index]; }

    // For the user: users that do not exist, and those that do now. Each is reported once until it
    // changes or rules are applied.
    std::vector<std::string> pop_messages() { return std::exchange(messages_, {}); }

    host::UserDirectory& directory() { return directory_; }

 private:
    struct NamedUser {
        std::vector<size_t> rules;  // indexes
        std::optional<uint32_t> uid;
        host::UserState reported = host::UserState::pending;
    };

    bool update(const std::string& name, NamedUser& user, const host::User& answer);
    void report(const std::string& name, NamedUser& user, host::UserState state);

    host::UserDirectory directory_;
    std::map<std::string, NamedUser> users_;
    std::vector<std::optional<uint32_t>> uids_;  // by rule
    std::vector<std::string> messages_;
    uint64_t applied_ns_ = 0;
};

}  // namespace vigil::rules
