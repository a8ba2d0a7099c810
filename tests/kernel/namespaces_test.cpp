// SPDX-License-Identifier: Apache-2.0
// In a PID namespace the kernel's pids are not those of /proc; in a time namespace its clock is
// another one.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "harness.h"
#include "processes.h"

namespace vigil::tests {
namespace {

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

// `vigil ARGUMENTS...` as the second process of a PID namespace of its own; /proc is the host's.
struct Contained {
    int exit_code = -1;
    std::string output;
    std::string errors;
};
Contained run_contained(const Strings& arguments) {
    Contained result;
    Program vigil(arguments, {.before_exec = [] {
                      if (::unshare(CLONE_NEWPID) != 0) {
                          ::_exit(125);
                      }
                      const pid_t child = ::fork();
                      if (child != 0) {
                          ::_exit(wait_for(child).code());
                      }
                      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
                  }});
    result.exit_code = vigil.wait();
    result.output = vigil.output();
    result.errors = vigil.errors();
    return result;
}

TEST(PidNamespace, CommandsAndPidsAreRefused) {
    for (const Strings& arguments :
         {Strings{"trace", "--", "true"}, Strings{"trace", "-p", "1"},
          Strings{"trace", "--sender", "1"}, Strings{"trace", "--target", "1"},
          Strings{"trace", "--tree", "1"}, Strings{"pin", "-p", "1"}, Strings{"pin", "--tree", "1"},
          Strings{"record", "--state", "/tmp/vigil-none"}}) {
        const Contained vigil = run_contained(arguments);
        EXPECT_EQ(vigil.exit_code, 3) << vigil.errors;
        EXPECT_NE(vigil.errors.find("PID namespace"), std::string::npos) << vigil.errors;
        EXPECT_NE(vigil.errors.find("--pid=host"), std::string::npos) << vigil.errors;
        EXPECT_EQ(vigil.output, "");
    }
    ::rmdir("/tmp/vigil-none");
}

TEST(PidNamespace, WithoutAPidItTraces) {
    const Contained vigil = run_contained({"trace", "-d", "1ms"});
    EXPECT_EQ(vigil.exit_code, 0) << vigil.errors;
}

TEST(PidNamespace, WhyNamesWhosePidsTheyAre) {
    const TempDirectory state;
    EXPECT_NE(run_contained({"why", "2", "--state", state.path()}).errors.find("initial PID"),
              std::string::npos);
    Program here({"why", "2", "--state", state.path()});
    EXPECT_EQ(here.wait(), 1);
    EXPECT_NE(here.errors().find("those of the host"), std::string::npos) << here.errors();
}

void enter_time_namespace() {
    if (::unshare(CLONE_NEWTIME) != 0) {
        ::_exit(125);
    }
    const int offsets = ::open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
    const std::string text = "boottime 97200 300\nmonotonic 97200 0\n";
    const int space = ::open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
    if (::write(offsets, text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        ::setns(space, CLONE_NEWTIME) != 0) {
        ::_exit(125);
    }
}

TEST(TimeNamespace, TimesAndProcessesAreTheKernels) {
    if (::access("/proc/self/timens_offsets", F_OK) != 0) {
        GTEST_SKIP() << "no time namespaces";
    }
    const pid_t pid = start_sleeper();
    TraceRun run({"-p", std::to_string(pid)}, {.before_exec = enter_time_namespace});
    const std::string before = utc_now();
    kill_and_wait(pid, SIGKILL);
    const std::string after = utc_now();
    const Trace trace = run.wait();
    EXPECT_EQ(trace.exit_code, 0) << trace.errors;
    const Event exit = trace.only("exit", pid);
    EXPECT_GE(exit.text("time"), before);
    EXPECT_LE(exit.text("time"), after);
    trace.only_signal(pid, SIGKILL);
}

}  // namespace
}  // namespace vigil::tests
