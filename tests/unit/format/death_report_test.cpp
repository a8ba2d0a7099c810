// SPDX-License-Identifier: Apache-2.0
// Complete reports of `vigil why`.
#include "format/death_report.h"

#include <csignal>

#include "query/death_builder.h"
#include "support/printable.h"

namespace vigil::format {
namespace {

using namespace std::string_view_literals;
using model::SignalSource;

std::string report(const query::DeathBuilder& builder) {
    return death_report(query::read(builder), query::evening_ns + query::second_ns, false);
}

// The sentence, without the name before it and the facts after it.
std::string sentence(const query::DeathBuilder& builder) {
    const std::string text = report(builder);
    const std::string begin = "nginx (pid 4242) ";
    EXPECT_EQ(text.substr(0, begin.size()), begin);
    return text.substr(begin.size(), text.find('\n') - begin.size());
}

// One line of the facts; "" if there is none.
std::string fact(const query::DeathBuilder& builder, const std::string& label) {
    const std::string text = report(builder);
    const std::string begin = "\n  " + label + std::string(10 - label.size(), ' ');
    const size_t at = text.find(begin);
    if (at == std::string::npos) {
        return "";
    }
    return text.substr(at + begin.size(), text.find('\n', at + 1) - at - begin.size());
}

TEST(DeathReport, KillByAUser) {
    query::DeathBuilder builder = query::signalled(SIGKILL, SignalSource::user);
    model::Death& death = builder.death;
    death.exit.peak_rss_bytes = 212 << 20;
    death.exit.read_bytes = 0;
    death.exit.write_bytes = 1'288'490'189;
    death.exit.sent_bytes = 3'650'722'201;
    death.exit.received_bytes = 0;
    death.executable = "nginx";
    death.argv = "/usr/sbin/nginx\0-g\0daemon off;\0"sv;
    death.killer = query::killer();
    death.prior = model::PriorSignal{.number = SIGTERM,
                                     .source = SignalSource::user,
                                     .unix_ns = query::evening_ns - 10'201'000'000,
                                     .sender = model::Sender{.pid = 992, .comm = {}},
                                     .parent_pid = 991,
                                     .parent_comm = test::comm("bash")};
    death.limits = {.metrics = {"memory"},
                    .limits = {200},
                    .peaks = {212},
                    .since_unix_ns = {query::evening_ns - 162 * query::second_ns}};
    EXPECT_EQ(report(builder),
              "nginx (pid 4242, /usr/sbin/nginx -g daemon off;) was killed by SIGKILL at 22:33:49, "
              "2 h 13 min after it started.\n"
              "  Sent by   kill (pid 993, root: kill -9 4242) ← bash (pid 991) ← sshd (pid 980) ← "
              "systemd (pid 1)\n"
              "  Before    SIGTERM from the same bash, 10.2 s earlier\n"
              "  It used   CPU 4 min 12 s · peak memory 212 MB · disk 1.2 GB written · network 3.4 "
              "GB sent\n"
              "  Limits    memory 212 MB > 200 MB since 22:31:07\n"
              "  User      1000\n");
}

TEST(DeathReport, EverythingKnown) {
    query::DeathBuilder builder = query::full();
    builder.death.response.reset();
    builder.death.child.reset();
    EXPECT_EQ(
        report(builder),
        "nginx (pid 4242, /usr/sbin/nginx -g daemon off;) was killed by SIGSEGV at 22:33:49, "
        "1.2 s after it started. SIGKILL came while it dumped its core.\n"
        "  Sent by   kill (pid 993, root: kill -9 4242) ← bash (pid 991) ← sshd (pid 980) ← "
        "systemd (pid 1) ← …\n"
        "  Before    SIGTERM from the same zsh, 10.1 s earlier\n"
        "  Memory    it used 212 MB · limit 200 MB of /system.slice/nginx.service · java (pid "
        "99) failed to allocate\n"
        "  It used   CPU at least 10 ms · peak memory at most 12 MB · disk 4.0 KB read, 8.0 "
        "KB written · network 77 B received, 3.4 GB sent · 8 threads\n"
        "  Limits    memory 212.2 MB > 200 MB since 22:31:07 · cpu 99.5 % > 50.5 % since "
        "22:33:44\n"
        "  User      www-data, logged in as alice\n"
        "  Unit      nginx.service\n"
        "  Container 0123456789ab\n"
        "  Directory /srv\n"
        "  Parents   sshd (pid 980) ← init (pid 2) ← …\n");
}

TEST(DeathReport, AlmostNothingKnown) {
    EXPECT_EQ(report(query::DeathBuilder()),
              "nginx (pid 4242) exited with code 0 (success) at 22:33:49, 2 h 13 min after it "
              "started.\n"
              "  It used   CPU 4 min 12 s · peak memory unknown · disk unknown · network unknown\n"
              "  User      1000\n");
    EXPECT_EQ(
        death_report(query::read(R"({"kind":"death","time":"2026-11-20T22:33:49.000000Z","pid":1,)"
                                 R"("cause":"signal"})"
                                 "\n"),
                     query::evening_ns, false),
        "? (pid 1) was killed by a signal at 22:33:49: its sender is not known.\n"
        "  It used   CPU unknown · peak memory unknown · disk unknown · network unknown\n");
}

TEST(DeathReport, Exits) {
    const auto exit = [](uint32_t code, std::string_view executable = "nginx") {
        query::DeathBuilder builder;
        builder.death.exit.status = code << 8;
        builder.death.executable = executable;
        const std::string text = report(builder);
        const size_t begin = text.find("exited");
        return text.substr(begin, text.find('\n') - begin);
    };
    const std::string when = " at 22:33:49, 2 h 13 min after it started";
    EXPECT_EQ(exit(0), "exited with code 0 (success)" + when + ".");
    EXPECT_EQ(exit(3), "exited with code 3" + when + ".");
    EXPECT_EQ(exit(255), "exited with code 255" + when + ".");
    EXPECT_EQ(exit(126, "/bin/sh"),
              "exited with code 126" + when + ": of a shell: a command could not be run.");
    EXPECT_EQ(exit(127, "/usr/bin/bash"),
              "exited with code 127" + when + ": of a shell: a command was not found.");
    EXPECT_EQ(exit(137, "-zsh"),
              "exited with code 137" + when + ": of a shell: a command was ended by SIGKILL.");
    EXPECT_EQ(exit(137, "/usr/bin/timeout"),
              "exited with code 137" + when + ": its command was ended by SIGKILL.");
    for (const uint32_t code : {126U, 127U, 129U, 130U, 137U, 143U}) {
        for (const char* program : {"/usr/bin/python3", "git", "/usr/bin/java", "perl"}) {
            EXPECT_EQ(exit(code, program), "exited with code " + std::to_string(code) + when + ".");
        }
    }
    query::DeathBuilder builder;
    builder.death.prior = model::PriorSignal{.number = SIGTERM,
                                             .source = SignalSource::user,
                                             .unix_ns = query::evening_ns - 300'000'000,
                                             .sender = model::Sender{.pid = 1, .comm = {}},
                                             .parent_pid = 0,
                                             .parent_comm = {}};
    builder.death.prior->sender->comm = test::comm("systemd");
    builder.death.prior->parent_pid.reset();
    EXPECT_EQ(sentence(builder), "exited with code 0 (success)" + when + ", 0.3 s after SIGTERM.");
    EXPECT_EQ(fact(builder, "Before"), "SIGTERM from systemd (pid 1), 0.3 s earlier");
    builder.death.prior->number = SIGHUP;  // for example to reload its configuration
    builder.death.prior->unix_ns = query::evening_ns - 300 * query::second_ns;
    EXPECT_EQ(sentence(builder), "exited with code 0 (success)" + when + ".");
    EXPECT_EQ(fact(builder, "Before"), "SIGHUP from systemd (pid 1), 5 min 0 s earlier");
}

TEST(DeathReport, Signals) {
    const std::string when = " at 22:33:49, 2 h 13 min after it started";
    struct Case {
        int signal;
        SignalSource source;
        int code;
        const char* verb;
        const char* end;
    };
    const Case cases[] = {
        {SIGTERM, SignalSource::user, 0, "was killed by SIGTERM",
         ": by a process, which one is not known."},
        {SIGRTMIN + 1, SignalSource::queue, -1, "was killed by SIGRTMIN+1",
         ": by a process, which one is not known."},
        {SIGABRT, SignalSource::self, -6, "aborted itself with SIGABRT",
         ": as abort(3) and failed assertions do. No core was dumped."},
        {SIGTERM, SignalSource::self, 0, "killed itself with SIGTERM", "."},
        {SIGSEGV, SignalSource::fault, 1, "was killed by SIGSEGV",
         ": it used an address at which it has no memory. No core was dumped."},
        {SIGSEGV, SignalSource::fault, 2, "was killed by SIGSEGV",
         ": it used memory in a way that is forbidden there. No core was dumped."},
        {SIGSEGV, SignalSource::fault, 128, "was killed by SIGSEGV",
         ": it used an address that no process can have, or its execve(2) failed after its old "
         "program was removed. No core was dumped."},
        {SIGSEGV, SignalSource::fault, 3, "was killed by SIGSEGV",
         ": it used an address that it must not use. No core was dumped."},
        {SIGBUS, SignalSource::fault, 2, "was killed by SIGBUS",
         ": it used memory beyond the end of a mapped file, or that was not available: a full "
         "tmpfs, "
         "no huge page left, an error of the disk. No core was dumped."},
        {SIGBUS, SignalSource::fault, 4, "was killed by SIGBUS",
         ": the machine's memory is faulty there. No core was dumped."},
        {SIGFPE, SignalSource::fault, 1, "was killed by SIGFPE",
         ": it divided a whole number by zero, or the smallest one by -1. No core was dumped."},
        {SIGFPE, SignalSource::fault, 7, "was killed by SIGFPE",
         ": its arithmetic failed. No core was dumped."},
        {SIGILL, SignalSource::fault, 2, "was killed by SIGILL",
         ": it executed an illegal instruction. No core was dumped."},
        {SIGTRAP, SignalSource::fault, 1, "was killed by SIGTRAP",
         ": it reached a breakpoint, without a debugger. No core was dumped."},
        {SIGSYS, SignalSource::fault, 1, "was killed by SIGSYS",
         ": it made a system call that its seccomp filter forbids. No core was dumped."},
        {SIGPIPE, SignalSource::kernel, 0, "was killed by SIGPIPE",
         ": it wrote to a pipe or socket that nobody reads."},
        {SIGXFSZ, SignalSource::kernel, 0, "was killed by SIGXFSZ",
         ": it wrote beyond its file size limit (ulimit -f). No core was dumped."},
        {SIGXCPU, SignalSource::kernel, 128, "was killed by SIGXCPU",
         ": it reached its limit of CPU time (ulimit -t), or of real-time CPU time (ulimit -R). "
         "No core was dumped."},
        {SIGKILL, SignalSource::kernel, 128, "was killed by SIGKILL",
         ": it reached its hard limit of CPU time (ulimit -t, -R), or the init of its pid "
         "namespace or a tracer of it ended."},
        {SIGIO, SignalSource::kernel, 128, "was killed by SIGIO",
         ": a descriptor was ready for which it had requested this signal (O_ASYNC)."},
        {SIGHUP, SignalSource::kernel, 128, "was killed by SIGHUP",
         ": its terminal was closed or the leader of its session ended, or it was stopped and the "
         "process above its group ended."},
        {SIGUSR1, SignalSource::kernel, 128, "was killed by SIGUSR1",
         ": by the kernel, which states no reason."},
        {SIGALRM, SignalSource::timer, 128, "was killed by SIGALRM",
         ": its alarm went off, alarm(2) or setitimer(2)."},
        {SIGPROF, SignalSource::timer, 128, "was killed by SIGPROF",
         ": its timer of CPU time went off, setitimer(2)."},
        {SIGVTALRM, SignalSource::timer, 128, "was killed by SIGVTALRM",
         ": its timer of CPU time went off, setitimer(2)."},
        {SIGUSR1, SignalSource::timer, -2, "was killed by SIGUSR1",
         ": a timer of its own went off, timer_create(2)."},
        {SIGINT, SignalSource::terminal, 128, "was killed by SIGINT", ": Ctrl-C at its terminal."},
        {SIGQUIT, SignalSource::terminal, 128, "was killed by SIGQUIT",
         ": Ctrl-\\ at its terminal. No core was dumped."},
        {SIGHUP, SignalSource::terminal, 128, "was killed by SIGHUP",
         ": its terminal hung up: closed, or the connection was lost."},
        {SIGUSR2, SignalSource::terminal, 128, "was killed by SIGUSR2", ": by its terminal."},
        {SIGTERM, SignalSource::parent_death, 0, "was killed by SIGTERM",
         ": its parent ended, and it had requested this signal for that (PR_SET_PDEATHSIG)."},
        {SIGTERM, SignalSource::parent_thread, 0, "was killed by SIGTERM",
         ": the thread that had made it ended, though not that process, and it had requested "
         "this signal for that (PR_SET_PDEATHSIG)."},
        {SIGTERM, SignalSource::tracer, 0, "was killed by SIGTERM",
         ": its tracer gave it that signal, as a debugger does (ptrace)."},
        {SIGKILL, SignalSource::unknown, 0, "was killed by SIGKILL", ": its sender is not known."},
        {SIGKILL, SignalSource::oom, 0, "was killed by SIGKILL", ": its sender is not known."},
    };
    for (const Case& each : cases) {
        query::DeathBuilder builder = query::signalled(each.signal, each.source);
        builder.death.code = each.code;
        EXPECT_EQ(sentence(builder), each.verb + when + each.end);
    }
    query::DeathBuilder unseen = query::signalled(SIGKILL, SignalSource::kernel);
    unseen.death.signal_unix_ns.reset();
    EXPECT_EQ(sentence(unseen),
              "was killed by SIGKILL" + when +
                  ": without a signal, as strict seccomp does at a system call that it forbids.");
    query::DeathBuilder unknown = query::signalled(SIGHUP, SignalSource::unknown);
    unknown.death.source.reset();
    EXPECT_EQ(sentence(unknown), "was killed by SIGHUP" + when + ": its sender is not known.");
}

TEST(DeathReport, ChildrenWhoseEndIsRepeated) {
    const std::string when = " at 22:33:49, 2 h 13 min after it started";
    query::DeathBuilder builder;
    builder.death.exit.status = 137 << 8;
    builder.death.child = model::ChildDeath{
        .pid = 9, .comm = test::comm("sort"), .cause = model::Cause::oom, .signal = SIGKILL};
    EXPECT_EQ(sentence(builder), "exited with code 137" + when +
                                     ": its child sort (pid 9) was killed by the OOM killer.");
    builder.death.child->cause = model::Cause::signal;
    EXPECT_EQ(sentence(builder),
              "exited with code 137" + when + ": its child sort (pid 9) was killed by SIGKILL.");
    builder.death.child->cause = model::Cause::exit;
    builder.death.child->signal = 0;
    builder.death.child->exit_code = 137;
    EXPECT_EQ(sentence(builder),
              "exited with code 137" + when + ": its child sort (pid 9) exited with code 137.");
}

TEST(DeathReport, Responses) {
    const std::string when = " at 22:33:49, 2 h 13 min after it started";
    const auto response = [](int signal, SignalSource source, int own) {
        query::DeathBuilder builder = query::signalled(signal, source);
        builder.death.exit.status = static_cast<uint32_t>(own);
        builder.death.response = {.number = own,
                                  .unix_ns = *builder.death.signal_unix_ns + 40'000'000};
        return builder;
    };
    query::DeathBuilder builder = response(SIGTERM, SignalSource::user, SIGTERM);
    builder.death.killer = query::killer();
    EXPECT_EQ(sentence(builder),
              "was ended by SIGTERM" + when + ": it caught it and ended itself 40 ms later.");
    EXPECT_TRUE(fact(builder, "Sent by").starts_with("kill (pid 993, root: kill -9 4242)"));
    EXPECT_EQ(sentence(response(SIGINT, SignalSource::terminal, SIGINT)),
              "was ended by SIGINT" + when +
                  ": Ctrl-C at its terminal; it caught it and ended itself 40 ms later.");
    EXPECT_EQ(sentence(response(SIGSEGV, SignalSource::fault, SIGABRT)),
              "was killed by SIGSEGV" + when +
                  ": it used an address that it must not use; it caught it and aborted itself "
                  "with SIGABRT 40 ms later. No core was dumped.");
    EXPECT_EQ(sentence(response(SIGSEGV, SignalSource::fault, SIGKILL)),
              "was killed by SIGSEGV" + when +
                  ": it used an address that it must not use; it caught it and ended itself with "
                  "SIGKILL 40 ms later.");
}

TEST(DeathReport, AResponseWithinAMillisecondCameAtOnce) {
    query::DeathBuilder builder = query::signalled(SIGTERM, SignalSource::user);
    builder.death.exit.status = SIGTERM;
    for (const int64_t delay_ns : {0, 10'000, 999'999}) {
        builder.death.response = {.number = SIGTERM,
                                  .unix_ns = *builder.death.signal_unix_ns + delay_ns};
        EXPECT_TRUE(sentence(builder).ends_with("it caught it and ended itself at once."))
            << sentence(builder);
    }
}

TEST(DeathReport, AFullStack) {
    query::DeathBuilder builder = query::signalled(SIGSEGV, SignalSource::fault);
    builder.death.near_stack = true;
    EXPECT_NE(sentence(builder).find("at the end of its stack, which was probably full"),
              std::string::npos)
        << sentence(builder);
}

TEST(DeathReport, Cores) {
    const std::string begin =
        "was killed by SIGSEGV at 22:33:49, 2 h 13 min after it started: it used an address that "
        "it must not use. ";
    query::DeathBuilder builder = query::signalled(SIGSEGV, SignalSource::fault);
    EXPECT_EQ(sentence(builder), begin + "No core was dumped.");
    builder.death.exit.status |= 0x80;
    EXPECT_EQ(sentence(builder), begin + "Its core was dumped.");
    builder.death.exit.status = SIGKILL;
    EXPECT_EQ(sentence(builder), begin + "SIGKILL came while it dumped its core.");
}

TEST(DeathReport, OutOfMemory) {
    query::DeathBuilder builder = query::signalled(SIGKILL, SignalSource::oom);
    builder.death.cause = model::Cause::oom;
    const std::string begin =
        "was killed by the OOM killer at 22:33:49, 2 h 13 min after it started: ";
    EXPECT_EQ(sentence(builder), begin + "memory ran out.");
    EXPECT_EQ(fact(builder, "Memory"), "");
    builder.death.oom = model::OutOfMemory{.rss_bytes = 1 << 30,
                                           .limit_bytes = {},
                                           .limit_cgroup = {},
                                           .limited = {},
                                           .trigger_pid = 4242,
                                           .trigger_comm = test::comm("nginx")};
    EXPECT_EQ(sentence(builder), begin + "memory ran out.");
    EXPECT_EQ(fact(builder, "Memory"), "it used 1.0 GB · its own allocation failed");
    builder.death.oom->limit_bytes = 200 << 20;
    EXPECT_EQ(sentence(builder), begin + "memory ran out within a limit.");
    EXPECT_EQ(fact(builder, "Memory"), "it used 1.0 GB · limit 200 MB · its own allocation failed");
    builder.death.oom->limit_bytes.reset();
    builder.death.oom->limit_cgroup = "/a";
    EXPECT_EQ(fact(builder, "Memory"), "it used 1.0 GB · limit of /a · its own allocation failed");
    builder.death.oom->limit_cgroup.reset();
    builder.death.oom->limit_bytes.reset();
    builder.death.oom->limited = true;
    EXPECT_NE(sentence(builder).find(": memory ran out within a limit that is not known."),
              std::string::npos)
        << sentence(builder);
}

TEST(DeathReport, Sender) {
    query::DeathBuilder builder = query::signalled(SIGTERM, SignalSource::user);
    builder.death.killer = model::Killer{.pid = 7,
                                         .comm = test::comm("systemctl"),
                                         .user = {},
                                         .executable = {},
                                         .argv = "systemctl\0"sv,
                                         .ancestry = {}};
    EXPECT_EQ(fact(builder, "Sent by"), "systemctl (pid 7)") << "the command only repeats the name";
    std::vector<std::pair<uint64_t, std::string_view>> above;
    for (uint64_t pid = 40; pid > 10; pid--) {
        above.emplace_back(pid, "sh");
    }
    builder.death.killer->ancestry = query::ancestry(above);
    EXPECT_EQ(fact(builder, "Sent by"),
              "systemctl (pid 7) ← sh (pid 40) ← sh (pid 39) ← sh (pid 38) ← sh (pid 37) ← sh (pid "
              "36) ← sh (pid 35) ← sh (pid 34) ← sh (pid 33) ← … 21 more ← sh (pid 11)");
    builder.death.source = SignalSource::parent_death;
    builder.death.killer->ancestry = {};
    EXPECT_EQ(fact(builder, "Sent by"), "");
    EXPECT_EQ(fact(builder, "Parent"), "systemctl (pid 7)");
    builder.death.source = SignalSource::self;
    EXPECT_EQ(fact(builder, "Parent") + fact(builder, "Sent by"), "");
}

TEST(DeathReport, PriorSignal) {
    query::DeathBuilder builder = query::signalled(SIGKILL, SignalSource::user);
    builder.death.killer = query::killer();
    model::PriorSignal& before = builder.death.prior.emplace();
    before.number = SIGTERM;
    before.unix_ns = query::evening_ns - 90 * query::second_ns - 1'000'000;
    before.source = SignalSource::terminal;
    EXPECT_EQ(fact(builder, "Before"), "SIGTERM (terminal), 1 min 30 s earlier");
    before.sender = model::Sender{.pid = 993, .start_ns = 880'000'000, .comm = {}};
    EXPECT_EQ(fact(builder, "Before"), "SIGTERM from the same process, 1 min 30 s earlier");
    before.sender->start_ns = 1;
    before.sender->comm = test::comm("pkill");
    EXPECT_EQ(fact(builder, "Before"), "SIGTERM from pkill (pid 993), 1 min 30 s earlier");
    before.parent_pid = 55;
    before.parent_comm = test::comm("cron");
    EXPECT_EQ(fact(builder, "Before"),
              "SIGTERM from pkill (pid 993) ← cron (pid 55), 1 min 30 s earlier");
    before.parent_pid = 991;
    before.parent_comm = test::comm("bash");
    EXPECT_EQ(fact(builder, "Before"), "SIGTERM from the same bash, 1 min 30 s earlier");
    before.sender->pid = 991;
    before.sender->comm = test::comm("zsh");
    EXPECT_EQ(fact(builder, "Before"), "SIGTERM from the same zsh, 1 min 30 s earlier");
    before.sender->pid = 993;
    before.sender->comm = test::comm("pkill");
    // Every process descends from init.
    builder.death.killer->ancestry = query::ancestry({{1, "systemd"}});
    before.parent_pid = 1;
    before.parent_comm = test::comm("systemd");
    EXPECT_EQ(fact(builder, "Before"),
              "SIGTERM from pkill (pid 993) ← systemd (pid 1), 1 min 30 s earlier");
    before.sender->pid = 4242;
    EXPECT_EQ(fact(builder, "Before"), "SIGTERM from itself, 1 min 30 s earlier");
    before.unix_ns = query::evening_ns + query::second_ns;  // the clock was set back
    EXPECT_EQ(fact(builder, "Before"), "SIGTERM from itself");
}

TEST(DeathReport, Usage) {
    query::DeathBuilder builder;
    model::Exit& exit = builder.death.exit;
    exit.peak_rss_bytes = 0;
    exit.read_bytes = exit.write_bytes = exit.sent_bytes = exit.received_bytes = 0;
    exit.threads = 1;
    EXPECT_EQ(fact(builder, "It used"), "CPU 4 min 12 s · peak memory 0 B · no disk · no network");
    exit.read_bytes = 1 << 20;
    exit.sent_bytes.reset();
    exit.received_bytes = 1;
    EXPECT_EQ(fact(builder, "It used"),
              "CPU 4 min 12 s · peak memory 0 B · disk 1.0 MB read · network 1 B received");
}

TEST(DeathReport, AnotherDay) {
    const query::DeathRecord record = query::read(query::DeathBuilder());
    const std::string text =
        death_report(record, query::evening_ns + 7200 * query::second_ns, false);
    EXPECT_EQ(text.substr(0, text.find(',')),
              "nginx (pid 4242) exited with code 0 (success) on 2026-11-20 at 22:33:49");
}

TEST(DeathReport, TruncatesLongCommandsInTheSentence) {
    query::DeathBuilder builder;
    std::string argv = "java";
    argv += '\0' + std::string(500, 'x') + '\0';
    builder.death.argv = argv;
    const std::string text = report(builder);
    EXPECT_EQ(text.substr(0, text.find(") ")),
              "nginx (pid 4242, java " + std::string(94, 'x') + "…");
    EXPECT_EQ(fact(builder, "Command"), "java " + std::string(500, 'x'));
}

TEST(DeathReport, Colors) {
    const auto colored = [](const query::DeathBuilder& builder) {
        return death_report(query::read(builder), query::evening_ns, true);
    };
    EXPECT_EQ(colored(query::signalled(SIGKILL, SignalSource::kernel))
                  .rfind("nginx (pid 4242) \x1b[31mwas killed by SIGKILL\x1b[0m at 22:33:49", 0),
              0U);
    query::DeathBuilder failed;
    failed.death.exit.status = 1 << 8;
    const std::string text = colored(failed);
    EXPECT_EQ(text.rfind("nginx (pid 4242) \x1b[33mexited with code 1\x1b[0m at", 0), 0U);
    EXPECT_NE(text.find("\n  \x1b[2mIt used  \x1b[0m CPU 4 min"), std::string::npos) << text;
    EXPECT_EQ(
        colored(query::DeathBuilder()).rfind("nginx (pid 4242) exited with code 0 (success) at", 0),
        0U);
}

// Names and arguments with any bytes, of any length.
TEST(DeathReport, EscapesUntrustedBytes) {
    for (const std::string& bytes :
         {std::string("\x1b[31m"), std::string("a\nb\r"), std::string("\xff\xc2\x9b"),
          std::string("\xe2\x80\xae"), std::string("\t\x7f"), std::string(1000, '\x1b')}) {
        query::DeathBuilder builder = query::full();
        const std::string argv = bytes + '\0' + bytes + '\0';
        builder.event.process.comm = builder.death.killer->comm = test::comm(bytes);
        builder.death.prior->sender->comm = builder.death.prior->parent_comm = test::comm(bytes);
        builder.death.oom->trigger_comm = test::comm(bytes);
        builder.death.ancestry.comms[0] = builder.death.killer->ancestry.comms[1] =
            test::comm(bytes);
        builder.death.argv = builder.death.killer->argv = argv;
        builder.death.executable = builder.death.cwd = builder.death.user =
            builder.death.login_user = bytes;
        builder.death.unit = builder.death.container = builder.death.killer->user = bytes;
        builder.death.oom->limit_cgroup = bytes;
        std::string text = report(builder);
        EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), bytes.size() > 99 ? 12 : 11) << text;
        text.erase(std::remove(text.begin(), text.end(), '\n'), text.end());
        EXPECT_EQ(test::unprintable(text, false), "") << text;
    }
}

}  // namespace
}  // namespace vigil::format
