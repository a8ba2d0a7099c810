// SPDX-License-Identifier: Apache-2.0
// Programs that catch a signal and end themselves with one: the record names the first.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <functional>

#include "processes.h"
#include "record_run.h"

namespace vigil::tests {
namespace {

// Catches `number`, cleans up for 30 ms, and sends it to itself again.
void raise_again(int number) {
    std::signal(number, [](int caught) {
        ::usleep(30'000);
        std::signal(caught, SIG_DFL);
        ::raise(caught);
    });
}

void use_no_memory() {
    volatile char* nowhere = nullptr;
    asm volatile("" : "+r"(nowhere));
    *nowhere = 1;
}

// The program, once it has written a line to standard output.
pid_t start_program(const Strings& argv) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const Fd in(ends[0]);
    const pid_t pid = start([&] {
        ::dup2(ends[1], STDOUT_FILENO);
        exec("/usr/bin/env", argv);
        return 127;
    });
    ::close(ends[1]);
    char byte = 0;
    EXPECT_EQ(::read(in.get(), &byte, 1), 1) << argv[1];
    return pid;
}

void expect_ended_from_outside(const Event& death, int number, bool responds = true) {
    EXPECT_EQ(death.text("cause"), "signal") << death.line();
    EXPECT_EQ(death.text("signal"), number == SIGTERM ? "SIGTERM" : "SIGSEGV");
    EXPECT_EQ(death.text("signal_source"), "user");
    EXPECT_EQ(death.number("killer_pid"), ::getpid()) << death.line();
    EXPECT_EQ(death.has("response_signal"), responds) << death.line();
}

TEST(DeathHandler, ASignalRaisedAgainHasTheFirstSender) {
    RecordRun& deaths = RecordRun::shared();
    for (const int number : {SIGTERM, SIGSEGV}) {
        const pid_t pid = start_sleeper([&] { raise_again(number); });
        EXPECT_EQ(kill_and_wait(pid, number).signal(), number);
        const Event death = deaths.of(pid);
        expect_ended_from_outside(death, number);
        EXPECT_LT(death.text("signal_time"), death.text("response_time"));
    }
}

TEST(DeathHandler, OfRealPrograms) {
    RecordRun& deaths = RecordRun::shared();
    const Strings programs[] = {
        {"env", "bash", "-c",
         "trap 'trap - TERM; kill -TERM $$' TERM; echo; while :; do sleep 0.02; done"},
        {"env", "python3", "-c",
         "import os, signal, time\n"
         "def end(number, frame):\n"
         "    signal.signal(number, signal.SIG_DFL); os.kill(os.getpid(), number)\n"
         "signal.signal(signal.SIGTERM, end); print(flush=True); time.sleep(60)"},
        {"env", "perl", "-e",
         "$| = 1; $SIG{TERM} = sub { $SIG{TERM} = 'DEFAULT'; kill 'TERM', $$ }; print \"\\n\"; "
         "sleep 1 while 1"},
        {"env", "node", "-e", "setTimeout(() => {}, 60000); console.log()"},
    };
    int ran = 0;
    for (const Strings& program : programs) {
        const std::string found = "command -v " + program[1] + " >/dev/null";
        if (std::system(found.c_str()) != 0) {
            continue;
        }
        ran++;
        const pid_t pid = start_program(program);
        EXPECT_EQ(kill_and_wait(pid, SIGTERM).signal(), SIGTERM) << program[1];
        expect_ended_from_outside(deaths.of(pid), SIGTERM);
    }
    if (ran == 0) {
        GTEST_SKIP() << "none of the programs is here";
    }
}

TEST(DeathHandler, AFaultIsTheCause) {
    RecordRun& deaths = RecordRun::shared();
    for (const int response : {SIGSEGV, SIGABRT}) {
        const pid_t pid = start([&] {
            const rlimit none{};
            ::setrlimit(RLIMIT_CORE, &none);
            if (response == SIGSEGV) {
                raise_again(SIGSEGV);
            } else {
                std::signal(SIGSEGV, [](int) { std::abort(); });
            }
            use_no_memory();
            return 0;
        });
        EXPECT_EQ(wait_for(pid).signal(), response);
        const Event death = deaths.of(pid);
        EXPECT_EQ(death.text("signal"), "SIGSEGV") << death.line();
        EXPECT_EQ(death.text("signal_source"), "fault");
        EXPECT_EQ(death.text("response_signal"), response == SIGABRT ? "SIGABRT" : "SIGSEGV");
        EXPECT_EQ(death.text("exit_signal"), death.text("response_signal"));
        EXPECT_FALSE(death.has("killer_pid"));
    }
}

TEST(DeathHandler, AFaultBeforeAnExitIsThePriorSignal) {
    RecordRun& deaths = RecordRun::shared();
    const pid_t pid = start([] {
        std::signal(SIGSEGV, [](int) { ::_exit(3); });
        use_no_memory();
        return 0;
    });
    EXPECT_EQ(wait_for(pid).code(), 3);
    const Event death = deaths.of(pid);
    EXPECT_EQ(death.text("before_signal"), "SIGSEGV") << death.line();
    EXPECT_EQ(death.text("before_source"), "fault");
}

TEST(DeathHandler, AShellsExitCodeNamesItsChild) {
    RecordRun& deaths = RecordRun::shared();
    const pid_t shell = start([] {
        exec("/bin/sh", {"sh", "-c", "sh -c 'kill -KILL $$'; exit $?"});
        return 0;
    });
    EXPECT_EQ(wait_for(shell).code(), 128 + SIGKILL);
    const Event death = deaths.of(shell);
    EXPECT_EQ(death.text("child_comm"), "sh") << death.line();
    EXPECT_EQ(death.text("child_cause"), "signal");
    EXPECT_EQ(death.text("child_signal"), "SIGKILL");
}

// Ctrl-C, and a program that cleans up.
TEST(DeathHandler, OfATerminal) {
    const Fd terminal(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    ASSERT_TRUE(terminal);
    ASSERT_EQ(::unlockpt(terminal.get()), 0);
    const std::string name = ::ptsname(terminal.get());
    RecordRun& deaths = RecordRun::shared();
    const Gate ready;
    const pid_t pid = start([&] {
        ::setsid();
        const int own = ::open(name.c_str(), O_RDWR);
        ::ioctl(own, TIOCSCTTY, 0);
        raise_again(SIGINT);
        ready.open();
        while (true) {
            ::pause();
        }
        return 0;
    });
    ready.pass();
    ASSERT_EQ(::write(terminal.get(), "\x03", 1), 1);
    EXPECT_EQ(wait_for(pid).signal(), SIGINT);
    const Event death = deaths.of(pid);
    EXPECT_EQ(death.text("signal_source"), "terminal") << death.line();
    EXPECT_EQ(death.text("response_signal"), "SIGINT");
}

}  // namespace
}  // namespace vigil::tests
