// SPDX-License-Identifier: Apache-2.0
#include "apps/findings.h"

#include <gtest/gtest.h>

#include "support/printable.h"

namespace vigil::apps {
namespace {

Findings sample() {
    Findings findings;
    findings.begin("Kernel");
    findings.ok("release", "6.1.0");
    findings.ok("BTF");
    findings.begin("Privileges");
    findings.missing("CAP_BPF", "absent", "nothing can be traced", "run it with sudo");
    findings.missing("CAP_PERFMON", "absent", "nothing can be traced", "run it with sudo");
    findings.info("lockdown", "none");
    return findings;
}

TEST(Findings, TextHasSectionsEffectsFixesAndAVerdict) {
    EXPECT_EQ(to_text(sample(), false),
              "Kernel\n"
              "  ok       release      6.1.0\n"
              "  ok       BTF\n"
              "\n"
              "Privileges\n"
              "  missing  CAP_BPF      absent\n"
              "           effect: nothing can be traced\n"
              "           fix:    run it with sudo\n"
              "  missing  CAP_PERFMON  absent\n"
              "           effect: nothing can be traced\n"
              "           fix:    the same\n"
              "  info     lockdown     none\n"
              "\n"
              "vigil can trace here.\n");
}

TEST(Findings, TheFirstObstacleIsTheVerdict) {
    Findings findings = sample();
    findings.cannot_trace("first: do this");
    findings.cannot_trace("second");
    EXPECT_TRUE(to_text(findings, false).ends_with("\nvigil can't trace here: first: do this\n"));
    EXPECT_EQ(to_json(findings).find("{\"can_trace\":false,"), 0U);
}

TEST(Findings, Json) {
    Findings findings;
    findings.begin("Kernel");
    findings.ok("release", "6.1\n\xff");
    findings.missing("BTF", "", "none", "fix it");
    const std::string line = to_json(findings);
    EXPECT_EQ(line, R"({"can_trace":true,"checks":[{"section":"Kernel","name":"release",)"
                    R"("status":"ok","value":"6.1\u000a\\xff","effect":null,"fix":null},)"
                    R"({"section":"Kernel","name":"BTF","status":"missing","value":null,)"
                    R"("effect":"none","fix":"fix it"}]})"
                    "\n");
    EXPECT_EQ(test::unprintable(line, true), "");
}

TEST(Findings, ForeignBytesReachNoTerminal) {
    Findings findings;
    findings.begin("Kernel");
    findings.info("release", "\x1b[31m6.1", "\x9b", "\r");
    findings.cannot_trace("\x1b[m");
    EXPECT_EQ(to_text(findings, false).find('\x1b'), std::string::npos);
    EXPECT_NE(to_text(findings, true).find("\x1b["), std::string::npos);
    EXPECT_EQ(to_text(findings, true).find("\x1b[31m6"), std::string::npos);
}

}  // namespace
}  // namespace vigil::apps
