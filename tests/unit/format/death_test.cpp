// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "format/formatter.h"
#include "support/events.h"
#include "support/printable.h"

namespace vigil::format {
namespace {

std::string line_of(Formatter& formatter, const model::Death& death) {
    std::string line;
    formatter.append(line, test::death_event(death));
    EXPECT_EQ(line.back(), '\n');
    line.pop_back();
    return line;
}

std::string text_of(const model::Death& death) {
    const std::string line = line_of(*make_text_formatter(true, false), death);
    EXPECT_EQ(test::unprintable(line, false), "") << line;
    return line.substr(line.find("] ") + 2);
}

TEST(DeathLine, NamesTheKillerTheProcessAndItsUsage) {
    EXPECT_EQ(text_of(test::death()),
              "DIED     SIGKILL   myapp (pid 5679, alice)  by kill (pid 1234, alice)"
              "  after 1.2 s, CPU 10 ms, peak 12 MB, unit myapp.service: myapp --fast");
}

TEST(DeathLine, AnExitAndWhatIsNotKnown) {
    model::Death death;
    death.exit.status = 3 << 8;
    EXPECT_EQ(text_of(death), "DIED     exit 3    myapp (pid 5679)  after 0.0 s, CPU 0.0 s");
    death.exit.status = 11;
    death.signal = 11;
    death.source = model::SignalSource::fault;
    EXPECT_EQ(text_of(death),
              "DIED     SIGSEGV   myapp (pid 5679)  by fault  after 0.0 s, CPU 0.0 s");
}

TEST(DeathLine, HostileNamesAreWrittenOut) {
    using namespace std::string_view_literals;
    model::Death death = test::death();
    death.user = "a\x1b[31m";
    death.killer->user = "\n";
    death.killer->comm = test::comm("\x1b]0;x\a");
    death.unit = "\xff";
    death.argv = "a\0\x1b[2J\0\n"sv;
    EXPECT_EQ(test::unprintable(text_of(death), false), "");
}

TEST(Json, DeathHasAllThatHappened) {
    const std::string line = line_of(*make_json_formatter("box"), test::death());
    EXPECT_EQ(
        line,
        R"({"time":"2026-11-20T22:33:49.792000Z","kind":"death","host":"box",)"
        R"("boot_id":"1c5ad7d2-0f3c-4b53-8a53-0d6a27a0b0f0","boot_ns":5000000000,"pid":5679,)"
        R"("ppid":5678,"start_ns":3500000000,"comm":"myapp","uid":1000,"cgroup_id":4294967362,)"
        R"("cause":"oom","exit_code":null,"exit_signal":"SIGKILL","core_dumped":false,)"
        R"("signal":"SIGKILL","signal_source":"user","signal_code":0,)"
        R"("signal_time":"2026-11-20T22:33:49.000000Z","killer_pid":1234,)"
        R"("killer_start_ns":1250000000,"killer_comm":"kill","killer_uid":1001,)"
        R"("killer_user":"alice","killer_executable":"/bin/kill","killer_argv":["kill","-9"],)"
        R"("killer_ancestor_pids":[991,1],"killer_ancestor_comms":["bash","init"],)"
        R"("killer_ancestor_start_ns":[7,1],"killer_ancestry_cut":false,)"
        R"("before_signal":"SIGTERM","before_source":"user",)"
        R"("before_time":"2026-11-20T22:33:48.500000Z","before_pid":1234,)"
        R"("before_start_ns":1250000000,"before_comm":"bash","before_uid":1001,)"
        R"("before_parent_pid":991,"before_parent_comm":"bash","oom_rss_bytes":33554432,)"
        R"("oom_limit_bytes":67108864,"oom_limit_cgroup":"/system.slice","oom_trigger_pid":99,)"
        R"("oom_trigger_comm":"hungry","oom_limited":true,"executable":"/opt/myapp","argv":["myapp","--fast"],)"
        R"("cwd":"/srv","user":"alice","login_user":"bob",)"
        R"("cgroup":"/system.slice/myapp.service","systemd_unit":"myapp.service",)"
        R"("container_id":"0123","born":"2026-11-20T22:33:48.000000Z","ancestor_pids":[5678,1],)"
        R"("ancestor_comms":["sh","init"],"ancestor_start_ns":[9,1],"ancestry_cut":false,)"
        R"("broken_metrics":["memory"],"broken_limits":[200],"broken_peaks":[212.5],)"
        R"("broken_since":["2026-11-20T22:32:49.000000Z"],"lifetime_ns":1203456789,)"
        R"("cpu_ns":10500000,"cpu_user_ns":7000000,"cpu_system_ns":3500000,)"
        R"("bill_partial":false,"peak_rss_bytes":12897485,"peak_rss_at_most":false,)"
        R"("read_bytes":4096,"write_bytes":8192,"sent_bytes":null,"received_bytes":null,)"
        R"("voluntary_switches":11,"involuntary_switches":12,"minor_faults":13,)"
        R"("major_faults":14,"threads":8,"login_uid":1000})");
}

// Events that did not happen have no keys, unknown values are null.
TEST(Json, ACleanDeathIsShort) {
    const std::string line = line_of(*make_json_formatter("box"), model::Death{});
    for (const char* absent : {"killer_", "before_", "oom_", "broken_"}) {
        EXPECT_EQ(line.find(absent), std::string::npos) << absent;
    }
    for (const char* unknown :
         {"\"executable\":null", "\"argv\":null", "\"cwd\":null", "\"systemd_unit\":null",
          "\"signal\":null", "\"ancestor_pids\":[]", "\"threads\":null"}) {
        EXPECT_NE(line.find(unknown), std::string::npos) << unknown;
    }
}

}  // namespace
}  // namespace vigil::format
