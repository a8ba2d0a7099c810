// SPDX-License-Identifier: Apache-2.0
#include "doctor/report.h"

#include <gtest/gtest.h>

#include "support/printable.h"

namespace vigil::doctor {
namespace {

DoctorReport sample() {
    DoctorReport report;
    report.begin("Kernel");
    report.ok("release", "6.1.0");
    report.ok("BTF");
    report.begin("Privileges");
    report.missing("CAP_BPF", "absent", "nothing can be traced", "run it with sudo");
    report.missing("CAP_PERFMON", "absent", "nothing can be traced", "run it with sudo");
    report.info("lockdown", "none");
    return report;
}

TEST(DoctorReport, TextHasSectionsEffectsFixesAndAConclusion) {
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

TEST(DoctorReport, TheFirstBlockerIsTheConclusion) {
    DoctorReport report = sample();
    report.cannot_trace("first: do this");
    report.cannot_trace("second");
    EXPECT_TRUE(to_text(report, false).ends_with("\nvigil can't trace here: first: do this\n"));
    EXPECT_EQ(to_json(report).find("{\"can_trace\":false,"), 0U);
}

TEST(DoctorReport, Json) {
    DoctorReport report;
    report.begin("Kernel");
    report.ok("release", "6.1\n\xff");
    report.missing("BTF", "", "none", "fix it");
    const std::string line = to_json(report);
    EXPECT_EQ(line, R"({"can_trace":true,"checks":[{"section":"Kernel","name":"release",)"
                    R"("status":"ok","value":"6.1\u000a\\xff","effect":null,"fix":null},)"
                    R"({"section":"Kernel","name":"BTF","status":"missing","value":null,)"
                    R"("effect":"none","fix":"fix it"}]})"
                    "\n");
    EXPECT_EQ(test::unprintable(line, true), "");
}

TEST(DoctorReport, EscapesUntrustedBytes) {
    DoctorReport report;
    report.begin("Kernel");
    report.info("release", "\x1b[31m6.1", "\x9b", "\r");
    report.cannot_trace("\x1b[m");
    EXPECT_EQ(to_text(report, false).find('\x1b'), std::string::npos);
    EXPECT_NE(to_text(report, true).find("\x1b["), std::string::npos);
    EXPECT_EQ(to_text(report, true).find("\x1b[31m6"), std::string::npos);
}

}  // namespace
}  // namespace vigil::doctor
