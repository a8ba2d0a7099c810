// SPDX-License-Identifier: Apache-2.0
#include "format/violation.h"

#include <gtest/gtest.h>

#include <set>

#include "support/events.h"
#include "support/printable.h"

namespace vigil::format {
namespace {

using model::Metric;
using model::Violation;
using model::ViolationState;

constexpr uint64_t second = 1'000'000'000;

std::string line_of(const Violation& violation, std::string_view comm = "burner") {
    auto event = test::event(model::Kind::violation, violation);
    event.process.pid = 4242;
    event.process.comm = test::comm(comm);
    std::string line;
    append_violation(line, event);
    EXPECT_EQ(test::unprintable(line, false), "") << line;
    return line;
}

Violation violation(ViolationState state, Metric metric, std::optional<double> value,
                    double limit) {
    Violation result;
    result.state = state;
    result.metric = metric;
    result.value = value;
    result.limit = limit;
    result.peak = value.value_or(0);
    result.mean = value.value_or(0);
    result.user = "root";
    result.rule = "burn*";
    return result;
}

Violation raised(double value, double limit) {
    return violation(ViolationState::raised, Metric::cpu, value, limit);
}

TEST(ViolationLine, Raised) {
    EXPECT_EQ(line_of(raised(100.24, 50)),
              "RAISED   cpu         100.2 % > 50 %            burner (pid 4242, root)  rule burn*");
}

TEST(ViolationLine, OngoingReportsHowLongAndHowMuch) {
    auto ongoing = violation(ViolationState::ongoing, Metric::memory, 2048.4, 1024);
    ongoing.duration_ns = 5 * 60 * second + 7 * second;
    ongoing.peak = 3000.6;
    ongoing.mean = 999.94;
    EXPECT_EQ(line_of(ongoing),
              "ongoing  memory      2048 MB > 1024 MB         burner (pid 4242, root)"
              "  for 5 min 7 s, peak 3001, mean 999.9  rule burn*");
}

TEST(ViolationLine, ClearedByFallingToTheLimit) {
    auto cleared = violation(ViolationState::cleared, Metric::network, 20, 20);
    cleared.duration_ns = second * 3 / 2;
    EXPECT_EQ(line_of(cleared),
              "cleared  network   20.0 KB/s <= 20 KB/s        burner (pid 4242, root)"
              "  after 1.5 s, peak 20.0, mean 20.0  rule burn*");
}

TEST(ViolationLine, ClearedByTheEndUnmeasured) {
    auto cleared = violation(ViolationState::cleared, Metric::disk, std::nullopt, 10);
    cleared.exited = true;
    EXPECT_EQ(line_of(cleared),
              "cleared  disk              - limit 10 MB/s     burner (pid 4242, root)"
              "  after 0.0 s, peak 0.0, mean 0.0, process ended  rule burn*");
}

TEST(ViolationLine, RaisedAndEndedWithOthersLikeIt) {
    auto brief = raised(75, 50);
    brief.exited = true;
    brief.duration_ns = second;
    brief.similar = 12;
    EXPECT_EQ(line_of(brief),
              "RAISED   cpu          75.0 % > 50 %            burner (pid 4242, root)"
              "  process ended after 1.0 s, 12 more like it  rule burn*");
}

TEST(ViolationLine, WithoutAKnownUser) {
    auto unknown = raised(75, 50);
    unknown.user.reset();
    EXPECT_TRUE(line_of(unknown).ends_with("burner (pid 4242)  rule burn*"));
}

TEST(ViolationLine, EndsWithWhatIsKnownOfTheProgram) {
    using namespace std::string_view_literals;
    auto known = raised(75, 50);
    const auto end_of_line = [&] {
        const std::string line = line_of(known);
        return line.substr(line.find("rule"));
    };
    known.executable = "/opt/burner";
    EXPECT_EQ(end_of_line(), "rule burn*: /opt/burner");
    known.unit = "burner.service";
    EXPECT_EQ(end_of_line(), "rule burn*, unit burner.service: /opt/burner");
    known.argv = "burner\0--fast\0an argument\0"sv;
    EXPECT_EQ(end_of_line(), "rule burn*, unit burner.service: burner --fast an argument");
    known.argv = "burner\0cu"sv;
    EXPECT_EQ(end_of_line(), "rule burn*, unit burner.service: burner cu");
    known.argv = ""sv;
    EXPECT_EQ(end_of_line(), "rule burn*, unit burner.service");
}

TEST(ViolationLine, ColumnsKeepTheirPlaces) {
    std::set<size_t> names;
    for (const auto metric : {Metric::cpu, Metric::memory, Metric::disk, Metric::network}) {
        for (const auto state :
             {ViolationState::raised, ViolationState::ongoing, ViolationState::cleared}) {
            for (const std::optional<double> value :
                 {std::optional<double>{}, std::optional{0.0}, std::optional{99.9},
                  std::optional{999.99}, std::optional{102'400.0}}) {
                const std::string line = line_of(violation(state, metric, value, 20'480));
                names.insert(line.find("burner"));
                EXPECT_EQ(line.find_first_not_of(' ', 7), 9U) << line;
            }
        }
    }
    EXPECT_EQ(names.size(), 1U);
}

TEST(ViolationLine, ALimitIsShownAsItWasWritten) {
    constexpr std::pair<double, const char*> cases[] = {
        {0.001, " > 0.001 % "},         {0.5, " > 0.5 % "},        {1, " > 1 % "},
        {99.95, " > 99.95 % "},         {102'400, " > 102400 % "}, {1'048'576, " > 1048576 % "},
        {1234567.5, " > 1234567.5 % "}, {1e9, " > 1000000000 % "},
    };
    for (const auto& [limit, expected] : cases) {
        EXPECT_NE(line_of(raised(2e9, limit)).find(expected), std::string::npos)
            << line_of(raised(2e9, limit));
    }
}

// Above the limit to its end, or cleared by a change of the limit: it no longer is.
TEST(ViolationLine, ClearedFromAboveTheLimit) {
    auto cleared = violation(ViolationState::cleared, Metric::cpu, 66, 50);
    cleared.exited = true;
    EXPECT_EQ(line_of(cleared).rfind("cleared  cpu          66.0 % was > 50 %        burner", 0),
              0U)
        << line_of(cleared);
}

TEST(ViolationLine, AValueAboveItsLimitReadsSo) {
    EXPECT_NE(line_of(raised(0.004, 0.001)).find(" 0.004 % > 0.001 % "), std::string::npos);
    EXPECT_NE(line_of(raised(50.04, 50)).find(" 50.04 % > 50 % "), std::string::npos);
    EXPECT_NE(line_of(raised(1000.4, 1000)).find(" 1000.4 % > 1000 % "), std::string::npos);
    EXPECT_EQ(format_value(0.00101, 0.001), "0.00101");
    EXPECT_EQ(format_value(49.96, 50), "50.0") << "not above";
    EXPECT_EQ(format_value(0, 0.001), "0.0");
}

TEST(ViolationLine, AValueHasOneDecimalBelowAThousand) {
    constexpr std::pair<double, const char*> cases[] = {
        {0.06, "  0.1 % > "},    {99.95, "  100.0 % > "},       {999.4, "  999.4 % > "},
        {1000.4, "  1000 % > "}, {1234567.8, "  1234568 % > "},
    };
    for (const auto& [value, expected] : cases) {
        EXPECT_NE(line_of(raised(value, 0.001)).find(expected), std::string::npos)
            << line_of(raised(value, 0.001));
    }
}

TEST(ViolationLine, SpansOfTime) {
    constexpr std::pair<uint64_t, const char*> cases[] = {
        {0, "after 0.0 s,"},
        {300'000'000, "after 0.3 s,"},
        {59 * second, "after 59.0 s,"},
        {60 * second, "after 1 min 0 s,"},
        {242 * second, "after 4 min 2 s,"},
        {3599 * second, "after 59 min 59 s,"},
        {3600 * second, "after 1 h 0 min,"},
        {7500 * second, "after 2 h 5 min,"},
        {90'000 * second, "after 25 h 0 min,"},
    };
    for (const auto& [ns, expected] : cases) {
        auto cleared = violation(ViolationState::cleared, Metric::cpu, 1, 2);
        cleared.duration_ns = ns;
        EXPECT_NE(line_of(cleared).find(expected), std::string::npos) << line_of(cleared);
    }
}

TEST(ViolationLine, ASpanIsNeverRoundedToAMinuteOfSeconds) {
    auto cleared = violation(ViolationState::cleared, Metric::cpu, 1, 2);
    cleared.duration_ns = 60 * second - 1;
    EXPECT_EQ(line_of(cleared).find("60.0 s"), std::string::npos) << line_of(cleared);
}

TEST(ViolationLine, NamesAreEscaped) {
    auto hostile = raised(75, 50);
    hostile.user = "a\x1b[31m\n";
    hostile.rule = "r\t";
    hostile.unit = "u\r";
    hostile.argv = "\n\x1b\\";
    EXPECT_TRUE(line_of(hostile, "x\n\x1b]0;")
                    .ends_with(R"(x\n\e]0; (pid 4242, a\e[31m\n)  rule r\t, unit u\r: \n\e\\)"));
}

}  // namespace
}  // namespace vigil::format
