// SPDX-License-Identifier: Apache-2.0
// Every option with invalid values: exit code 2, and a line with the expected value.
#include <gtest/gtest.h>

#include "commands/parse.h"

namespace vigil::commands {
namespace {

struct Case {
    cli::Arguments arguments;
    const char* output;
};

TEST(TraceOptionsBad, EachErrorStatesTheExpectation) {
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
        EXPECT_EQ(bad(each.arguments), each.output);
    }
}

TEST(TraceOptionsBad, SuggestsSimilarSignalNames) {
    const std::string output = bad({"-s", "SIGTREM"});
    EXPECT_EQ(output.rfind("vigil: -s 'SIGTREM' is no signal: expected ", 0), 0U) << output;
    EXPECT_NE(output.find("SIGTERM"), std::string::npos);
    for (const char* text : {"0", "65", "TERM,KIL", "SIGNAL"}) {
        EXPECT_NE(bad({"-s", text}).find("is no signal"), std::string::npos) << text;
    }
}

TEST(TraceOptionsBad, MutuallyExclusiveOptions) {
    EXPECT_EQ(bad({"-a", "-s", "TERM"}), "vigil: -a and -s exclude each other\n");
    for (const cli::Arguments& arguments :
         {cli::Arguments{"-o", "table", "-e", "exec"},
          cli::Arguments{"-o", "table", "-e", "fork,exit"},
          cli::Arguments{"-o", "table", "--threads"}, cli::Arguments{"-o", "table", "--failed"}}) {
        EXPECT_EQ(bad(arguments).rfind("vigil: -o table shows new processes: expected -e fork", 0),
                  0U);
    }
    for (const cli::Arguments& more :
         {cli::Arguments{"--tree", "1"}, cli::Arguments{"--cgroup", "x"},
          cli::Arguments{"--threads"}, cli::Arguments{"--failed"},
          cli::Arguments{"--ring-size", "8M"}}) {
        cli::Arguments arguments{"--pinned"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        EXPECT_NE(bad(arguments).find("are options of 'vigil pin'"), std::string::npos);
    }
}

TEST(TraceOptionsBad, NetworkBytesNeedExits) {
    for (const cli::Arguments& arguments :
         {cli::Arguments{"--network", "-e", "fork"}, cli::Arguments{"--network", "-o", "table"},
          cli::Arguments{"--network", "--sender", "1"}}) {
        EXPECT_EQ(bad(arguments),
                  "vigil: --network is reported at the end of a process: add exit to -e\n");
    }
    EXPECT_NE(bad({"--network", "--pinned"}).find("--pinned reads what was pinned"),
              std::string::npos);
    bad(parse_pin, {"--network"});
}

TEST(TraceOptionsBad, Commands) {
    EXPECT_EQ(bad({"--"}), "vigil: '--' needs a command after it\n");
    EXPECT_EQ(bad({"-o", "json", "--"}), "vigil: '--' needs a command after it\n");
    EXPECT_NE(bad({"--tree", "1", "--", "ls"}).find("follows its own tree"), std::string::npos);
    EXPECT_NE(bad({"--pinned", "--", "ls"}).find("follows its own tree"), std::string::npos);
    EXPECT_NE(bad({"-c", "--", "ls"}).find("--comm"), std::string::npos) << "-c has no value";
}

TEST(TraceOptionsBad, UnknownOptions) {
    for (const cli::Arguments& arguments :
         {cli::Arguments{"--no-such"}, cli::Arguments{"-z"}, cli::Arguments{"ls"},
          cli::Arguments{"-p", "1", "2"}, cli::Arguments{"--threads", "yes"},
          cli::Arguments{"--pinned=maybe"}}) {
        EXPECT_NE(bad(arguments).find("Try 'vigil trace --help'."), std::string::npos);
    }
}

TEST(TraceOptionsBad, OptionsWithoutValue) {
    for (const char* option : {"-e", "-s", "-p", "--sender", "--target", "-c", "-u", "--cgroup",
                               "--tree", "-o", "-d", "-n", "--ring-size"}) {
        EXPECT_NE(bad({option}).find("Try 'vigil trace --help'."), std::string::npos) << option;
    }
}

TEST(TraceOptionsBad, RepeatedOptions) {
    for (const char* option : {"-p", "--sender", "--target", "--tree", "-d", "-n", "-c"}) {
        EXPECT_NE(bad({option, "1", option, "2"}), "") << option;
    }
}

// `-p "$PID"` with PID unset must not trace the whole machine.
TEST(TraceOptionsBad, EmptyValueIsNotAMissingOption) {
    for (const char* option : {"-e", "-s", "-p", "--sender", "--target", "-c", "-u", "--cgroup",
                               "--tree", "-o", "-d", "-n", "--ring-size"}) {
        EXPECT_NE(bad({option, ""}), "") << option;
    }
}

TEST(TraceOptionsBad, PinHasNoOutputOptions) {
    for (const cli::Arguments& arguments :
         {cli::Arguments{"-o", "json"}, cli::Arguments{"-d", "1s"}, cli::Arguments{"-n", "1"},
          cli::Arguments{"--pinned"}, cli::Arguments{"--", "ls"}, cli::Arguments{"ls"}}) {
        EXPECT_NE(bad(parse_pin, arguments).find("Try 'vigil pin --help'."), std::string::npos);
    }
    EXPECT_EQ(bad(parse_pin, {"-p", "x"}),
              "vigil: -p 'x': expected a whole number from 1 to 4194304\n");
}

}  // namespace
}  // namespace vigil::commands
