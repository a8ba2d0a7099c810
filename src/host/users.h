// SPDX-License-Identifier: Apache-2.0
// Users by name and by number, as getpwnam(3) and getpwuid(3) find them. These may ask a server
// (LDAP, SSSD, NIS) and then take seconds, or never return.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>

#include "base/clock.h"

namespace vigil::host {

struct UserQuery {
    std::string name;  // empty: the name of `uid` is wanted
    uint32_t uid = 0;

    bool operator<(const UserQuery& other) const {
        return std::tie(name, uid) < std::tie(other.name, other.uid);
    }
};

enum class UserState : uint8_t {
    pending,      // not answered yet
    found,        //
    missing,      // no such user
    unavailable,  // the look-up failed
};

struct User {
    UserState state = UserState::pending;
    std::string name;
    uint32_t uid = 0;
};

// Blocks until the answer.
User find_user(const UserQuery& query);

// The same for a name: empty if there is no such user, or the look-up fails.
std::optional<uint32_t> find_uid(const std::string& name);

// Looks users up on threads of its own and caches the answers for a while: users are created,
// deleted and renumbered. Calls come from one thread and never block it for long: an answer is
// awaited for at most 200 ms, and for at most 2 % of the time. Local users are known within
// microseconds, so in effect only a directory that is slow or hangs shows in the results.
//
// At most 4 look-ups run at a time, 256 wait, and 4,096 answers are cached. A look-up that hangs
// outlives this object, detached.
class UserDirectory {
 public:
    struct Options {
        std::function<User(const UserQuery&)> find = find_user;
        // The file of local users, checked once a second: a change makes all answers out of date.
        std::string passwd = "/etc/passwd";
        // After these times an answer is out of date: looked up again when it is wanted.
        uint64_t found_ttl_ns = 30 * ns_per_s;
        uint64_t missing_ttl_ns = 5 * ns_per_s;  // no such user, or the look-up failed
    };

    UserDirectory() : UserDirectory(Options{}) {}
    explicit UserDirectory(Options options);
    UserDirectory(const UserDirectory&) = delete;
    UserDirectory& operator=(const UserDirectory&) = delete;
    ~UserDirectory();

    // The uid in decimal if it has no name, or none is known yet. While the directory does not
    // answer, an old name is good for ten minutes.
    std::string name(uint32_t uid);

    // So that the name is known when it is needed. Never waits.
    void prefetch(uint32_t uid);

    // The newest answer; `uid` is valid if found.
    User find(const std::string& name);
    // The same without waiting.
    User peek(const std::string& name);

 private:
    struct Shared;

    User look_up(const UserQuery& query, bool wait);
    void check_passwd(uint64_t now_ns);
    uint64_t wait_budget_ns(uint64_t now_ns);

    std::shared_ptr<Shared> shared_;
    uint64_t passwd_checked_ns_ = 0;
    std::string passwd_version_;
    uint64_t budget_ns_;
    uint64_t budget_at_ns_ = 0;
};

}  // namespace vigil::host
