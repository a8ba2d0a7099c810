// SPDX-License-Identifier: Apache-2.0
// Golden lines, and the same lines parsed by an independent parser.
#include <gtest/gtest.h>

#include <initializer_list>

#include "format/formatter.h"
#include "support/events.h"
#include "support/json.h"
#include "support/printable.h"

namespace vigil::format {
namespace {

using test::JsonObject;
using test::null;
using test::Strings;

std::string line_of(const model::Event& event, const std::string& host = "box") {
    std::string out;
    make_json_formatter(host)->append(out, event);
    EXPECT_EQ(test::unprintable(out, true), "");
    return out;
}

constexpr std::string_view process_json =
    R"("pid":5679,"tid":5680,"ppid":5678,"start_ns":3500000000,"comm":"myapp","uid":1000,)"
    R"("gid":100,"cgroup_id":4294967362,"pidns_level":2,"cpu":3,"seq":77)";

std::string golden(std::string_view time, std::string_view kind, std::string_view own) {
    std::string line = R"({"time":"2026-11-20T22:33:49.)";
    line.append(time).append(R"(Z","kind":")").append(kind).append(R"(","host":"box",)");
    return line.append(process_json).append(own).append("}\n");
}

// The first members of every process event.
JsonObject common(std::string time, std::string kind) {
    return {{"time", "2026-11-20T22:33:49." + std::move(time) + "Z"},
            {"kind", std::move(kind)},
            {"host", std::string("box")},
            {"pid", uint64_t{5679}},
            {"tid", uint64_t{5680}},
            {"ppid", uint64_t{5678}},
            {"start_ns", uint64_t{3'500'000'000}},
            {"comm", std::string("myapp")},
            {"uid", uint64_t{1000}},
            {"gid", uint64_t{100}},
            {"cgroup_id", uint64_t{0x1'0000'0042}},
            {"pidns_level", uint64_t{2}},
            {"cpu", uint64_t{3}},
            {"seq", uint64_t{77}}};
}

void expect_parsed(const std::string& line, JsonObject expected, JsonObject own) {
    expected.insert(expected.end(), own.begin(), own.end());
    const auto parsed = test::parse_json_object(line);
    ASSERT_TRUE(parsed) << line;
    EXPECT_EQ(test::to_string(*parsed), test::to_string(expected));
    EXPECT_TRUE(*parsed == expected);
}

TEST(Json, Fork) {
    const std::string line = line_of(test::fork_event());
    EXPECT_EQ(line, golden("456000", "fork", R"(,"thread":false,"parent_start_ns":1250000000)"));
    expect_parsed(line, common("456000", "fork"),
                  {{"thread", false}, {"parent_start_ns", uint64_t{1'250'000'000}}});
}

TEST(Json, Exec) {
    const std::string line = line_of(test::exec_event());
    EXPECT_EQ(line, golden("460000", "exec",
                           R"(,"file":"/bin/ls","executable":null,"argv":["ls","-l","a b"],)"
                           R"("argv_truncated":false,"argc":3,"argv_bytes":10,"old_tid":5680)"));
    expect_parsed(line, common("460000", "exec"),
                  {{"file", std::string("/bin/ls")},
                   {"executable", null},
                   {"argv", Strings{"ls", "-l", "a b"}},
                   {"argv_truncated", false},
                   {"argc", uint64_t{3}},
                   {"argv_bytes", uint64_t{10}},
                   {"old_tid", uint64_t{5680}}});
}

TEST(Json, Exit) {
    const std::string line = line_of(test::exit_event());
    EXPECT_EQ(line,
              golden("789000", "exit",
                     R"(,"thread":false,"exit_code":3,"exit_signal":null,"core_dumped":false,)"
                     R"("lifetime_ns":1203456789,"cpu_ns":10500000,"cpu_user_ns":7000000,)"
                     R"("cpu_system_ns":3500000,"bill_partial":false,"peak_rss_bytes":12897485,)"
                     R"("peak_rss_at_most":false,"read_bytes":4096,"write_bytes":8192,)"
                     R"("sent_bytes":null,"received_bytes":null,)"
                     R"("voluntary_switches":11,"involuntary_switches":12,"minor_faults":13,)"
                     R"("major_faults":14,"threads":8,"login_uid":1000)"));
    expect_parsed(line, common("789000", "exit"),
                  {{"thread", false},
                   {"exit_code", uint64_t{3}},
                   {"exit_signal", null},
                   {"core_dumped", false},
                   {"lifetime_ns", uint64_t{1'203'456'789}},
                   {"cpu_ns", uint64_t{10'500'000}},
                   {"cpu_user_ns", uint64_t{7'000'000}},
                   {"cpu_system_ns", uint64_t{3'500'000}},
                   {"bill_partial", false},
                   {"peak_rss_bytes", uint64_t{12'897'485}},
                   {"peak_rss_at_most", false},
                   {"read_bytes", uint64_t{4096}},
                   {"write_bytes", uint64_t{8192}},
                   {"sent_bytes", null},
                   {"received_bytes", null},
                   {"voluntary_switches", uint64_t{11}},
                   {"involuntary_switches", uint64_t{12}},
                   {"minor_faults", uint64_t{13}},
                   {"major_faults", uint64_t{14}},
                   {"threads", uint64_t{8}},
                   {"login_uid", uint64_t{1000}}});
}

TEST(Json, NetworkBytesOfAnExit) {
    auto event = test::exit_event();
    auto& exit = std::get<model::Exit>(event.body);
    exit.sent_bytes = 5'000'000'000;
    exit.received_bytes = 0;
    EXPECT_NE(line_of(event).find(R"("sent_bytes":5000000000,"received_bytes":0,)"),
              std::string::npos);
}

TEST(Json, ExitByASignalWithMuchUnknown) {
    auto event = test::exit_event();
    auto& exit = std::get<model::Exit>(event.body);
    exit.status = 0x80 | 11;
    exit.peak_rss_bytes.reset();
    exit.threads.reset();
    const std::string line = line_of(event);
    for (const char* part : {R"("exit_code":null,"exit_signal":"SIGSEGV","core_dumped":true,)",
                             R"("peak_rss_bytes":null,)", R"("threads":null,"login_uid":1000})"}) {
        EXPECT_NE(line.find(part), std::string::npos) << part;
    }
}

TEST(Json, Signal) {
    const std::string line = line_of(test::signal_event());
    auto expected = common("123000", "signal");
    expected[3].second = uint64_t{5678};
    std::string text = golden(
        "123000", "signal",
        R"(,"signal":"SIGTERM","signal_number":15,"source":"user","result":"delivered","code":0,)"
        R"("process_wide":true,"sender_pid":1234,"sender_tid":1235,"sender_start_ns":1250000000,)"
        R"("sender_comm":"bash","sender_uid":1001)");
    text.replace(text.find(":5679"), 5, ":5678");
    EXPECT_EQ(line, text);
    expect_parsed(line, expected,
                  {{"signal", std::string("SIGTERM")},
                   {"signal_number", uint64_t{15}},
                   {"source", std::string("user")},
                   {"result", std::string("delivered")},
                   {"code", uint64_t{0}},
                   {"process_wide", true},
                   {"sender_pid", uint64_t{1234}},
                   {"sender_tid", uint64_t{1235}},
                   {"sender_start_ns", uint64_t{1'250'000'000}},
                   {"sender_comm", std::string("bash")},
                   {"sender_uid", uint64_t{1001}}});
}

TEST(Json, SignalWithoutASender) {
    auto event = test::signal_event();
    auto& signal = std::get<model::Signal>(event.body);
    signal.sender.reset();
    signal.source = model::SignalSource::timer;
    signal.code = -2;
    EXPECT_NE(line_of(event).find(
                  R"("source":"timer","result":"delivered","code":-2,"process_wide":true,)"
                  R"("sender_pid":null,"sender_tid":null,"sender_start_ns":null,)"
                  R"("sender_comm":null,"sender_uid":null})"),
              std::string::npos);
}

TEST(Json, Oom) {
    const std::string line = line_of(test::oom_event());
    EXPECT_EQ(line, golden("790000", "oom",
                           R"(,"rss_bytes":1288490189,"oom_score_adj":-17,"trigger_pid":99,)"
                           R"("trigger_comm":"hungry")"));
    expect_parsed(line, common("790000", "oom"),
                  {{"rss_bytes", uint64_t{1'288'490'189}},
                   {"oom_score_adj", int64_t{-17}},
                   {"trigger_pid", uint64_t{99}},
                   {"trigger_comm", std::string("hungry")}});
}

TEST(Json, KillFailed) {
    auto event = test::kill_failed_event();
    std::get<model::KillFailed>(event.body).target = -4321;
    const std::string line = line_of(event);
    auto expected = common("791000", "kill_failed");
    expected[3].second = uint64_t{1234};
    expected[7].second = std::string("bash");
    expect_parsed(line, expected,
                  {{"syscall", std::string("kill")},
                   {"signal", std::string("SIGTERM")},
                   {"signal_number", uint64_t{15}},
                   {"target_pid", int64_t{-4321}},
                   {"target_tid", null},
                   {"error", std::string("ESRCH")}});
}

TEST(Json, LossIsAboutNoProcess) {
    const std::string line = line_of(test::loss_event());
    EXPECT_EQ(line, R"({"time":"2026-11-20T22:33:49.800000Z","kind":"loss","host":"box",)"
                    R"("lost_kind":"exit","count":12,"place":"ring","cpu":1,)"
                    R"("from":"2026-11-20T22:33:49.790000Z",)"
                    R"("to":"2026-11-20T22:33:49.800000Z"})"
                    "\n");
    EXPECT_TRUE(test::parse_json_object(line));
}

constexpr std::string_view violation_head =
    R"({"time":"2026-11-20T22:33:49.810000Z","kind":"violation","host":"box","pid":5679,)"
    R"("ppid":5678,"start_ns":3500000000,"comm":"myapp","uid":1000,"cgroup_id":4294967362,)";

TEST(Json, Violation) {
    const std::string line = line_of(test::violation_event());
    EXPECT_EQ(line, std::string(violation_head) +
                        R"("state":"cleared","metric":"disk","value":12.5,"limit":50,)"
                        R"("unit":"MB/s","rule":"my*","peak":210.25,"mean":99.063,)"
                        R"("duration_ns":61500000000,"exited":true,"similar":2,)"
                        R"("executable":"/opt/myapp","argv":["myapp","--fast"],"user":"alice",)"
                        R"("cgroup":"/system.slice/myapp.service/jobs",)"
                        R"("systemd_unit":"myapp.service"})"
                        "\n");
    EXPECT_TRUE(test::parse_json_object(line));
}

TEST(Json, AViolationWithMuchUnknown) {
    auto event = test::violation_event();
    event.body = model::Violation{};
    const std::string line = line_of(event);
    EXPECT_EQ(line, std::string(violation_head) +
                        R"("state":"raised","metric":"cpu","value":null,"limit":0,"unit":"%",)"
                        R"("rule":"","peak":0,"mean":0,"duration_ns":0,"exited":false,)"
                        R"("similar":0,"executable":null,"argv":null,"user":null,"cgroup":null,)"
                        R"("systemd_unit":null})"
                        "\n");
    EXPECT_TRUE(test::parse_json_object(line));
}

// Numbers are exact to a thousandth, and no number makes a line invalid.
TEST(Json, NumbersOfAViolation) {
    for (const double value : {0.0, 0.001, 0.5, 99.999, 100.0, 1234567.25, 1e9, 1e12, 1e21}) {
        auto event = test::violation_event();
        std::get<model::Violation>(event.body).value = value;
        const auto parsed = test::parse_json_object(line_of(event));
        ASSERT_TRUE(parsed) << value;
        const auto& [key, read] = (*parsed)[11];
        EXPECT_EQ(key, "value");
        const auto* whole = std::get_if<uint64_t>(&read);
        EXPECT_EQ(whole != nullptr ? static_cast<double>(*whole) : std::get<double>(read), value);
    }
}

TEST(Json, LargestNumbersSurvive) {
    auto event = test::exit_event();
    auto& exit = std::get<model::Exit>(event.body);
    exit.cpu_ns = UINT64_MAX;
    event.process.start_ns = UINT64_MAX - 1;
    const auto parsed = test::parse_json_object(line_of(event));
    ASSERT_TRUE(parsed);
    for (const auto& [key, value] : *parsed) {
        if (key == "cpu_ns") {
            EXPECT_EQ(std::get<uint64_t>(value), UINT64_MAX);
        } else if (key == "start_ns") {
            EXPECT_EQ(std::get<uint64_t>(value), UINT64_MAX - 1);
        }
    }
}

TEST(Json, AHostNameIsForeignToo) {
    const std::string line = line_of(test::fork_event(), "a\"\n\x1b\xff");
    EXPECT_NE(line.find(R"("host":"a\"\u000a\u001b\\xff",)"), std::string::npos);
}

TEST(Json, HasNoHeader) { EXPECT_EQ(make_json_formatter("box")->header(), ""); }

}  // namespace
}  // namespace vigil::format
