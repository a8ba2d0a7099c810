// SPDX-License-Identifier: Apache-2.0
#include "pipeline/name_tracker.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "pipeline/filter.h"
#include "support/events.h"
#include "support/processes.h"

namespace vigil::pipeline {
namespace {

using namespace std::string_view_literals;

// Beyond all pids, so that /proc knows none of them.
constexpr uint32_t first_pid = 5'000'000;

class NameTrackerTest : public ::testing::Test {
 protected:
    static model::Process process(uint32_t pid, std::string_view comm) {
        model::Process process;
        process.pid = first_pid + pid;
        process.start_ns = pid * 1'000'000'001ULL;
        process.comm = test::comm(comm);
        return process;
    }
    static model::Event exec(uint32_t pid, std::string_view argv) {
        model::Exec exec;
        exec.file = "/bin/bash";
        exec.executable = "bash";
        exec.argv = argv;
        model::Event event = test::event(model::Kind::exec, exec);
        event.process = process(pid, "bash");
        return event;
    }
    static model::Event fork(uint32_t parent, uint32_t pid) {
        model::Event event = test::event(
            model::Kind::fork, model::Fork{.parent_start_ns = process(parent, "").start_ns});
        event.process = process(pid, "bash");
        event.process.ppid = first_pid + parent;
        return event;
    }
    static model::Event exit(uint32_t pid) {
        model::Event event = test::exit_event();
        event.process = process(pid, "bash");
        return event;
    }
    bool matches(uint32_t pid, std::string_view comm = "bash") {
        const model::Process asked = process(pid, comm);
        return names_.matches(asked.pid, asked.start_ns, asked.comm);
    }

    // No more lookups in the second of test::event().
    static void use_budget_up(NameTracker& names) {
        names.apply(exit(1));
        for (uint32_t i = 1; i <= NameTracker::max_lookups_per_second; i++) {
            const model::Process unknown = process(1'000 + i, "bash");
            EXPECT_FALSE(names.matches(unknown.pid, unknown.start_ns, unknown.comm));
        }
        EXPECT_EQ(names.refused_lookups(), 0U);
    }

    NameTracker names_{"nightly.*"};
};

TEST_F(NameTrackerTest, CountsWhatItCouldNotLookUp) {
    use_budget_up(names_);
    EXPECT_FALSE(matches(1));
    EXPECT_FALSE(matches(2));
    EXPECT_TRUE(matches(3, "nightly.x")) << "its comm decides";
    EXPECT_EQ(names_.refused_lookups(), 2U);
}

// Only /proc has the name of what was executed through a descriptor.
TEST_F(NameTrackerTest, LooksUpLaterWhatItCouldNotAtTheExec) {
    const test::TempDirectory directory;
    const std::string path = directory.write("nightly.sh", "echo; read x\n");
    const test::Process child("/bin/sh", {"sh", path});
    ASSERT_TRUE(child.ready());
    const auto stat = process::ProcReader::stat(child.pid());
    ASSERT_TRUE(stat);
    use_budget_up(names_);
    model::Event event = exec(1, "sh\0"sv);
    std::get<model::Exec>(event.body).file = "/proc/self/fd/3";
    std::get<model::Exec>(event.body).executable = "";
    event.process.pid = child.pid();
    event.process.start_ns = stat->start_ns;
    names_.apply(event);
    const auto child_matches = [&] {
        return names_.matches(child.pid(), stat->start_ns, test::comm("sh"));
    };
    EXPECT_FALSE(child_matches());
    EXPECT_EQ(names_.refused_lookups(), 1U);
    model::Event later = exit(2);
    later.boot_ns += 1'000'000'000;
    names_.apply(later);
    EXPECT_TRUE(child_matches());
    EXPECT_EQ(names_.refused_lookups(), 1U);
}

TEST_F(NameTrackerTest, AnExecGivesNamesAndAForkInheritsThem) {
    names_.apply(exec(1, "bash\0./nightly.sh\0"sv));
    EXPECT_TRUE(matches(1));
    names_.apply(fork(1, 2));
    EXPECT_TRUE(matches(2));
    names_.apply(exec(2, "bash\0./other.sh\0"sv));
    EXPECT_FALSE(matches(2));
    EXPECT_TRUE(matches(2, "nightly.x")) << "its comm";
    names_.apply(fork(2, 3));
    EXPECT_FALSE(matches(3));
}

TEST_F(NameTrackerTest, ForgetsProcessesThatHaveExited) {
    names_.apply(exec(1, "bash\0./nightly.sh\0"sv));
    names_.apply(exit(1));
    EXPECT_TRUE(matches(1)) << "its exit is still to be filtered";
    names_.forget(exit(1));
    EXPECT_FALSE(matches(1));
    EXPECT_EQ(names_.size(), 0U);
}

TEST_F(NameTrackerTest, APidMayBeUsedAgain) {
    names_.apply(exec(1, "bash\0./nightly.sh\0"sv));
    const model::Process same = process(1, "bash");
    EXPECT_FALSE(names_.matches(same.pid, same.start_ns + 1'000'000'000, same.comm));
    model::Event stranger = fork(1, 2);
    std::get<model::Fork>(stranger.body).parent_start_ns += 1'000'000'000;
    names_.apply(stranger);
    EXPECT_FALSE(matches(2)) << "not a child of the process that is known";
}

TEST_F(NameTrackerTest, AThreadIsNoProcess) {
    names_.apply(exec(1, "bash\0./nightly.sh\0"sv));
    model::Event thread = exit(1);
    std::get<model::Exit>(thread.body).thread = true;
    names_.forget(thread);
    EXPECT_TRUE(matches(1));
}

TEST(NameTracker, ReadsProcessesThatRunAlready) {
    const test::TempDirectory directory;
    const std::string path = directory.write("a_script_that_waits.sh", "echo; read x\n");
    const test::Process child("/bin/sh", {"sh", path});
    ASSERT_TRUE(child.ready());
    const auto stat = process::ProcReader::stat(child.pid());
    ASSERT_TRUE(stat);
    for (const bool at_start : {true, false}) {
        for (const std::string& pattern : {std::string("a_script_*"), path}) {
            NameTracker names(pattern);
            if (at_start) {
                names.load_all();
                EXPECT_GT(names.size(), 1U);
            }
            EXPECT_TRUE(names.matches(child.pid(), stat->start_ns, test::comm("sh"))) << pattern;
            EXPECT_FALSE(names.matches(static_cast<uint32_t>(::getpid()), 1, test::comm("x")));
        }
    }
}

TEST(NameTracker, CommsAloneAreComparedToFifteenBytes) {
    const model::Comm cut = test::comm("fifteen-bytes-1");
    EXPECT_TRUE(NameTracker::matches_comm("fifteen-bytes-1 and more", cut));
    EXPECT_TRUE(NameTracker::matches_comm("fifteen*", cut));
    EXPECT_FALSE(NameTracker::matches_comm("fifteen-bytes-1 and mor*", cut));
    EXPECT_FALSE(NameTracker::matches_comm("fifteen-bytes-2", cut));
    EXPECT_FALSE(NameTracker::matches_comm("*", model::Comm{}));
}

TEST(NameTracker, TheFilterUsesIt) {
    Filter filter;
    filter.name = "myap?";
    const model::Event fork = test::fork_event();
    EXPECT_TRUE(passes(filter, fork));
    filter.name = "ls";
    EXPECT_FALSE(passes(filter, fork));
    NameTracker names("ls");
    names.apply(test::exec_event());
    model::Event exit = test::exit_event();
    EXPECT_TRUE(passes(filter, exit, &names)) << "it ran /bin/ls";
}

}  // namespace
}  // namespace vigil::pipeline
