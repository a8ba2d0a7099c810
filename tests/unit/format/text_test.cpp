// SPDX-License-Identifier: Apache-2.0
// Golden lines: the bare ones are those of seed 002, to the byte; with details they are the
// exact prefix.
#include <gtest/gtest.h>

#include "format/formatter.h"
#include "support/events.h"

namespace vigil::format {
namespace {

using namespace std::string_view_literals;

std::string bare(const model::Event& event) {
    std::string out;
    make_text_formatter(false, false)->append(out, event);
    return out;
}

std::string details(const model::Event& event) {
    std::string out;
    make_text_formatter(true, false)->append(out, event);
    return out;
}

struct Golden {
    model::Event event;
    std::string_view line;
    std::string_view details;
};

const Golden golden[] = {
    {test::signal_event(),
     "[22:33:49.123] SIGNAL: SIGTERM (15) [bash/1234] -> [myapp/5678] bash (1234)",
     "source=user result=delivered code=0 sender_uid=1001"},
    {test::fork_event(), "[22:33:49.456] FORK: myapp (pid=5679, tgid=5679, ppid=5678)", "uid=1000"},
    {test::exec_event(), "[22:33:49.460] EXEC: myapp (pid=5679, tgid=5679, ppid=5678)",
     R"(file=/bin/ls argv=["ls","-l","a b"] uid=1000)"},
    {test::exit_event(), "[22:33:49.789] EXIT: myapp (pid=5679, tgid=5679)",
     "status=exit:3 lived=1.203s cpu=0.010s peak_rss=12.3MB read=4.0KB written=8.0KB threads=8"},
    {test::oom_event(), "[22:33:49.790] OOM: myapp (pid=5679, tgid=5679)",
     "rss=1.2GB oom_score_adj=-17 trigger_pid=99 trigger_comm=hungry"},
    {test::kill_failed_event(), "[22:33:49.791] KILL_FAILED: SIGTERM (15) [bash/1234] -> [99999]",
     "syscall=kill error=ESRCH"},
    {test::loss_event(), "[22:33:49.800] LOSS: exit (count=12)",
     "cpu=1 from=22:33:49.790 to=22:33:49.800"},
    {test::unobserved_event(), "[22:33:49.810] UNOBSERVED: 61.500s",
     "from=22:32:48.310 to=22:33:49.810 rebooted=no"},
};

TEST(Text, BareLines) {
    for (const Golden& each : golden) {
        EXPECT_EQ(bare(each.event), std::string(each.line) + "\n");
    }
}

TEST(Text, LinesWithDetails) {
    for (const Golden& each : golden) {
        EXPECT_EQ(details(each.event),
                  std::string(each.line) + "  " + std::string(each.details) + "\n");
    }
}

TEST(Text, ASignalWithoutASender) {
    auto event = test::signal_event();
    auto& signal = std::get<model::Signal>(event.body);
    signal.sender.reset();
    signal.source = model::SignalSource::kernel;
    signal.code = 128;
    EXPECT_EQ(details(event),
              "[22:33:49.123] SIGNAL: SIGTERM (15) [kernel/0] -> [myapp/5678] kernel (0)  "
              "source=kernel result=delivered code=128\n");
}

TEST(Text, NetworkBytesAreShownWhereTheyAreCounted) {
    auto event = test::exit_event();
    auto& exit = std::get<model::Exit>(event.body);
    exit.sent_bytes = 2048;
    exit.received_bytes = 0;
    EXPECT_EQ(details(event),
              "[22:33:49.789] EXIT: myapp (pid=5679, tgid=5679)  status=exit:3 lived=1.203s "
              "cpu=0.010s peak_rss=12.3MB read=4.0KB written=8.0KB sent=2.0KB received=0B "
              "threads=8\n");
}

TEST(Text, AThreadHasItsOwnNumberFirst) {
    auto fork = test::fork_event();
    std::get<model::Fork>(fork.body).thread = true;
    EXPECT_EQ(bare(fork), "[22:33:49.456] FORK: myapp (pid=5680, tgid=5679, ppid=5678)\n");
    auto exit = test::exit_event();
    auto& body = std::get<model::Exit>(exit.body);
    body.thread = true;
    body.peak_rss_bytes.reset();
    body.threads.reset();
    EXPECT_EQ(details(exit),
              "[22:33:49.789] EXIT: myapp (pid=5680, tgid=5679)  status=exit:3 lived=1.203s "
              "cpu=0.010s peak_rss=- read=4.0KB written=8.0KB threads=-\n");
}

TEST(Text, Statuses) {
    const std::pair<uint32_t, std::string_view> cases[] = {
        {0, "exit:0"},          {255 << 8, "exit:255"},         {9, "signal:SIGKILL"},
        {15, "signal:SIGTERM"}, {0x8b, "signal:SIGSEGV(core)"}, {37, "signal:SIGRTMIN+3"},
    };
    for (const auto& [status, text] : cases) {
        auto event = test::exit_event();
        std::get<model::Exit>(event.body).status = status;
        EXPECT_NE(details(event).find(" status=" + std::string(text) + " "), std::string::npos)
            << details(event);
    }
}

TEST(Text, APeakThatIsOnlyABound) {
    auto event = test::exit_event();
    std::get<model::Exit>(event.body).peak_rss_at_most = true;
    EXPECT_NE(details(event).find(" peak_rss=12.3MB(at_most) "), std::string::npos);
}

TEST(Text, ExecWithoutOrWithCutArguments) {
    auto event = test::exec_event();
    auto& exec = std::get<model::Exec>(event.body);
    exec.argv.reset();
    EXPECT_NE(details(event).find("  file=/bin/ls argv=- uid=1000\n"), std::string::npos);
    exec.argv = "ls\0-"sv;
    exec.argv_truncated = true;
    EXPECT_NE(details(event).find(R"( argv=["ls","-"] argv_truncated=yes uid=1000)"),
              std::string::npos);
    exec.argv = "";
    EXPECT_NE(details(event).find(" argv=[] "), std::string::npos);
}

TEST(Text, OomWithoutKnownMemory) {
    auto event = test::oom_event();
    std::get<model::Oom>(event.body).rss_bytes.reset();
    EXPECT_NE(details(event).find("  rss=- oom_score_adj=-17 "), std::string::npos);
}

TEST(Text, KillFailedOfAThread) {
    auto event = test::kill_failed_event();
    auto& failed = std::get<model::KillFailed>(event.body);
    failed.syscall = model::KillSyscall::tgkill;
    failed.target = 55;
    failed.target_tid = 56;
    failed.error = 1;
    failed.number = 0;
    EXPECT_EQ(details(event),
              "[22:33:49.791] KILL_FAILED: SIG0 (0) [bash/1234] -> [55]  syscall=tgkill "
              "target_tid=56 error=EPERM\n");
}

TEST(Text, KillFailedOfAnUnknownTarget) {
    auto event = test::kill_failed_event();
    auto& failed = std::get<model::KillFailed>(event.body);
    failed.syscall = model::KillSyscall::pidfd_send_signal;
    failed.target.reset();
    EXPECT_NE(details(event).find(" [bash/1234] -> [-]  syscall=pidfd_send_signal"),
              std::string::npos)
        << details(event);
}

TEST(Text, NamesAreEscapedAndQuotedInDetails) {
    auto fork = test::fork_event();
    fork.process.comm = test::comm("a\n\x1b[31m");
    EXPECT_EQ(bare(fork), R"([22:33:49.456] FORK: a\n\e[31m (pid=5679, tgid=5679, ppid=5678))"
                          "\n");
    auto oom = test::oom_event();
    std::get<model::Oom>(oom.body).trigger_comm = test::comm("a b=\"");
    EXPECT_NE(details(oom).find(R"( trigger_comm="a b=\"")"), std::string::npos);
    auto exec = test::exec_event();
    std::get<model::Exec>(exec.body).file = "/tmp/my file\n";
    EXPECT_NE(details(exec).find(R"(  file="/tmp/my file\n" argv=)"), std::string::npos);
}

TEST(Text, ColoursOnlyWhereAskedFor) {
    const auto coloured = [](const model::Event& event) {
        std::string out;
        make_text_formatter(true, true)->append(out, event);
        return out;
    };
    EXPECT_EQ(coloured(test::fork_event()),
              "[22:33:49.456] FORK: myapp (pid=5679, tgid=5679, ppid=5678)  \x1b[2muid=1000"
              "\x1b[0m\n");
    auto killed = test::exit_event();
    std::get<model::Exit>(killed.body).status = 9;
    EXPECT_EQ(coloured(killed).substr(0, 20), "\x1b[31m[22:33:49.789] ");
    EXPECT_EQ(coloured(test::exit_event()).substr(0, 20), "\x1b[33m[22:33:49.789] ");
    auto fine = test::exit_event();
    std::get<model::Exit>(fine.body).status = 0;
    EXPECT_EQ(coloured(fine)[0], '[');
    for (const Golden& each : golden) {
        const std::string line = coloured(each.event);
        EXPECT_TRUE(line.ends_with("\x1b[0m\n")) << line;
        EXPECT_EQ(details(each.event).find('\x1b'), std::string::npos);
    }
}

TEST(Text, AViolationReportsAllInItsLine) {
    constexpr std::string_view line =
        "[22:33:49.810] cleared  disk      12.5 MB/s <= 50 MB/s        myapp (pid 5679, alice)"
        "  after 1 min 1 s, peak 210.2, mean 99.1, process ended, 2 more like it"
        "  rule my*, unit myapp.service: myapp --fast\n";
    EXPECT_EQ(bare(test::violation_event()), line);
    EXPECT_EQ(details(test::violation_event()), line);
}

TEST(Text, AViolationHasTheColourOfItsState) {
    constexpr std::pair<model::ViolationState, std::string_view> cases[] = {
        {model::ViolationState::raised, "\x1b[31m["},
        {model::ViolationState::ongoing, "\x1b[33m["},
        {model::ViolationState::cleared, "\x1b[32m["},
    };
    for (const auto& [state, colour] : cases) {
        auto event = test::violation_event();
        std::get<model::Violation>(event.body).state = state;
        std::string out;
        make_text_formatter(true, true)->append(out, event);
        EXPECT_EQ(out.substr(0, colour.size()), colour);
    }
}

TEST(Text, HasNoHeader) { EXPECT_EQ(make_text_formatter(true, true)->header(), ""); }

}  // namespace
}  // namespace vigil::format
