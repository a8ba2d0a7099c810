// SPDX-License-Identifier: Apache-2.0
#include "host/process_lookup.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <future>
#include <thread>

#include "host/procfs.h"

namespace vigil::host {
namespace {

FoundProcess find(pid_t pid) {
    auto found = find_process(static_cast<uint32_t>(pid));
    EXPECT_TRUE(found) << found.error().context;
    return found ? std::move(*found) : FoundProcess{};
}

TEST(FindProcess, FromRunningToNobody) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::pause();
        ::_exit(0);
    }
    const FoundProcess living = find(pid);
    EXPECT_EQ(living.use, PidUse::process);
    EXPECT_EQ(living.pid, static_cast<uint32_t>(pid));
    EXPECT_EQ(living.start_ns, read_stat(living.pid)->start_ns);
    EXPECT_FALSE(has_ended(living.pidfd));
    ::kill(pid, SIGKILL);
    pollfd ended{living.pidfd.get(), POLLIN, 0};
    ASSERT_EQ(::poll(&ended, 1, 60'000), 1);
    EXPECT_TRUE(has_ended(living.pidfd));
    EXPECT_EQ(find(pid).use, PidUse::zombie);
    ::waitpid(pid, nullptr, 0);
    EXPECT_EQ(find(pid).use, PidUse::none);
    EXPECT_TRUE(has_ended(living.pidfd)) << "also once it was waited for";
}

TEST(FindProcess, ThreadNamesItsProcess) {
    std::promise<pid_t> started;
    std::promise<void> end;
    std::thread thread([&] {
        started.set_value(static_cast<pid_t>(::syscall(SYS_gettid)));
        end.get_future().wait();
    });
    const FoundProcess found = find(started.get_future().get());
    end.set_value();
    thread.join();
    EXPECT_EQ(found.use, PidUse::thread);
    EXPECT_EQ(found.pid, static_cast<uint32_t>(::getpid()));
    EXPECT_EQ(found.comm, read_stat(found.pid)->comm);
}

TEST(FindProcess, NoSuchPid) {
    EXPECT_EQ(find(1 << 22).use, PidUse::none);
    EXPECT_FALSE(has_ended({}));
}

}  // namespace
}  // namespace vigil::host
