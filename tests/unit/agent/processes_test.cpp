// SPDX-License-Identifier: Apache-2.0
#include "agent/processes.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "support/processes.h"

namespace vigil::agent {
namespace {

namespace fs = std::filesystem;

using namespace std::literals;
using test::Process;

constexpr uint32_t pid = test::no_such_pid;

model::Process process(uint32_t number, uint64_t start_ns, uint64_t cgroup_id = 7) {
    model::Process made;
    made.pid = made.tid = number;
    made.start_ns = start_ns;
    made.cgroup_id = cgroup_id;
    return made;
}

TEST(Processes, APidIsFoundAndAProcessOnlyByItsStartToo) {
    Processes all;
    EXPECT_EQ(all.find(10), nullptr);
    all.add(process(10, 25'000'001), nullptr);
    ASSERT_NE(all.find(10), nullptr);
    EXPECT_EQ(all.find(10, 25'000'001), all.find(10));
    EXPECT_EQ(all.find(10, 20'000'000), all.find(10)) << "as /proc tells its start";
    EXPECT_EQ(all.find(10, 25'000'002), nullptr);
    EXPECT_EQ(all.find(11), nullptr);
    EXPECT_EQ(all.find(11, 25'000'001), nullptr);
}

TEST(Processes, ANewOneTakesThePid) {
    Processes all;
    all.add(process(10, 1), nullptr).measured_ns = 5;
    const Known& fresh = all.add(process(10, 2), nullptr);
    EXPECT_EQ(all.size(), 1U);
    EXPECT_EQ(all.find(10), &fresh);
    EXPECT_EQ(fresh.measured_ns, 0U);
    EXPECT_EQ(all.find(10, 1), nullptr);
    all.remove(10);
    EXPECT_EQ(all.find(10), nullptr);
    all.remove(10);
    EXPECT_EQ(all.size(), 0U);
}

TEST(Processes, AForkSharesTheImageOfItsParent) {
    Processes all;
    Known& parent = all.add(process(10, 1), nullptr);
    parent.subject.image = std::make_shared<const model::Image>();
    parent.subject.cgroup = std::make_shared<const std::string>("/a");
    parent.measured_ns = 5;
    parent.details_read = true;
    const Known copy = parent;  // the next addition may move it
    const Known& child = all.add(process(11, 2), &copy);
    EXPECT_EQ(child.subject.image, copy.subject.image) << "not even copied";
    EXPECT_EQ(child.subject.cgroup, copy.subject.cgroup);
    EXPECT_EQ(child.measured_ns, 0U);
    EXPECT_FALSE(child.details_read) << "its own may differ";
    EXPECT_EQ(child.subject.process.pid, 11U);
}

TEST(Processes, AForkIntoAnotherCgroupHasNotItsParents) {
    Processes all;
    Known parent;
    parent.subject.process = process(10, 1, 7);
    parent.subject.image = std::make_shared<const model::Image>();
    parent.subject.cgroup = std::make_shared<const std::string>("/a");
    const Known& child = all.add(process(11, 2, 8), &parent);
    EXPECT_EQ(child.subject.image, parent.subject.image);
    EXPECT_EQ(child.subject.cgroup, nullptr);
}

TEST(Processes, AllCanBeVisited) {
    Processes all;
    for (uint32_t number = 1; number <= 100; number++) {
        all.add(process(number, number), nullptr);
    }
    std::set<uint32_t> seen;
    for (auto it = all.begin(); it != all.end();) {
        seen.insert(it->first);
        it = it->first % 2 == 0 ? all.erase(it) : std::next(it);
    }
    EXPECT_EQ(seen.size(), 100U);
    EXPECT_EQ(all.size(), 50U);
}

Known known(uint32_t number, std::string_view comm = "") {
    Known made;
    made.subject.process.pid = number;
    comm.copy(made.subject.process.comm.bytes.data(), 15);
    return made;
}

const std::string script_name = "a_script_with_a_long_name.sh";
constexpr std::string_view script_comm = "a_script_with_a";

class Script : public ::testing::Test {
 protected:
    const test::Folder folder_;
    const std::string path_ = folder_.write(script_name, "#!/bin/sh\necho\nread x\n", 0755);
    const Process child_{path_, {"any", "argument"}};
    const std::string shell_ = fs::canonical("/bin/sh");
};

TEST_F(Script, HasItsNameInFullAndThatOfItsInterpreter) {
    ASSERT_TRUE(child_.ready());
    Known script = known(child_.pid(), script_comm);
    read_details(script);
    ASSERT_TRUE(script.subject.image);
    EXPECT_EQ(script.subject.image->script, script_name);
    EXPECT_EQ(script.subject.image->executable, fs::path(shell_).filename());
    EXPECT_EQ(script.subject.image->file, shell_);
    EXPECT_EQ(script.subject.image->argv, "/bin/sh\0"s + path_ + "\0argument\0"s);
    EXPECT_TRUE(script.details_read);
}

TEST_F(Script, WhatAnEventHasToldStays) {
    ASSERT_TRUE(child_.ready());
    model::Exec exec;
    exec.file = path_;
    const std::string argv = "/bin/sh\0-e\0./"s + script_name + '\0';
    exec.argv = argv;
    Known script = known(child_.pid(), script_comm);
    script.subject.image = model::image_of(exec);
    const model::ImagePtr before = script.subject.image;
    read_details(script);
    EXPECT_EQ(script.subject.image->file, path_);
    EXPECT_EQ(script.subject.image->argv, argv);
    EXPECT_EQ(script.subject.image->executable, fs::path(shell_).filename());
    EXPECT_EQ(script.subject.image->script, script_name);
    EXPECT_EQ(before->executable, "") << "that one may be shared";
}

TEST_F(Script, UnderAnotherNameItIsStillTheScript) {
    ASSERT_TRUE(child_.ready());
    for (const std::string_view comm : {"", "renamed", "a_script_with_b"}) {
        Known script = known(child_.pid(), comm);
        read_details(script);
        EXPECT_EQ(script.subject.image->script, script_name) << comm;
    }
}

TEST(ReadDetails, AProgramIsNoScript) {
    const Process child("/bin/sh", {"sh", "-c", "echo; read x"});
    ASSERT_TRUE(child.ready());
    Known program = known(child.pid(), "sh");
    read_details(program);
    EXPECT_EQ(program.subject.image->script, "");
    EXPECT_EQ(program.subject.image->argv, "sh\0-c\0echo; read x\0"s);
}

TEST(ReadDetails, TheCgroupIsReplacedOnlyIfItIsAnother) {
    Known self = known(static_cast<uint32_t>(::getpid()));
    read_details(self);
    if (!self.subject.cgroup) {
        GTEST_SKIP() << "neither cgroup v2 nor systemd";
    }
    std::string line;
    bool found = false;
    for (std::ifstream file("/proc/self/cgroup"); std::getline(file, line);) {
        found = found || line.ends_with(':' + *self.subject.cgroup);
    }
    EXPECT_TRUE(found) << *self.subject.cgroup;
    const auto before = self.subject.cgroup;
    read_details(self);
    EXPECT_EQ(self.subject.cgroup, before) << "the same object";
    self.subject.cgroup = std::make_shared<const std::string>("/elsewhere");
    read_details(self);
    EXPECT_EQ(*self.subject.cgroup, *before);
}

TEST(ReadDetails, WhoIsGoneKeepsWhatWasKnown) {
    Known gone = known(pid, "x");
    read_details(gone);
    EXPECT_TRUE(gone.details_read);
    ASSERT_TRUE(gone.subject.image);
    EXPECT_EQ(gone.subject.image->argv, std::nullopt);
    EXPECT_EQ(gone.subject.cgroup, nullptr);
    model::Image told;
    told.file = "/opt/x";
    told.argv = "x"s;
    gone.subject.image = std::make_shared<const model::Image>(told);
    gone.subject.cgroup = std::make_shared<const std::string>("/a");
    read_details(gone);
    EXPECT_EQ(gone.subject.image->file, "/opt/x");
    EXPECT_EQ(gone.subject.image->argv, "x");
    EXPECT_EQ(*gone.subject.cgroup, "/a");
}

}  // namespace
}  // namespace vigil::agent
