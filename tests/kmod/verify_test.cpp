// SPDX-License-Identifier: Apache-2.0
// `vigil verify`: agrees under load, and disagrees when one of the two sides is blinded.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <simdjson.h>
#include <csignal>
#include <fstream>
#include <optional>

#include "exit_load.h"
#include "harness.h"
#include "kprobes.h"
#include "module.h"
#include "processes.h"

namespace vigil::tests {
namespace {

// Its output with -o json.
struct VerifyOutput {
    int exit_code = -1;
    std::string verdict;
    bool module_counted = false;  // false: the module's count and the next five members are unknown
    int64_t difference = 0;
    uint64_t module_exits = 0;
    uint64_t module_cpu_ns = 0;
    int64_t accepted_min = 0;
    int64_t accepted_max = 0;
    uint64_t ebpf_exits = 0;
    uint64_t ebpf_dropped = 0;
    uint64_t ebpf_cpu_ns = 0;
    std::string reasons;
    std::vector<std::string> in_flight;  // names, at the start
    std::string output;
};

VerifyOutput end(Program& verify) {
    verify.send(SIGINT);
    VerifyOutput result;
    result.exit_code = verify.wait();
    result.output = verify.output();
    simdjson::dom::parser parser;
    simdjson::dom::element json;
    if (parser.parse(result.output).get(json) != simdjson::SUCCESS) {
        ADD_FAILURE() << "no JSON: " << result.output << verify.errors();
        return result;
    }
    result.verdict = std::string_view(json["verdict"]);
    result.module_counted = !json["difference"].is_null();
    EXPECT_EQ(json["module"]["process_exits"].is_null(), !result.module_counted) << result.output;
    if (result.module_counted) {
        result.difference = json["difference"];
        result.accepted_min = json["accepted"]["least"];
        result.accepted_max = json["accepted"]["most"];
        result.module_exits = json["module"]["process_exits"];
        result.module_cpu_ns = json["module"]["cpu_ns"];
    }
    result.ebpf_exits = json["ebpf"]["process_exits"];
    result.ebpf_dropped = json["ebpf"]["dropped"];
    result.ebpf_cpu_ns = json["ebpf"]["cpu_ns"];
    result.reasons = simdjson::minify(json["reasons"]);
    for (const auto process : json["in_flight"]["start"]) {
        result.in_flight.emplace_back(std::string_view(process["comm"]));
    }
    return result;
}

class Verify {
 public:
    explicit Verify(const Strings& options = {}) : program_(words(options)) {
        program_.wait_for_error("counting with the module and with eBPF");
    }
    Program& program() { return program_; }
    VerifyOutput end() { return tests::end(program_); }

 private:
    static Strings words(const Strings& options) {
        Strings all{"verify", "-o", "json", "-d", "10m"};
        all.insert(all.end(), options.begin(), options.end());
        return all;
    }
    Program program_;
};

void expect_exact_agreement(const VerifyOutput& result, uint64_t at_least) {
    EXPECT_EQ(result.exit_code, 0) << result.output;
    EXPECT_EQ(result.verdict, "agree");
    EXPECT_EQ(result.difference, 0) << result.output;
    EXPECT_EQ(result.accepted_min, 0) << result.output;
    EXPECT_EQ(result.accepted_max, 0) << result.output;
    EXPECT_GE(result.ebpf_exits, at_least);
    EXPECT_EQ(result.reasons, "[]");
}

TEST(Verify, AgreesUnderLoad) {
    const LoadedModule module("log=0");
    Verify verify;
    make_exits(4, 500);
    wait_for(start([] {
        burn_thread_ns(200'000'000);
        return 0;
    }));
    const VerifyOutput result = verify.end();
    expect_exact_agreement(result, 2'000);
    EXPECT_GT(result.module_cpu_ns, 150'000'000U);
    EXPECT_LE(result.module_cpu_ns, result.ebpf_cpu_ns) << "eBPF reads a little later";
}

// No instant is quiet then: the two agree only within the uncertainty.
TEST(Verify, AgreesWhereProcessesEndAllTheTime) {
    const LoadedModule module("log=0");
    const ExitLoad make_exits(2);
    Verify verify;
    wait_until(
        [before = module_totals()["process_exits"]] {
            return module_totals()["process_exits"] > before + 1'000;
        },
        "exits of the storm");
    const VerifyOutput result = verify.end();
    EXPECT_EQ(result.exit_code, 0) << result.output;
    EXPECT_GE(result.ebpf_exits, 1'000U);
    EXPECT_GE(result.difference, result.accepted_min);
    EXPECT_LE(result.difference, result.accepted_max);
    EXPECT_LT(result.accepted_max - result.accepted_min, int64_t(result.ebpf_exits / 10))
        << "the accepted range is too wide: " << result.output;
}

TEST(Verify, EndsByItselfAndReportsAsText) {
    const LoadedModule module("log=0");
    Program verify({"verify", "-d", "300ms"});
    EXPECT_EQ(verify.wait(), 0);
    EXPECT_NE(verify.output().find("\nagree: both saw "), std::string::npos) << verify.output();
}

TEST(Verify, DisagreesWhereTheModuleWasReloaded) {
    std::optional<LoadedModule> module(std::in_place, "log=0");
    Verify verify;
    make_exits(1, 100);
    module.reset();
    module.emplace("log=0");
    make_exits(1, 100);
    const VerifyOutput result = verify.end();
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_EQ(result.verdict, "disagree");
    EXPECT_FALSE(result.module_counted) << result.output;
    EXPECT_GE(result.ebpf_exits, 200U);
    EXPECT_NE(result.reasons.find("loaded again"), std::string::npos) << result.reasons;
}

TEST(Verify, DisagreesWhereTheModuleIsGone) {
    LoadedModule module("log=0");
    Verify verify;
    module.unload();
    const VerifyOutput result = verify.end();
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_FALSE(result.module_counted) << result.output;
    EXPECT_NE(result.reasons.find("unloaded meanwhile"), std::string::npos) << result.reasons;
}

// It starts processes that exit, so that an idle machine does not pass for agreement.
TEST(Verify, DisagreesWhereKprobesAreOffThoughNothingHappens) {
    const LoadedModule module("log=0");
    Verify verify;
    const KprobesOff off;
    const VerifyOutput result = verify.end();
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_EQ(result.verdict, "disagree");
    EXPECT_LT(result.difference, 0);
    EXPECT_EQ(result.ebpf_exits - result.module_exits, static_cast<uint64_t>(-result.difference));
    EXPECT_NE(result.reasons.find("kprobes are switched off"), std::string::npos) << result.reasons;
}

TEST(Verify, NamesFtraceWhereThatIsOff) {
    const LoadedModule module("log=0");
    Verify verify;
    const FtraceOff off;
    const VerifyOutput result = verify.end();
    EXPECT_EQ(result.exit_code, 1) << result.output;
    EXPECT_NE(result.reasons.find("kernel.ftrace_enabled is 0"), std::string::npos)
        << result.reasons;
}

TEST(Verify, SaysSoWhereNothingExplainsTheDifference) {
    const LoadedModule module("log=0");
    Verify verify;
    {
        const KprobesOff off;
        make_exits(1, 100);
    }
    make_exits(1, 5);  // so that the module's count is not zero
    const VerifyOutput result = verify.end();
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_LE(result.difference, -100);
    EXPECT_NE(result.reasons.find("explains it"), std::string::npos) << result.reasons;
}

TEST(Verify, DisagreesByWhatTheRingDropped) {
    const LoadedModule module("log=0");
    Verify verify({"--ring-size", "4K"});
    const pid_t pid = verify.program().pid();
    verify.program().send(SIGSTOP);
    ASSERT_EQ(::waitpid(pid, nullptr, WUNTRACED), pid);
    make_exits(2, 200);
    verify.program().send(SIGCONT);
    const VerifyOutput result = verify.end();
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_GT(result.ebpf_dropped, 300U);
    EXPECT_EQ(result.difference, static_cast<int64_t>(result.ebpf_dropped));
    EXPECT_NE(result.reasons.find("no space"), std::string::npos) << result.reasons;
}

TEST(Verify, WithoutTheModuleSaysHowToLoadIt) {
    Program verify({"verify"});
    EXPECT_EQ(verify.wait(), 3);
    EXPECT_NE(verify.errors().find("insmod"), std::string::npos) << verify.errors();
    EXPECT_EQ(verify.output(), "");
}

TEST(Verify, ReportsAnotherModuleOfThisName) {
    const LoadedModule module("log=0");
    const TotalsHidden hidden;
    Program verify({"verify"});
    EXPECT_EQ(verify.wait(), 3);
    EXPECT_NE(verify.errors().find("another module of this name"), std::string::npos)
        << verify.errors();
}

// A process that is exiting as long as this object exists: the init of a pid namespace ends only
// when all its processes are gone, including one whose debugger has not waited for it yet.
class StuckInit {
 public:
    StuckInit() : outside_(start(be_outside)), inside_(child_of(child_of(outside_))) {
        EXPECT_EQ(::ptrace(PTRACE_SEIZE, inside_, nullptr, nullptr), 0);
        EXPECT_EQ(::kill(child_of(outside_), SIGKILL), 0);
        wait_until([&] { return proc_file(inside_, "stat").find(") Z ") != std::string::npos; },
                   "the end of what is inside");
    }
    StuckInit(const StuckInit&) = delete;
    StuckInit& operator=(const StuckInit&) = delete;
    ~StuckInit() {
        EXPECT_EQ(::waitpid(inside_, nullptr, __WALL), inside_);
        EXPECT_EQ(wait_for(outside_).code(), 0);
    }

 private:
    static int be_outside() {
        if (::unshare(CLONE_NEWPID) != 0) {
            return 1;
        }
        wait_for(start([] {
            start([] { return ::pause(); });
            return ::pause();
        }));
        return 0;
    }

    static pid_t child_of(pid_t parent) {
        pid_t child = 0;
        wait_until(
            [&] {
                std::istringstream(
                    proc_file(parent, "task/" + std::to_string(parent) + "/children")) >>
                    child;
                return child > 0;
            },
            "a child");
        return child;
    }

    pid_t outside_;
    pid_t inside_;
};

TEST(Verify, ListsExitingProcesses) {
    const LoadedModule module("log=0");
    const StuckInit stuck;
    Verify verify;
    const VerifyOutput result = verify.end();
    EXPECT_EQ(result.exit_code, 0) << result.output;
    EXPECT_EQ(result.in_flight.size(), 1U) << result.output;
    EXPECT_EQ(result.accepted_min, -1);
    EXPECT_EQ(result.accepted_max, 1);
    EXPECT_EQ(result.difference, 0);
}

// Two exiting processes would allow a difference of two, and verify's own two exits are not more
// than that.
TEST(Verify, DisagreesWhereOneIsBlindThoughProcessesAreExiting) {
    const LoadedModule module("log=0");
    const StuckInit one;
    const StuckInit other;
    const KprobesOff off;
    Verify verify;
    const VerifyOutput result = verify.end();
    EXPECT_EQ(result.exit_code, 1) << result.output;
    EXPECT_NE(result.reasons.find("the module has not seen"), std::string::npos) << result.output;
}

}  // namespace
}  // namespace vigil::tests
