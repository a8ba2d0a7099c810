// SPDX-License-Identifier: Apache-2.0
#include "process/entry_details.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "process/process_table.h"
#include "support/processes.h"

namespace vigil::process {
namespace {

namespace fs = std::filesystem;

using namespace std::literals;
using test::Process;

constexpr uint32_t pid = test::no_such_pid;
// Not a cgroup of this machine.
constexpr uint64_t cgroup_id = 0xffff'ffff'0000'0007;

ProcessEntry entry_in(uint32_t number, uint64_t start_ns, uint64_t cgroup) {
    ProcessEntry result;
    result.process.pid = result.process.tid = number;
    result.process.start_ns = start_ns;
    result.process.cgroup_id = result.cgroup_id = cgroup;
    return result;
}

model::ExecImagePtr image(const std::string& file) {
    auto result = std::make_shared<model::ExecImage>();
    result->file = file;
    return result;
}

TEST(Inherit, AForkSharesTheImageOfItsParent) {
    EntryDetails details;
    ProcessEntry parent = entry_in(10, 1, cgroup_id);
    parent.image = std::make_shared<const model::ExecImage>();
    parent.cgroup = std::make_shared<const std::string>("/a");
    parent.cwd = std::make_shared<const std::string>("/tmp");
    parent.measured_ns = 5;
    parent.details_read = parent.cwd_read = true;
    ProcessEntry child = entry_in(11, 2, cgroup_id);
    details.inherit(child, &parent);
    EXPECT_EQ(child.image, parent.image) << "not even copied";
    EXPECT_EQ(child.cgroup, parent.cgroup);
    EXPECT_EQ(child.cwd, parent.cwd);
    EXPECT_EQ(child.measured_ns, 0U);
    EXPECT_FALSE(child.details_read) << "its own may differ";
    EXPECT_FALSE(child.cwd_read);
    EXPECT_TRUE(child.origin_known);
    EXPECT_EQ(child.process.pid, 11U);
    EXPECT_EQ(child.node, nullptr) << "nobody needs ancestry";
}

TEST(Inherit, AForkIntoAnotherCgroupHasNotItsParents) {
    EntryDetails details;
    ProcessEntry parent = entry_in(10, 1, cgroup_id);
    parent.image = std::make_shared<const model::ExecImage>();
    parent.cgroup = std::make_shared<const std::string>("/a");
    ProcessEntry child = entry_in(11, 2, cgroup_id + 1);
    details.inherit(child, &parent);
    EXPECT_EQ(child.image, parent.image);
    EXPECT_EQ(child.cgroup, nullptr);
}

TEST(Inherit, WhatASweepHasReadStaysAndTheParentIsLinked) {
    EntryDetails details;
    details.set_needs({.ancestry = true});
    ProcessEntry parent = entry_in(10, 1, cgroup_id);
    details.start(parent);
    details.set_image(parent, image("/old"));
    ProcessEntry child = entry_in(11, 2, cgroup_id);
    details.start(child);
    EXPECT_EQ(child.node->parent, nullptr);
    details.set_image(child, image("/new"));
    details.inherit(child, &parent);
    EXPECT_EQ(child.image->file, "/new");
    EXPECT_EQ(child.node->image, child.image);
    EXPECT_EQ(child.node->parent, parent.node);
}

TEST(SetImage, TheNodeOfBeforeStaysAsItWas) {
    EntryDetails details;
    details.set_needs({.ancestry = true});
    ProcessEntry entry = entry_in(10, 1, cgroup_id);
    details.start(entry);
    const NodePtr before = entry.node;
    const uint32_t version = entry.version;
    details.set_image(entry, image("/a"));
    EXPECT_NE(entry.version, version);
    EXPECT_EQ(before->image, nullptr);
    EXPECT_EQ(entry.node->image->file, "/a");
    ProcessEntry other = entry_in(11, 1, cgroup_id);
    details.start(other);
    details.set_image(other, image("/a"));
    EXPECT_EQ(other.image, entry.image) << "stored once";
}

TEST(UpdateCgroup, APathFromProcStaysUntilAnotherIsKnown) {
    EntryDetails details;
    ProcessEntry entry = entry_in(10, 1, 0);
    entry.cgroup = std::make_shared<const std::string>("/from/proc");
    const auto before = entry.cgroup;
    details.update_cgroup(entry, cgroup_id);
    EXPECT_EQ(entry.cgroup, before) << "the kernel reports no path";
    EXPECT_EQ(entry.cgroup_id, cgroup_id);
    details.update_cgroup(entry, cgroup_id + 1);
    EXPECT_EQ(entry.cgroup, nullptr) << "it has moved";
}

TEST(CgroupCache, APathIsStoredOnce) {
    CgroupCache cache;
    EXPECT_EQ(cache.path(0), nullptr);
    EXPECT_EQ(cache.path(1), nullptr) << "that of every process on version 1";
    EXPECT_EQ(cache.path(cgroup_id), nullptr);
    const auto stored = cache.store(cgroup_id, "/a");
    EXPECT_EQ(cache.path(cgroup_id), stored);
    EXPECT_EQ(cache.store(cgroup_id, "/a"), stored);
    EXPECT_EQ(*cache.store(1, "/b"), "/b");
    EXPECT_EQ(cache.size(), 1U);
}

TEST(ProcReader, TheBudgetIsForEachSecond) {
    ProcReader reader;
    uint64_t now_ns = 1'000'000'000'000;
    for (uint32_t i = 0; i < ProcReader::max_reads_per_second; i++) {
        EXPECT_TRUE(reader.acquire_proc_read(now_ns));
    }
    EXPECT_FALSE(reader.acquire_proc_read(now_ns));
    now_ns += 1'000'000'000;
    EXPECT_TRUE(reader.acquire_proc_read(now_ns));
    for (uint32_t i = 0; i < ProcReader::max_reads_per_second; i++) {
        reader.count_read(now_ns);
    }
    EXPECT_FALSE(reader.acquire_proc_read(now_ns)) << "sweeps use it up too";
}

ProcessEntry entry_of(uint32_t number, std::string_view comm = "") {
    ProcessEntry result;
    result.process.pid = number;
    comm.copy(result.process.comm.bytes.data(), 15);
    return result;
}

const std::string script_name = "a_script_with_a_long_name.sh";
constexpr std::string_view script_comm = "a_script_with_a";

using Names = std::vector<std::string>;

Names base_names(const model::ExecImage& image) {
    Names names;
    for (const std::string& program : image.programs) {
        names.emplace_back(model::base_name(program));
    }
    return names;
}

class Script : public ::testing::Test {
 protected:
    const test::TempDirectory directory_;
    const std::string path_ = directory_.write(script_name, "#!/bin/sh\necho\nread x\n", 0755);
    const Process child_{path_, {"any", "argument"}};
    const std::string shell_ = fs::canonical("/bin/sh");
    EntryDetails details;
};

TEST_F(Script, HasItsNameInFullAndThatOfItsInterpreter) {
    ASSERT_TRUE(child_.ready());
    ProcessEntry script = entry_of(child_.pid(), script_comm);
    details.read_from_proc(script, 1);
    ASSERT_TRUE(script.image);
    EXPECT_EQ(base_names(*script.image), Names{script_name});
    EXPECT_EQ(script.image->executable, fs::path(shell_).filename());
    EXPECT_EQ(script.image->file, shell_);
    EXPECT_EQ(script.image->argv, "/bin/sh\0"s + path_ + "\0argument\0"s);
    EXPECT_TRUE(script.details_read);
}

TEST_F(Script, WhatAnEventHasReportedStays) {
    ASSERT_TRUE(child_.ready());
    model::Exec exec;
    exec.file = path_;
    const std::string argv = "/bin/sh\0-e\0./"s + script_name + '\0';
    exec.argv = argv;
    ProcessEntry script = entry_of(child_.pid(), script_comm);
    script.image = model::make_exec_image(exec);
    const model::ExecImagePtr before = script.image;
    details.read_from_proc(script, 1);
    EXPECT_EQ(script.image->file, path_);
    EXPECT_EQ(script.image->argv, argv);
    EXPECT_EQ(script.image->executable, fs::path(shell_).filename());
    EXPECT_EQ(base_names(*script.image), Names{script_name});
    EXPECT_EQ(before->executable, "") << "that one may be shared";
}

TEST_F(Script, UnderAnotherNameItIsStillTheScript) {
    ASSERT_TRUE(child_.ready());
    for (const std::string_view comm : {"", "renamed", "a_script_with_b"}) {
        ProcessEntry script = entry_of(child_.pid(), comm);
        details.read_from_proc(script, 1);
        EXPECT_EQ(base_names(*script.image), Names{script_name}) << comm;
    }
}

// fexecve(3) passes a path that is another file for each process.
TEST_F(Script, ThroughADescriptorHasThePathOfItsFile) {
    const int descriptor = ::open(path_.c_str(), O_RDONLY);  // the child inherits it
    ASSERT_GE(descriptor, 0);
    const std::string passed = "/dev/fd/" + std::to_string(descriptor);
    const Process child("/bin/sh", {"sh", passed});
    ::close(descriptor);
    ASSERT_TRUE(child.ready());
    const std::string argv = "sh\0"s + passed + '\0';
    model::Exec exec;
    exec.file = passed;
    exec.executable = std::string_view(shell_).substr(shell_.rfind('/') + 1);
    exec.argv = argv;
    ProcessEntry script = entry_of(child.pid(), "3");
    script.image = model::make_exec_image(exec);
    details.read_place(script, 1);
    EXPECT_EQ(script.image->file, path_);
    EXPECT_EQ(script.image->programs, Names{path_});
    EXPECT_EQ(script.image->argv, argv);
}

TEST(ReadFromProc, AProgramThroughADescriptorHasItsPath) {
    const Process child("/bin/sh", {"sh", "-c", "echo; read x"});
    ASSERT_TRUE(child.ready());
    const std::string shell = fs::canonical("/bin/sh");
    const std::string name = fs::path(shell).filename();
    model::Exec exec;
    exec.file = "/proc/self/exe";
    exec.executable = name;
    exec.argv = "sh\0-c\0"sv;
    EntryDetails details;
    ProcessEntry program = entry_of(child.pid(), "sh");
    program.image = model::make_exec_image(exec);
    EXPECT_EQ(program.image->file, name);
    details.read_place(program, 1);
    EXPECT_EQ(program.image->file, shell);
}

TEST(ReadFromProc, AProgramIsNoScript) {
    EntryDetails details;
    const Process child("/bin/sh", {"sh", "-c", "echo; read x"});
    ASSERT_TRUE(child.ready());
    ProcessEntry program = entry_of(child.pid(), "sh");
    details.read_from_proc(program, 1);
    EXPECT_EQ(base_names(*program.image), Names{});
    EXPECT_EQ(program.image->argv, "sh\0-c\0echo; read x\0"s);
}

TEST(ReadFromProc, TheCgroupIsReplacedOnlyIfItIsAnother) {
    EntryDetails details;
    ProcessEntry self = entry_of(static_cast<uint32_t>(::getpid()));
    details.read_from_proc(self, 1);
    if (!self.cgroup) {
        GTEST_SKIP() << "neither cgroup v2 nor systemd";
    }
    std::string line;
    bool found = false;
    for (std::ifstream file("/proc/self/cgroup"); std::getline(file, line);) {
        found = found || line.ends_with(':' + *self.cgroup);
    }
    EXPECT_TRUE(found) << *self.cgroup;
    const auto before = self.cgroup;
    details.read_from_proc(self, 1);
    EXPECT_EQ(self.cgroup, before) << "the same object";
    self.cgroup = std::make_shared<const std::string>("/elsewhere");
    details.read_from_proc(self, 1);
    EXPECT_EQ(*self.cgroup, *before);
}

TEST(ReadFromProc, WhoIsGoneKeepsWhatWasKnown) {
    EntryDetails details;
    ProcessEntry gone = entry_of(pid, "x");
    details.read_from_proc(gone, 1);
    EXPECT_TRUE(gone.details_read);
    ASSERT_TRUE(gone.image);
    EXPECT_EQ(gone.image->argv, std::nullopt);
    EXPECT_EQ(gone.cgroup, nullptr);
    model::ExecImage image;
    image.file = "/opt/x";
    image.argv = "x"s;
    gone.image = std::make_shared<const model::ExecImage>(image);
    gone.cgroup = std::make_shared<const std::string>("/a");
    details.read_from_proc(gone, 1);
    EXPECT_EQ(gone.image->file, "/opt/x");
    EXPECT_EQ(gone.image->argv, "x");
    EXPECT_EQ(*gone.cgroup, "/a");
}

// Version 1: the process has moved, and no id says so.
TEST(EntryDetails, AMoveThatNoIdShowsIsReadAgain) {
    EntryDetails details;
    ProcessEntry entry = entry_in(static_cast<uint32_t>(::getpid()), 1, 1);
    const auto stale = std::make_shared<const std::string>("/before");
    entry.cgroup = stale;
    for (uint32_t i = 0; i < ProcReader::max_reads_per_second; i++) {
        details.read_cgroup_within_budget(entry, 1);
    }
    ASSERT_TRUE(entry.cgroup);
    EXPECT_EQ(*entry.cgroup, ProcReader::cgroups(entry.process.pid)->path);
    entry.cgroup = stale;
    details.read_cgroup_within_budget(entry, 1);
    EXPECT_EQ(entry.cgroup, stale) << "enough for this second";
}

}  // namespace
}  // namespace vigil::process
