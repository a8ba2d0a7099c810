// SPDX-License-Identifier: Apache-2.0
// If it can't work it reports what is missing and how to get it, with the right exit code.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

#include "harness.h"
#include "mount_ns.h"
#include "processes.h"

namespace vigil::tests {
namespace {

void expect_refused(Program& vigil, int code, const Strings& words) {
    EXPECT_EQ(vigil.wait(), code) << vigil.errors();
    EXPECT_EQ(vigil.output(), "");
    for (const std::string& word : words) {
        EXPECT_NE(vigil.errors().find(word), std::string::npos)
            << "no '" << word << "' in: " << vigil.errors();
    }
    EXPECT_EQ(vigil.errors().find("libbpf:"), std::string::npos) << vigil.errors();
}

void drop_to_nobody() {
    if (::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0) {
        ::_exit(125);
    }
}

TEST(Refusals, OrdinaryUserLearnsWhatIsMissing) {
    for (const Strings& command : {Strings{"trace"}, Strings{"trace", "-o", "json", "-e", "exit"},
                                   Strings{"trace", "--", "true"}, Strings{"pin"}}) {
        Program vigil(command, {.before_exec = drop_to_nobody});
        expect_refused(vigil, 3, {"CAP_BPF", "sudo"});
    }
}

TEST(Refusals, OrdinaryUserAtThePins) {
    Program reader({"trace", "--pinned"}, {.before_exec = drop_to_nobody});
    expect_refused(reader, 3, {"sudo"});
    Program unpin({"unpin"}, {.before_exec = drop_to_nobody});
    expect_refused(unpin, 3, {"sudo"});
}

TEST(Refusals, RootWithoutTheCapabilities) {
    Program vigil({"trace"}, {.before_exec = [] {
                      for (const unsigned long capability : {21UL, 38UL}) {  // SYS_ADMIN, PERFMON
                          ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
                      }
                  }});
    expect_refused(vigil, 3, {"CAP_PERFMON", "sudo"});
}

TEST(Refusals, KernelWithoutTypes) {
    if (!has_own_mount_ns()) {
        GTEST_SKIP() << "no mount namespace to hide them in";
    }
    Program vigil({"trace"}, {.before_exec = [] { hide("/sys/kernel/btf"); }});
    expect_refused(vigil, 3, {"/sys/kernel/btf/vmlinux", "CONFIG_DEBUG_INFO_BTF"});
}

TEST(Refusals, WithoutTracefsOnlyFailedKillsAreMissing) {
    if (!has_own_mount_ns()) {
        GTEST_SKIP() << "no mount namespace to hide it in";
    }
    const auto without = [] {
        hide("/sys/kernel/tracing");
        hide("/sys/kernel/debug");
    };
    Program refused({"trace", "--failed"}, {.before_exec = without});
    expect_refused(refused, 3, {"tracefs", "mount"});

    TraceRun run({}, {.before_exec = without});
    const pid_t pid = start([] {
        exec_self({"exit", "2"});
        return 0;
    });
    wait_for(pid);
    const Trace trace = run.end();
    trace.only("fork", pid);
    trace.only("exec", pid);
    EXPECT_EQ(trace.only("exit", pid).number("exit_code"), 2);
}

TEST(Refusals, WrongUsage) {
    for (const auto& [arguments, words] : std::vector<std::pair<Strings, Strings>>{
             {{"trace", "-e", "forks"}, {"fork", "exec"}},
             {{"trace", "-s", "SIGKIL"}, {"SIGKILL"}},
             {{"trace", "-o", "xml"}, {"json"}},
             {{"trace", "-p", "0"}, {"-p"}},
             {{"trace", "--ring-size", "3"}, {"--ring-size"}},
             {{"trace", "--ring-size", "3M"}, {"2M", "4M"}},
             {{"trace", "-d", "soon"}, {"-d"}},
             {{"trace", "-n", "-1"}, {"-n"}},
             {{"trace", "-u", "no-such-user"}, {"no-such-user"}},
             {{"trace", "--cgroup", "no/such/group"}, {"no/such/group"}},
             {{"trace", "--unknown"}, {"--unknown"}},
             {{"trace", "--"}, {"command"}},
             {{"trice"}, {"trice", "trace"}}}) {
        Program vigil(arguments);
        expect_refused(vigil, 2, words);
    }
}

// Every limit below what a run needs, so that another step of the start fails each time.
TEST(Refusals, TooFewDescriptors) {
    bool refused = false;
    for (rlim_t limit = 8; limit < 64; limit += 4) {
        Program vigil({"trace", "-d", "1ms"}, {.before_exec = [limit] {
                          const rlimit files{limit, limit};
                          ::setrlimit(RLIMIT_NOFILE, &files);
                      }});
        const int code = vigil.wait();
        if (code != 0) {
            refused = true;
            EXPECT_EQ(code, 3) << limit << ": " << vigil.errors();
            EXPECT_NE(vigil.errors().find("ulimit -n"), std::string::npos)
                << limit << ": " << vigil.errors();
        }
    }
    EXPECT_TRUE(refused);
}

TEST(Refusals, TooLittleMemoryInTheCgroup) {
    const auto cgroup = small_cgroup("128M");
    if (!cgroup) {
        GTEST_SKIP() << "no cgroup with a memory limit";
    }
    Program vigil({"trace", "-d", "1ms", "--ring-size", "512M"},
                  {.before_exec = [&] { cgroup->enter(); }});
    expect_refused(vigil, 3, {"memory limit", "--ring-size"});
}

TEST(Refusals, TreeOfNobody) {
    const pid_t gone = start([] { return 0; });
    wait_for(gone);
    Program vigil({"trace", "--tree", std::to_string(gone)});
    expect_refused(vigil, 2, {std::to_string(gone)});
}

}  // namespace
}  // namespace vigil::tests
