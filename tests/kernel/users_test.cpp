// SPDX-License-Identifier: Apache-2.0
// Users that change while vigil runs, and a user directory that hangs. The file of local users is
// replaced in a mount namespace of vigil's own.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "record_run.h"
#include "sockets.h"
#include "watch.h"

namespace vigil::tests {
namespace {

constexpr uid_t first_uid = 54'321;
constexpr uid_t second_uid = 54'322;

class PasswdFile {
 public:
    void set(const std::string& lines) const {
        std::ofstream(path_) << "root:x:0:0:root:/root:/bin/sh\n" << lines;
    }
    // Opening it to read never returns.
    void make_fifo() const { require(::mkfifo(path_.c_str(), 0644) == 0, "mkfifo"); }

    Program::Options options() const {
        Program::Options result;
        result.before_exec = [path = path_] {
            require(::unshare(CLONE_NEWNS) == 0 &&
                        ::mount(path.c_str(), "/etc/passwd", nullptr, MS_BIND, nullptr) == 0,
                    "mount");
        };
        return result;
    }

 private:
    TempDirectory directory_;
    std::string path_ = directory_.path() + "/passwd";
};

std::string passwd_line(const std::string& name, uid_t uid) {
    return name + ":x:" + std::to_string(uid) + ":0::/:/bin/sh\n";
}

void become(uid_t uid) { require(::setresuid(uid, uid, uid) == 0, "setresuid"); }

pid_t run_as(uid_t uid) {
    const pid_t pid = start([&] {
        become(uid);
        return 0;
    });
    wait_for(pid);
    return pid;
}

TEST(Users, AUidThatIsGivenToAnother) {
    const PasswdFile passwd;
    passwd.set(passwd_line("vt-first", first_uid));
    RecordRun deaths({}, passwd.options());
    const auto user_is = [&](const std::string& name) {
        return wait_until([&] { return deaths.of(run_as(first_uid)).text("user") == name; }, name);
    };
    EXPECT_TRUE(user_is("vt-first"));
    passwd.set(passwd_line("vt-another", first_uid));
    EXPECT_TRUE(user_is("vt-another"));
    passwd.set("");
    EXPECT_TRUE(user_is(std::to_string(first_uid)));
    deaths.end();
}

TEST(Users, ADirectoryThatHangsDelaysNothing) {
    const PasswdFile passwd;
    passwd.make_fifo();
    RecordRun deaths({}, passwd.options());
    const uint64_t begin_ns = boot_now_ns();
    for (uid_t i = 0; i < 20; i++) {
        const uid_t uid = i == 0 ? 0 : first_uid + i;
        EXPECT_EQ(deaths.of(run_as(uid)).text("user"), std::to_string(uid)) << "not answered";
    }
    const std::vector<Event> all = deaths.end();
    // The bound is generous to a busy machine.
    EXPECT_LT(boot_now_ns() - begin_ns, 15'000'000'000U);
    for (const Event& event : all) {
        EXPECT_NE(event.kind(), "loss") << event.line();
    }
}

size_t count(const std::string& text, const std::string& wanted) {
    size_t found = 0;
    for (size_t at = text.find(wanted); at != std::string::npos; at = text.find(wanted, at + 1)) {
        found++;
    }
    return found;
}

TEST(Users, ARuleFollowsItsUser) {
    const PasswdFile passwd;
    passwd.set("");
    WatchRun run(with_clock(R"({"process": "vt-of-user", "user": "vt-late", "memory": 0.001})"),
                 {"--interval", "100ms"}, passwd.options());
    // The clock's rule is the first.
    const std::string missing =
        "user 'vt-late' does not exist on this machine: rule 2 selects no process until it does";
    EXPECT_TRUE(run.program().wait_for_error(missing));
    const MeasuredProcess first(run, "vt-of-user", [] { become(first_uid); });
    first.begin();
    const MeasuredProcess second(run, "vt-of-user", [] { become(second_uid); });
    second.begin();
    first.wait_for_body();
    second.wait_for_body();

    passwd.set(passwd_line("vt-late", first_uid));
    EXPECT_EQ(run.wait_for({first.pid(), "raised"}).text("user"), "vt-late");
    EXPECT_TRUE(run.program().wait_for_error("user 'vt-late' has uid 54321 now"));
    EXPECT_TRUE(run.all({second.pid()}).empty());
    passwd.set(passwd_line("vt-late", second_uid));
    run.wait_for({second.pid(), "raised"});
    EXPECT_FALSE(run.wait_for({first.pid(), "cleared"}).flag("exited"));

    passwd.set("");
    EXPECT_FALSE(run.wait_for({second.pid(), "cleared"}).flag("exited"));
    EXPECT_TRUE(wait_until(
        [&] {
            run.program().read_new();
            return count(run.program().errors(), missing) == 2;
        },
        "the second message"));
    run.wait_for_sweep();
    run.program().send(SIGHUP);
    EXPECT_TRUE(wait_until(
        [&] {
            run.program().read_new();
            return count(run.program().errors(), missing) == 3;
        },
        "the message after SIGHUP"));
    run.end();
}

// A limit that can't be held: the directory does not answer.
TEST(Users, ARuleWhoseUserIsNotKnownIsReported) {
    const PasswdFile passwd;
    passwd.make_fifo();
    WatchRun run(with_clock(R"({"process": "vt-of-user", "user": "vt-late", "memory": 0.001})"),
                 {"--interval", "100ms"}, passwd.options());
    EXPECT_TRUE(run.program().wait_for_error("user 'vt-late': the user directory"));
    run.wait_for_sweep();
    run.end();
}

}  // namespace
}  // namespace vigil::tests
