// SPDX-License-Identifier: Apache-2.0
#include "host/users.h"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <map>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/thread_annotations.h"

namespace vigil::host {
namespace {

constexpr size_t max_answers = 4096;
constexpr size_t max_waiting = 256;
constexpr int max_threads = 4;
constexpr uint64_t max_age_ns = 600 * ns_per_s;  // of a name while the directory does not answer
constexpr uint64_t passwd_check_ns = ns_per_s;
constexpr uint64_t max_budget_ns = 200 * ns_per_ms;
constexpr uint64_t budget_share = 50;  // 1 / 50 of the time
constexpr size_t min_entry_bytes = 1024;
constexpr size_t max_entry_bytes = 1 << 20;

// getpwnam(3): these errors, too, mean that there is no such user.
bool means_missing(int error) {
    return error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM;
}

std::string version_of(const std::string& path) {
    struct stat state {};
    if (::stat(path.c_str(), &state) != 0) {
        return {};
    }
    return fmt::format("{} {} {} {}.{}", state.st_dev, state.st_ino, state.st_size,
                       state.st_mtim.tv_sec, state.st_mtim.tv_nsec);
}

}  // namespace

User find_user(const UserQuery& query) {
    std::vector<char> text(min_entry_bytes);
    while (text.size() <= max_entry_bytes) {
        passwd entry{};
        passwd* found = nullptr;
        const int error =
            query.name.empty()
                ? ::getpwuid_r(query.uid, &entry, text.data(), text.size(), &found)
                : ::getpwnam_r(query.name.c_str(), &entry, text.data(), text.size(), &found);
        if (found != nullptr) {
            return {UserState::found, found->pw_name, found->pw_uid};
        }
        if (error == ERANGE) {
            text.resize(text.size() * 2);
        } else if (error != EINTR) {
            return {means_missing(error) ? UserState::missing : UserState::unavailable, {}, 0};
        }
    }
    return {UserState::unavailable, {}, 0};
}

std::optional<uint32_t> find_uid(const std::string& name) {
    if (name.empty()) {
        return std::nullopt;
    }
    const User user = find_user({.name = name});
    return user.state == UserState::found ? std::optional(user.uid) : std::nullopt;
}

// Shared with the threads, which may outlive the directory.
struct UserDirectory::Shared {
    struct Entry {
        User user;
        uint64_t queried_ns = 0;  // when the look-up that `user` comes from began; 0: none yet
        uint64_t failed_ns = 0;   // when the last look-up failed
        bool pending = false;
    };

    explicit Shared(Options wanted) : options(std::move(wanted)) {}

    bool is_due(const Entry& entry, uint64_t now_ns) const REQUIRES(mutex);
    bool request(const std::shared_ptr<Shared>& self, const UserQuery& query, Entry& entry)
        REQUIRES(mutex);
    bool start_thread(const std::shared_ptr<Shared>& self) REQUIRES(mutex);
    void run() EXCLUDES(mutex);
    bool take(UserQuery& query) EXCLUDES(mutex);
    void store(const UserQuery& query, const User& user, uint64_t queried_ns) EXCLUDES(mutex);

    const Options options;
    Mutex mutex;
    std::condition_variable_any answered;
    std::map<UserQuery, Entry> entries GUARDED_BY(mutex);
    std::deque<UserQuery> waiting GUARDED_BY(mutex);
    uint64_t valid_from_ns GUARDED_BY(mutex) = 0;  // older answers are out of date
    int threads GUARDED_BY(mutex) = 0;
    bool ended GUARDED_BY(mutex) = false;
};

bool UserDirectory::Shared::is_due(const Entry& entry, uint64_t now_ns) const {
    if (entry.pending ||
        (entry.failed_ns != 0 && now_ns - entry.failed_ns < options.missing_ttl_ns)) {
        return false;
    }
    const bool found = entry.user.state == UserState::found;
    const uint64_t ttl_ns = found ? options.found_ttl_ns : options.missing_ttl_ns;
    return entry.queried_ns <= valid_from_ns || now_ns - entry.queried_ns >= ttl_ns;
}

bool UserDirectory::Shared::request(const std::shared_ptr<Shared>& self, const UserQuery& query,
                                    Entry& entry) {
    if (waiting.size() >= max_waiting) {
        return false;
    }
    waiting.push_back(query);
    if (threads < max_threads && !start_thread(self) && threads == 0) {
        waiting.pop_back();
        return false;
    }
    entry.pending = true;
    return true;
}

// A thread ends with the last query, so an idle directory has none.
bool UserDirectory::Shared::start_thread(const std::shared_ptr<Shared>& self) {
    // Signals of the program are handled by its other threads.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = true;
    try {
        std::thread([self] { self->run(); }).detach();
        threads++;
    } catch (const std::system_error&) {
        started = false;
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return started;
}

void UserDirectory::Shared::run() {
    UserQuery query;
    while (take(query)) {
        const uint64_t queried_ns = boot_now_ns();
        store(query, options.find(query), queried_ns);
    }
}

bool UserDirectory::Shared::take(UserQuery& query) {
    const MutexLock lock(mutex);
    if (ended || waiting.empty()) {
        threads--;
        return false;
    }
    query = std::move(waiting.front());
    waiting.pop_front();
    return true;
}

void UserDirectory::Shared::store(const UserQuery& query, const User& user, uint64_t queried_ns) {
    const MutexLock lock(mutex);
    // The entry may have been removed to make space.
    if (const auto it = entries.find(query); it != entries.end()) {
        Entry& entry = it->second;
        entry.pending = false;
        if (user.state != UserState::unavailable) {
            entry.user = user;
            entry.queried_ns = queried_ns;
            entry.failed_ns = 0;
        } else {
            entry.failed_ns = queried_ns;
            if (entry.user.state == UserState::pending) {
                entry.user.state = UserState::unavailable;
            }
        }
    }
    answered.notify_all();
}

UserDirectory::UserDirectory(Options options)
    : shared_(std::make_shared<Shared>(std::move(options))), budget_ns_(max_budget_ns) {}

UserDirectory::~UserDirectory() {
    const MutexLock lock(shared_->mutex);
    shared_->ended = true;
}

// Answers from before the change are out of date.
void UserDirectory::check_passwd(uint64_t now_ns) {
    if (now_ns - passwd_checked_ns_ < passwd_check_ns) {
        return;
    }
    passwd_checked_ns_ = now_ns;
    std::string version = version_of(shared_->options.passwd);
    if (version != passwd_version_) {
        passwd_version_ = std::move(version);
        const MutexLock lock(shared_->mutex);
        shared_->valid_from_ns = now_ns;
    }
}

uint64_t UserDirectory::wait_budget_ns(uint64_t now_ns) {
    const uint64_t earned_ns = (now_ns - budget_at_ns_) / budget_share;
    budget_ns_ = std::min(max_budget_ns, budget_ns_ + earned_ns);
    budget_at_ns_ = now_ns;
    return budget_ns_;
}

User UserDirectory::look_up(const UserQuery& query, bool wait) {
    const uint64_t now_ns = boot_now_ns();
    check_passwd(now_ns);
    const MutexLock lock(shared_->mutex);
    auto& entries = shared_->entries;
    if (entries.size() >= max_answers && entries.count(query) == 0) {
        entries.clear();
    }
    auto& entry = entries[query];
    if (shared_->is_due(entry, now_ns)) {
        (void)shared_->request(shared_, query, entry);
    }
    // A name that is only due to be looked up again is good meanwhile.
    const bool known = entry.queried_ns > shared_->valid_from_ns;
    if (wait && entry.pending && !known) {
        const uint64_t budget_ns = wait_budget_ns(now_ns);
        const auto deadline =
            std::chrono::steady_clock::now() + std::chrono::nanoseconds(budget_ns);
        while (entry.pending && std::chrono::steady_clock::now() < deadline) {
            shared_->answered.wait_until(shared_->mutex, deadline);
        }
        budget_ns_ -= std::min(budget_ns_, boot_now_ns() - now_ns);
    }
    return entry.queried_ns == 0 || boot_now_ns() - entry.queried_ns < max_age_ns ? entry.user
                                                                                  : User{};
}

std::string UserDirectory::name(uint32_t uid) {
    User user = look_up({.name = {}, .uid = uid}, true);
    return user.state == UserState::found ? std::move(user.name) : std::to_string(uid);
}

void UserDirectory::prefetch(uint32_t uid) { (void)look_up({.name = {}, .uid = uid}, false); }

User UserDirectory::find(const std::string& name) { return look_up({.name = name}, true); }

User UserDirectory::peek(const std::string& name) { return look_up({.name = name}, false); }

}  // namespace vigil::host
