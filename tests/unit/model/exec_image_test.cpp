// SPDX-License-Identifier: Apache-2.0
#include "model/exec_image.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace vigil::model {
namespace {

using namespace std::string_view_literals;

TEST(ImageOf, AnExec) {
    Exec exec;
    exec.file = "/opt/tool";
    EXPECT_EQ(make_exec_image(exec)->file, "/opt/tool");
    EXPECT_EQ(make_exec_image(exec)->argv, std::nullopt);
    EXPECT_EQ(make_exec_image(exec)->executable, "") << "may be a script's interpreter";
    exec.argv = "";
    EXPECT_EQ(make_exec_image(exec)->argv, "");
    const std::string large(5000, 'a');
    exec.argv = large;
    EXPECT_EQ(make_exec_image(exec)->argv, large.substr(0, 1024));
}

Exec exec_of(std::string_view file, std::string_view executable, std::string_view argv) {
    Exec exec;
    exec.file = file;
    exec.executable = executable;
    exec.argv = argv;
    return exec;
}

using Programs = std::vector<std::string>;

TEST(ImageOf, AnExecThroughADescriptor) {
    const auto program = make_exec_image(exec_of("/dev/fd/3", "sleep", "sleep\0001\0"sv));
    EXPECT_EQ(program->file, "sleep") << "the path means nothing to others";
    EXPECT_TRUE(program->needs_proc());
    EXPECT_EQ(make_exec_image(exec_of("/proc/self/exe", "runc", "runc\0init\0"sv))->file, "runc");
    EXPECT_EQ(make_exec_image(exec_of("/dev/fd/4/run", "run", "x\0"sv))->file, "run");
    const auto script = make_exec_image(exec_of("/dev/fd/3", "dash", "sh\0/dev/fd/3\0"sv));
    EXPECT_EQ(script->file, "/dev/fd/3") << "only /proc knows the script";
    EXPECT_EQ(script->programs, Programs{"/dev/fd/3"});
    EXPECT_TRUE(script->needs_proc());
    EXPECT_FALSE(make_exec_image(exec_of("/bin/x", "x", "x\0"sv))->needs_proc());
}

TEST(IsIndirect, PathsThatMeanAnotherFileForEachProcess) {
    for (const char* path : {"/dev/fd/3", "/dev/stdin", "/proc/self/fd/12", "/proc/77/fd/3/a/b",
                             "/proc/self/exe", "/proc/1/exe"}) {
        EXPECT_TRUE(is_indirect(path)) << path;
    }
    for (const char* path : {"/dev/fd/x", "/dev/fd/", "/opt/fd/3", "/proc/version", "exe", ""}) {
        EXPECT_FALSE(is_indirect(path)) << path;
    }
    EXPECT_EQ(descriptor_of("/proc/77/fd/3/a/b"), "3/a/b");
}

TEST(FindPrograms, AddsTheArgumentThatTheKernelCutToComm) {
    EXPECT_EQ(find_programs("backup-of-every", "unknown", "unknown\0./backup-of-everything\0"sv),
              Programs{"./backup-of-everything"});
    EXPECT_EQ(find_programs("backup", "unknown", "unknown\0./backup-of-everything\0"sv), Programs{})
        << "this comm was not cut";
    EXPECT_EQ(find_programs("backup-of-every", "sh", "sh\0./backup-of-everything\0"sv),
              Programs{"./backup-of-everything"})
        << "once";
}

}  // namespace
}  // namespace vigil::model
