// SPDX-License-Identifier: Apache-2.0
#include "host/users.h"

#include <gtest/gtest.h>
#include <pwd.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "support/printable.h"

namespace vigil::host {
namespace {

// A user directory of which some look-ups hang until the test lets them go.
class FakeDirectory {
 public:
    ~FakeDirectory() { release(); }

    UserDirectory::Options options() {
        UserDirectory::Options result;
        result.find = [state = state_](const UserQuery& query) { return state->find(query); };
        result.passwd = "/nonexistent/passwd";
        return result;
    }
    void set(uint32_t uid, const std::string& name) {
        const std::lock_guard lock(state_->mutex);
        state_->names[uid] = name;
    }
    void remove(uint32_t uid) {
        const std::lock_guard lock(state_->mutex);
        state_->names.erase(uid);
    }
    void set_failing(bool failing) {
        const std::lock_guard lock(state_->mutex);
        state_->failing = failing;
    }
    // From this uid on.
    void hang_from(uint32_t uid) {
        const std::lock_guard lock(state_->mutex);
        state_->hangs_from = uid;
    }
    void release() {
        hang_from(UINT32_MAX);
        state_->released.notify_all();
    }
    int calls() const { return state_->calls; }

 private:
    struct State {
        User find(const UserQuery& query) {
            calls++;
            std::unique_lock lock(mutex);
            released.wait(lock, [&] { return query.uid < hangs_from; });
            if (failing) {
                return {UserState::unavailable, {}, 0};
            }
            for (const auto& [uid, name] : names) {
                if (query.name.empty() ? uid == query.uid : name == query.name) {
                    return {UserState::found, name, uid};
                }
            }
            return {UserState::missing, {}, 0};
        }
        std::mutex mutex;
        std::condition_variable released;
        std::map<uint32_t, std::string> names;
        uint32_t hangs_from = UINT32_MAX;
        bool failing = false;
        std::atomic<int> calls = 0;
    };
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

bool eventually(const std::function<bool()>& condition) {
    for (const uint64_t end_ns = boot_now_ns() + 30 * ns_per_s; boot_now_ns() < end_ns;) {
        if (condition()) {
            return true;
        }
        std::this_thread::yield();
    }
    return false;
}

TEST(Users, OfThisMachine) {
    UserDirectory users;
    EXPECT_TRUE(eventually([&] { return users.name(0) == ::getpwuid(0)->pw_name; }));
    EXPECT_EQ(users.name(3'999'999'999), "3999999999");
    EXPECT_TRUE(eventually([&] { return users.find("root").state == UserState::found; }));
    EXPECT_EQ(users.find("root").uid, 0U);
    EXPECT_TRUE(eventually([&] { return users.find("no-such-user").state == UserState::missing; }));
    EXPECT_EQ(find_uid("root"), 0U);
    EXPECT_EQ(find_uid("no-such-user"), std::nullopt);
    EXPECT_EQ(find_uid(""), std::nullopt);
    EXPECT_EQ(find_uid(std::string(100'000, 'x')), std::nullopt);
}

TEST(Users, AnAnswerIsUsedAgain) {
    FakeDirectory directory;
    directory.set(7, "seven");
    UserDirectory users(directory.options());
    EXPECT_TRUE(eventually([&] { return users.name(7) == "seven"; }));
    EXPECT_EQ(users.name(8), "8");
    for (int i = 0; i < 1000; i++) {
        EXPECT_EQ(users.name(7), "seven");
        EXPECT_EQ(users.name(8), "8");
    }
    EXPECT_EQ(directory.calls(), 2);
}

TEST(Users, AnAnswerHoldsForAWhileOnly) {
    FakeDirectory directory;
    directory.set(7, "seven");
    auto options = directory.options();
    options.found_ttl_ns = options.missing_ttl_ns = ns_per_ms;
    UserDirectory users(options);
    EXPECT_TRUE(eventually([&] { return users.name(7) == "seven"; }));
    directory.set(7, "another");
    EXPECT_TRUE(eventually([&] { return users.name(7) == "another"; }));
    directory.remove(7);
    EXPECT_TRUE(eventually([&] { return users.name(7) == "7"; }));
    EXPECT_TRUE(eventually([&] { return users.peek("new").state == UserState::missing; }));
    directory.set(7, "new");
    EXPECT_TRUE(eventually([&] { return users.peek("new").state == UserState::found; }));
    EXPECT_EQ(users.peek("new").uid, 7U);
}

TEST(Users, AChangeOfTheLocalUsersIsSeenAtOnce) {
    const std::string passwd = testing::TempDir() + "vigil-passwd-" + std::to_string(::getpid());
    std::ofstream(passwd) << "old";
    FakeDirectory directory;
    directory.set(7, "seven");
    auto options = directory.options();
    options.passwd = passwd;
    options.found_ttl_ns = 3600 * ns_per_s;
    UserDirectory users(options);
    EXPECT_TRUE(eventually([&] { return users.name(7) == "seven"; }));
    directory.set(7, "another");
    std::ofstream(passwd) << "changed";
    EXPECT_TRUE(eventually([&] { return users.name(7) == "another"; }));
    std::filesystem::remove(passwd);
}

TEST(Users, AFailedLookUpKeepsTheName) {
    FakeDirectory directory;
    directory.set(7, "seven");
    auto options = directory.options();
    options.found_ttl_ns = options.missing_ttl_ns = ns_per_ms;
    UserDirectory users(options);
    EXPECT_TRUE(eventually([&] { return users.name(7) == "seven"; }));
    directory.set_failing(true);
    const int before = directory.calls();
    EXPECT_TRUE(eventually([&] {
        EXPECT_EQ(users.name(7), "seven");
        return directory.calls() > before + 3;
    }));
    EXPECT_TRUE(eventually([&] { return users.find("x").state == UserState::unavailable; }));
    directory.set_failing(false);
    EXPECT_TRUE(eventually([&] { return users.find("x").state == UserState::missing; }));
}

// 3 of 4 threads hang; the fourth answers about the local user.
TEST(Users, ALookUpThatHangsDelaysNoOther) {
    FakeDirectory directory;
    directory.set(7, "seven");
    directory.set(103, "late");
    directory.hang_from(100);
    UserDirectory users(directory.options());
    const uint64_t begin_ns = boot_now_ns();
    for (uint32_t uid = 101; uid <= 103; uid++) {
        EXPECT_EQ(users.name(uid), std::to_string(uid));
    }
    EXPECT_TRUE(eventually([&] { return users.name(7) == "seven"; }));
    // 200 ms are waited for once; the rest is what a busy machine may add.
    EXPECT_LT(boot_now_ns() - begin_ns, 5 * ns_per_s);
    EXPECT_EQ(users.name(103), "103");
    directory.release();
    EXPECT_TRUE(eventually([&] { return users.name(103) == "late"; }));
}

TEST(Users, QuestionsThatWaitAreBounded) {
    FakeDirectory directory;
    directory.hang_from(0);
    auto users = std::make_unique<UserDirectory>(directory.options());
    const uint64_t begin_ns = boot_now_ns();
    for (uint32_t uid = 0; uid < 20'000; uid++) {
        EXPECT_EQ(users->name(uid), std::to_string(uid));
    }
    EXPECT_LT(boot_now_ns() - begin_ns, 10 * ns_per_s);
    EXPECT_TRUE(eventually([&] { return directory.calls() == 4; }));
    // The end waits for nobody.
    users.reset();
    EXPECT_EQ(directory.calls(), 4);
}

}  // namespace
}  // namespace vigil::host
