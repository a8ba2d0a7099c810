// SPDX-License-Identifier: Apache-2.0
// `vigil verify`: agrees in a storm, and disagrees when one of the two is really blinded.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <simdjson.h>
#include <csignal>
#include <fstream>
#include <optional>

#include "actors.h"
#include "harness.h"
#include "kprobes.h"
#include "module.h"
#include "storm.h"

namespace vigil::tests {
namespace {

// What it has said with -o json.
struct Said {
    int exit_code = -1;
    std::string verdict;
    bool module_counted = false;  // else what it counted is lost, and so are the next five
    int64_t difference = 0;
    uint64_t module_exits = 0;
    uint64_t module_cpu_ns = 0;
    int64_t accepted_least = 0;
    int64_t accepted_most = 0;
    uint64_t ebpf_exits = 0;
    uint64_t ebpf_dropped = 0;
    uint64_t ebpf_cpu_ns = 0;
    std::string reasons;
    std::vector<std::string> in_flight;  // names, at the start
    std::string output;
};

Said end(Program& verify) {
    verify.send(SIGINT);
    Said said;
    said.exit_code = verify.wait();
    said.output = verify.output();
    simdjson::dom::parser parser;
    simdjson::dom::element json;
    if (parser.parse(said.output).get(json) != simdjson::SUCCESS) {
        ADD_FAILURE() << "no JSON: " << said.output << verify.errors();
        return said;
    }
    said.verdict = std::string_view(json["verdict"]);
    said.module_counted = !json["difference"].is_null();
    EXPECT_EQ(json["module"]["process_exits"].is_null(), !said.module_counted) << said.output;
    if (said.module_counted) {
        said.difference = json["difference"];
        said.accepted_least = json["accepted"]["least"];
        said.accepted_most = json["accepted"]["most"];
        said.module_exits = json["module"]["process_exits"];
        said.module_cpu_ns = json["module"]["cpu_ns"];
    }
    said.ebpf_exits = json["ebpf"]["process_exits"];
    said.ebpf_dropped = json["ebpf"]["dropped"];
    said.ebpf_cpu_ns = json["ebpf"]["cpu_ns"];
    said.reasons = simdjson::minify(json["reasons"]);
    for (const auto process : json["in_flight"]["start"]) {
        said.in_flight.emplace_back(std::string_view(process["comm"]));
    }
    return said;
}

class Verify {
 public:
    explicit Verify(const Words& options = {}) : program_(words(options)) {
        program_.wait_for_error("both witnesses listen");
    }
    Program& program() { return program_; }
    Said end() { return tests::end(program_); }

 private:
    static Words words(const Words& options) {
        Words all{"verify", "-o", "json", "-d", "10m"};
        all.insert(all.end(), options.begin(), options.end());
        return all;
    }
    Program program_;
};

void expect_exact_agreement(const Said& said, uint64_t at_least) {
    EXPECT_EQ(said.exit_code, 0) << said.output;
    EXPECT_EQ(said.verdict, "agree");
    EXPECT_EQ(said.difference, 0) << said.output;
    EXPECT_EQ(said.accepted_least, 0) << said.output;
    EXPECT_EQ(said.accepted_most, 0) << said.output;
    EXPECT_GE(said.ebpf_exits, at_least);
    EXPECT_EQ(said.reasons, "[]");
}

TEST(Verify, AgreesInAStorm) {
    const Loaded module("log=0");
    Verify verify;
    storm(4, 500);
    wait_for(start([] {
        burn_thread_ns(200'000'000);
        return 0;
    }));
    const Said said = verify.end();
    expect_exact_agreement(said, 2'000);
    EXPECT_GT(said.module_cpu_ns, 150'000'000U);
    EXPECT_LE(said.module_cpu_ns, said.ebpf_cpu_ns) << "eBPF asks a little later";
}

// No instant is quiet then: the two can only be held together as closely as it can be told.
TEST(Verify, AgreesWhereProcessesEndAllTheTime) {
    const Loaded module("log=0");
    const Storm storm(2);
    Verify verify;
    wait_until(
        [before = module_totals()["process_exits"]] {
            return module_totals()["process_exits"] > before + 1'000;
        },
        "exits of the storm");
    const Said said = verify.end();
    EXPECT_EQ(said.exit_code, 0) << said.output;
    EXPECT_GE(said.ebpf_exits, 1'000U);
    EXPECT_GE(said.difference, said.accepted_least);
    EXPECT_LE(said.difference, said.accepted_most);
    EXPECT_LT(said.accepted_most - said.accepted_least, int64_t(said.ebpf_exits / 10))
        << "an agreement that says nothing: " << said.output;
}

TEST(Verify, EndsByItselfAndTellsInWords) {
    const Loaded module("log=0");
    Program verify({"verify", "-d", "300ms"});
    EXPECT_EQ(verify.wait(), 0);
    EXPECT_NE(verify.output().find("\nagree: both saw "), std::string::npos) << verify.output();
}

TEST(Verify, DisagreesWhereTheModuleWasLoadedAnew) {
    std::optional<Loaded> module(std::in_place, "log=0");
    Verify verify;
    storm(1, 100);
    module.reset();
    module.emplace("log=0");
    storm(1, 100);
    const Said said = verify.end();
    EXPECT_EQ(said.exit_code, 1);
    EXPECT_EQ(said.verdict, "disagree");
    EXPECT_FALSE(said.module_counted) << said.output;
    EXPECT_GE(said.ebpf_exits, 200U);
    EXPECT_NE(said.reasons.find("loaded again"), std::string::npos) << said.reasons;
}

TEST(Verify, DisagreesWhereTheModuleIsGone) {
    Loaded module("log=0");
    Verify verify;
    module.unload();
    const Said said = verify.end();
    EXPECT_EQ(said.exit_code, 1);
    EXPECT_FALSE(said.module_counted) << said.output;
    EXPECT_NE(said.reasons.find("unloaded meanwhile"), std::string::npos) << said.reasons;
}

// It ends processes of its own, so that a machine where nothing happens gives no false comfort.
TEST(Verify, DisagreesWhereKprobesAreOffThoughNothingHappens) {
    const Loaded module("log=0");
    Verify verify;
    const KprobesOff off;
    const Said said = verify.end();
    EXPECT_EQ(said.exit_code, 1);
    EXPECT_EQ(said.verdict, "disagree");
    EXPECT_LT(said.difference, 0);
    EXPECT_EQ(said.ebpf_exits - said.module_exits, static_cast<uint64_t>(-said.difference));
    EXPECT_NE(said.reasons.find("kprobes are switched off"), std::string::npos) << said.reasons;
}

TEST(Verify, NamesFtraceWhereThatIsOff) {
    const Loaded module("log=0");
    Verify verify;
    const FtraceOff off;
    const Said said = verify.end();
    EXPECT_EQ(said.exit_code, 1) << said.output;
    EXPECT_NE(said.reasons.find("kernel.ftrace_enabled is 0"), std::string::npos) << said.reasons;
}

TEST(Verify, SaysSoWhereNothingExplainsTheDifference) {
    const Loaded module("log=0");
    Verify verify;
    {
        const KprobesOff off;
        storm(1, 100);
    }
    storm(1, 5);  // so that the module is not found to be blind
    const Said said = verify.end();
    EXPECT_EQ(said.exit_code, 1);
    EXPECT_LE(said.difference, -100);
    EXPECT_NE(said.reasons.find("explains it"), std::string::npos) << said.reasons;
}

TEST(Verify, DisagreesByWhatTheRingHadNoRoomFor) {
    const Loaded module("log=0");
    Verify verify({"--ring-size", "4K"});
    const pid_t pid = verify.program().pid();
    verify.program().send(SIGSTOP);
    ASSERT_EQ(::waitpid(pid, nullptr, WUNTRACED), pid);
    storm(2, 200);
    verify.program().send(SIGCONT);
    const Said said = verify.end();
    EXPECT_EQ(said.exit_code, 1);
    EXPECT_GT(said.ebpf_dropped, 300U);
    EXPECT_EQ(said.difference, static_cast<int64_t>(said.ebpf_dropped));
    EXPECT_NE(said.reasons.find("no room"), std::string::npos) << said.reasons;
}

TEST(Verify, WithoutTheModuleSaysHowToLoadIt) {
    Program verify({"verify"});
    EXPECT_EQ(verify.wait(), 3);
    EXPECT_NE(verify.errors().find("insmod"), std::string::npos) << verify.errors();
    EXPECT_EQ(verify.output(), "");
}

TEST(Verify, SaysSoWhereAModuleOfThatNameIsOfAnotherMake) {
    const Loaded module("log=0");
    const TotalsHidden hidden;
    Program verify({"verify"});
    EXPECT_EQ(verify.wait(), 3);
    EXPECT_NE(verify.errors().find("of another make"), std::string::npos) << verify.errors();
}

// A process on its way out for as long as this object lives: the init of a pid namespace ends only
// when all in it are gone, also one whose debugger has not asked for it yet.
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

TEST(Verify, ListsWhoIsOnItsWayOut) {
    const Loaded module("log=0");
    const StuckInit stuck;
    Verify verify;
    const Said said = verify.end();
    EXPECT_EQ(said.exit_code, 0) << said.output;
    EXPECT_EQ(said.in_flight.size(), 1U) << said.output;
    EXPECT_EQ(said.accepted_least, -1);
    EXPECT_EQ(said.accepted_most, 1);
    EXPECT_EQ(said.difference, 0);
}

// Two on their way out would excuse a difference of two, and verify's own two ends are no more.
TEST(Verify, DisagreesWhereOneIsBlindThoughProcessesAreOnTheirWayOut) {
    const Loaded module("log=0");
    const StuckInit one;
    const StuckInit other;
    const KprobesOff off;
    Verify verify;
    const Said said = verify.end();
    EXPECT_EQ(said.exit_code, 1) << said.output;
    EXPECT_NE(said.reasons.find("the module has not seen"), std::string::npos) << said.output;
}

}  // namespace
}  // namespace vigil::tests
