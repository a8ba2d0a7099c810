// SPDX-License-Identifier: Apache-2.0
#include "model/exec_image.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

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

std::string script_of(std::string_view executable, std::string_view argv) {
    Exec exec;
    exec.file = "/usr/bin/any";
    exec.executable = executable;
    exec.argv = argv;
    return make_exec_image(exec)->script;
}

TEST(ScriptOfArguments, IsTheFirstNonOption) {
    EXPECT_EQ(script_of("python3.11", "python3\0/opt/backup.py\0x\0"sv), "backup.py");
    EXPECT_EQ(script_of("python3.11", "python3\0-u\0backup.py\0"sv), "backup.py");
    EXPECT_EQ(script_of("perl", "perl\0-w\0./a.pl"sv), "a.pl")
        << "the last argument may be truncated";
    EXPECT_EQ(script_of("dash", "sh\0-e\0./run\0"sv), "run");
}

TEST(ScriptOfArguments, IsEmptyIfTheProgramIsAnArgument) {
    EXPECT_EQ(script_of("python3.11", "python3\0-m\0http.server\0"sv), "");
    EXPECT_EQ(script_of("perl", "perl\0-e\0print 1\0"sv), "");
    EXPECT_EQ(script_of("bash", "bash\0-ec\0ls\0"sv), "");
    EXPECT_EQ(script_of("bash", "bash\0"sv), "");
    EXPECT_EQ(script_of("cat", "cat\0category.txt\0"sv), "") << "not an interpreter";
    EXPECT_EQ(script_of("", "x\0y\0"sv), "");
}

}  // namespace
}  // namespace vigil::model
