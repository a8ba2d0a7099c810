// SPDX-License-Identifier: Apache-2.0
// The names that rules match, for long-lived and short-lived processes.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "watch.h"

namespace vigil::tests {
namespace {

namespace fs = std::filesystem;

std::string base_name(const std::string& path) { return fs::path(path).filename(); }

std::string rule(const std::string& name) {
    return R"({"process": ")" + name + R"(", "cpu": 0.001, "memory": 0.001, "cooldown": "1ms"})";
}

std::string own_rule() { return rule(base_name(self_path())); }

// A copy of a program under a name that is longer than comm.
std::string copy_of(const std::string& program, const TempDirectory& directory,
                    const std::string& name) {
    std::string path = directory.path() + "/" + name;
    fs::copy_file(fs::canonical(program), path);
    ::chmod(path.c_str(), 0755);
    return path;
}

std::string script(const TempDirectory& directory, const std::string& name,
                   const std::string& body) {
    std::string path = directory.path() + "/" + name;
    std::ofstream(path) << "#!/bin/sh\n" << body << "\n";
    ::chmod(path.c_str(), 0755);
    return path;
}

// With argv[0] `true` for busybox, which contains many programs.
pid_t start_program(const std::string& path) {
    return start([&] {
        exec(path, {"true"});
        return 0;
    });
}

// Reported while running, or at the exit, under each of these names. By any metric: after a larger
// program an exec has no peak of its own on some kernels.
void expect_found(WatchRun& run, pid_t pid, const Strings& names) {
    for (const std::string& name : names) {
        const Event event = run.wait_for({pid, "raised", "", name});
        EXPECT_EQ(event.text("rule"), name);
    }
}

TEST(WatchNames, ForkThatRunsWhatItsParentRuns) {
    WatchRun& run = shared_watch(own_rule());
    run.wait_for({::getpid(), "raised", "memory"});
    const pid_t pid = start([] {
        set_own_name("vt-fork");
        return 0;
    });
    wait_for(pid);
    expect_found(run, pid, {base_name(self_path())});
}

TEST(WatchNames, LongNameOfAProgram) {
    const std::string name = "a-program-with-a-long-name";
    WatchRun& run =
        shared_watch(rule(name) + "," + rule("a-program-with-") + "," + rule("*-long-name"));
    const TempDirectory directory;
    const std::string path = copy_of("/bin/true", directory, name);
    for (int i = 0; i < 3; i++) {
        const pid_t pid = start_program(path);
        wait_for(pid);
        expect_found(run, pid, {name, "a-program-with-", "*-long-name"});
    }
}

TEST(WatchNames, ScriptThatGoesOn) {
    const std::string name = "a-script-with-a-long-name.sh";
    const std::string shell = base_name(fs::canonical("/bin/sh"));
    WatchRun& run = shared_watch(rule(name) + "," + rule("a-script-with-a") + "," + rule(shell));
    const TempDirectory directory;
    const std::string pipe = directory.path() + "/pipe";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    const pid_t pid = start_program(script(directory, name, "read line <" + pipe));
    expect_found(run, pid, {name, "a-script-with-a", shell});
    EXPECT_EQ(::kill(pid, 0), 0);
    std::ofstream(pipe) << "\n";
    EXPECT_EQ(wait_for(pid).code(), 0);
}

TEST(WatchNames, ScriptThatEndsAtOnce) {
    const std::string name = "a-script-with-a-long-name.sh";
    const std::string shell = base_name(fs::canonical("/bin/sh"));
    WatchRun& run = shared_watch(rule(name) + "," + rule("a-script-with-a") + "," + rule(shell));
    const TempDirectory directory;
    const std::string path = script(directory, name, "exit 0");
    for (int i = 0; i < 3; i++) {
        const pid_t pid = start_program(path);
        wait_for(pid);
        expect_found(run, pid, {name, "a-script-with-a", shell});
    }
}

}  // namespace
}  // namespace vigil::tests
