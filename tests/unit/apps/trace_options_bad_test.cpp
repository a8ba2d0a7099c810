// SPDX-License-Identifier: Apache-2.0
// Every option where it is wrong: exit code 2, and a line that says what was expected.
#include <gtest/gtest.h>

#include "apps/parse.h"

namespace vigil::apps {
namespace {

struct Case {
    Arguments arguments;
    const char* said;
};

TEST(TraceOptionsBad, EachSaysWhatItExpects) {
    const Case cases[] = {
        {{"-e", "forks"}, "vigil: -e 'forks': expected fork, exec, exit, signal or oom\n"},
        {{"-e", "fork,Exec"}, "vigil: -e 'Exec': expected fork, exec, exit, signal or oom\n"},
        {{"-e", "loss"}, "vigil: -e 'loss': expected fork, exec, exit, signal or oom\n"},
        {{"-p", "0"}, "vigil: -p '0': expected a whole number from 1 to 4194304\n"},
        {{"-p", "4194305"}, "vigil: -p '4194305': expected a whole number from 1 to 4194304\n"},
        {{"-p", "bash"}, "vigil: -p 'bash': expected a whole number from 1 to 4194304\n"},
        {{"-p", "1x"}, "vigil: -p '1x': expected a whole number from 1 to 4194304\n"},
        {{"--pid=-1"}, "vigil: -p '-1': expected a whole number from 1 to 4194304\n"},
        {{"--sender", "x"}, "vigil: --sender 'x': expected a whole number from 1 to 4194304\n"},
        {{"--target", "x"}, "vigil: --target 'x': expected a whole number from 1 to 4194304\n"},
        {{"--tree", "x"}, "vigil: --tree 'x': expected a whole number from 1 to 4194304\n"},
        {{"-u", "no such user"}, "vigil: -u 'no such user': no such user\n"},
        {{"-u", "4294967295"}, "vigil: -u '4294967295': no such user\n"},
        {{"-o", "xml"}, "vigil: -o 'xml': expected text, table, json or none\n"},
        {{"-o", "JSON"}, "vigil: -o 'JSON': expected text, table, json or none\n"},
        {{"-d", "10"}, "vigil: -d '10': expected a duration such as 500ms, 10s, 5m or 2h\n"},
        {{"-d", "0s"}, "vigil: -d '0s': expected a duration such as 500ms, 10s, 5m or 2h\n"},
        {{"-n", "0"}, "vigil: -n '0': expected a whole number from 1 to 18446744073709551615\n"},
        {{"-n", "1k"}, "vigil: -n '1k': expected a whole number from 1 to 18446744073709551615\n"},
        {{"--ring-size", "big"},
         "vigil: --ring-size 'big': expected a size such as 4096, 64K, 8M or 1G\n"},
        {{"--ring-size", "4095"}, "vigil: --ring-size '4095': expected 4K to 1G\n"},
        {{"--ring-size", "2G"}, "vigil: --ring-size '2G': expected 4K to 1G\n"},
        {{"--ring-size", "0"}, "vigil: --ring-size '0': expected 4K to 1G\n"},
    };
    for (const Case& each : cases) {
        EXPECT_EQ(bad(each.arguments), each.said);
    }
}

TEST(TraceOptionsBad, ASignalGetsNearNames) {
    const std::string said = bad({"-s", "SIGTREM"});
    EXPECT_EQ(said.rfind("vigil: -s 'SIGTREM' is no signal: expected ", 0), 0U) << said;
    EXPECT_NE(said.find("SIGTERM"), std::string::npos);
    for (const char* text : {"0", "65", "TERM,KIL", "SIGNAL"}) {
        EXPECT_NE(bad({"-s", text}).find("is no signal"), std::string::npos) << text;
    }
}

TEST(TraceOptionsBad, WhatExcludesEachOther) {
    EXPECT_EQ(bad({"-a", "-s", "TERM"}), "vigil: -a and -s exclude each other\n");
    for (const Arguments& arguments :
         {Arguments{"-o", "table", "-e", "exec"}, Arguments{"-o", "table", "-e", "fork,exit"},
          Arguments{"-o", "table", "--threads"}, Arguments{"-o", "table", "--failed"}}) {
        EXPECT_EQ(bad(arguments).rfind("vigil: -o table shows new processes: expected -e fork", 0),
                  0U);
    }
    for (const Arguments& more :
         {Arguments{"--tree", "1"}, Arguments{"--cgroup", "x"}, Arguments{"--threads"},
          Arguments{"--failed"}, Arguments{"--ring-size", "8M"}}) {
        Arguments arguments{"--pinned"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        EXPECT_NE(bad(arguments).find("are options of 'vigil pin'"), std::string::npos);
    }
}

TEST(TraceOptionsBad, NetworkBytesAreOfExits) {
    for (const Arguments& arguments :
         {Arguments{"--network", "-e", "fork"}, Arguments{"--network", "-o", "table"},
          Arguments{"--network", "--sender", "1"}}) {
        EXPECT_EQ(bad(arguments),
                  "vigil: --network is told at the end of a process: add exit to -e\n");
    }
    EXPECT_NE(bad({"--network", "--pinned"}).find("--pinned reads what was pinned"),
              std::string::npos);
    bad(parse_pin, {"--network"});
}

TEST(TraceOptionsBad, Commands) {
    EXPECT_EQ(bad({"--"}), "vigil: '--' needs a command behind it\n");
    EXPECT_EQ(bad({"-o", "json", "--"}), "vigil: '--' needs a command behind it\n");
    EXPECT_NE(bad({"--tree", "1", "--", "ls"}).find("follows its own tree"), std::string::npos);
    EXPECT_NE(bad({"--pinned", "--", "ls"}).find("follows its own tree"), std::string::npos);
    EXPECT_NE(bad({"-c", "--", "ls"}).find("--comm"), std::string::npos) << "-c has no value";
}

TEST(TraceOptionsBad, WhatIsNoOption) {
    for (const Arguments& arguments :
         {Arguments{"--no-such"}, Arguments{"-z"}, Arguments{"ls"}, Arguments{"-p", "1", "2"},
          Arguments{"--threads", "yes"}, Arguments{"--pinned=maybe"}}) {
        EXPECT_NE(bad(arguments).find("Try 'vigil trace --help'."), std::string::npos);
    }
}

TEST(TraceOptionsBad, OptionsWithoutTheirValue) {
    for (const char* option : {"-e", "-s", "-p", "--sender", "--target", "-c", "-u", "--cgroup",
                               "--tree", "-o", "-d", "-n", "--ring-size"}) {
        EXPECT_NE(bad({option}).find("Try 'vigil trace --help'."), std::string::npos) << option;
    }
}

TEST(TraceOptionsBad, OptionsThatStandTwice) {
    for (const char* option : {"-p", "--sender", "--target", "--tree", "-d", "-n", "-c"}) {
        EXPECT_NE(bad({option, "1", option, "2"}), "") << option;
    }
}

// `-p "$PID"` with PID unset must not trace the whole machine.
TEST(TraceOptionsBad, AnEmptyValueIsNotAMissingOption) {
    for (const char* option : {"-e", "-s", "-p", "--sender", "--target", "-c", "-u", "--cgroup",
                               "--tree", "-o", "-d", "-n", "--ring-size"}) {
        EXPECT_NE(bad({option, ""}), "") << option;
    }
}

TEST(TraceOptionsBad, PinHasNoOutput) {
    for (const Arguments& arguments :
         {Arguments{"-o", "json"}, Arguments{"-d", "1s"}, Arguments{"-n", "1"},
          Arguments{"--pinned"}, Arguments{"--", "ls"}, Arguments{"ls"}}) {
        EXPECT_NE(bad(parse_pin, arguments).find("Try 'vigil pin --help'."), std::string::npos);
    }
    EXPECT_EQ(bad(parse_pin, {"-p", "x"}),
              "vigil: -p 'x': expected a whole number from 1 to 4194304\n");
}

}  // namespace
}  // namespace vigil::apps
