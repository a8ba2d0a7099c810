// SPDX-License-Identifier: Apache-2.0
// The complete commands, on state directories on disk.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <future>
#include <thread>

#include "base/clock.h"
#include "commands/deaths/commands.h"
#include "query/death_builder.h"
#include "support/processes.h"

namespace vigil::commands {
namespace {

using query::DeathBuilder;

struct CommandOutput {
    int exit_code = 0;
    std::string out;
    std::string error;
};

CommandOutput run(int (*command)(const cli::Arguments&), const cli::Arguments& arguments) {
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    CommandOutput output;
    output.exit_code = command(arguments);
    output.out = ::testing::internal::GetCapturedStdout();
    output.error = ::testing::internal::GetCapturedStderr();
    return output;
}

size_t count_of(const std::string& text, const std::string& part) {
    size_t count = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
        count++;
    }
    return count;
}

constexpr int64_t year_s = 365 * 86'400;

class WhyTest : public ::testing::Test {
 protected:
    WhyTest() {
        std::filesystem::create_directory(directory_.path("deaths"));
        std::string abnormal;
        std::string clean;
        for (uint32_t i = 0; i < 10; i++) {
            DeathBuilder builder =
                i == 7 ? query::full() : query::signalled(9, model::SignalSource::kernel);
            place(builder, i);
            abnormal += builder.line();
            DeathBuilder good;
            place(good, i + 100);
            clean += good.line();
        }
        directory_.write("deaths/abnormal.log", abnormal);
        directory_.write("deaths/clean.log", clean);
    }

    // At intervals of one second, on a day other than today.
    static void place(DeathBuilder& builder, uint32_t second) {
        builder.event.process.pid = 5000 + second;
        builder.event.unix_ns += (second - year_s) * query::second_ns;
        builder.event.process.comm = test::comm(second % 2 == 0 ? "even" : "odd");
    }

    CommandOutput why(cli::Arguments arguments) {
        arguments.insert(arguments.end(), {"--state", directory_.path("")});
        return run(run_why, arguments);
    }
    CommandOutput history(cli::Arguments arguments) {
        arguments.insert(arguments.end(), {"--state", directory_.path("")});
        return run(run_history, arguments);
    }

    const test::TempDirectory directory_;
};

TEST_F(WhyTest, ListsTheLatestAbnormalDeaths) {
    const CommandOutput output = why({});
    EXPECT_EQ(output.exit_code, 0);
    EXPECT_EQ(count_of(output.out, "was killed by"), 5U) << output.out;
    EXPECT_EQ(output.out.rfind("odd (pid 5009) was killed by SIGKILL on 2025-11-20 at 22:33:58", 0),
              0U);
    EXPECT_LT(output.out.find("(pid 5006"), output.out.find("(pid 5005"));
    EXPECT_EQ(output.out.find("exited"), std::string::npos);
    EXPECT_EQ(output.error, "");
    EXPECT_EQ(count_of(why({"-n", "1"}).out, "It used"), 1U);
}

TEST_F(WhyTest, PidMatchesAnyDeath) {
    EXPECT_EQ(why({"5009"}).out.rfind("odd (pid 5009) was killed by SIGKILL", 0), 0U);
    EXPECT_EQ(why({"5109"}).out.rfind("odd (pid 5109) exited with code 0", 0), 0U);
}

// Later clean exits must not hide the kill.
TEST_F(WhyTest, NamePrefersAbnormalDeaths) {
    const CommandOutput output = why({"even", "-n", "2"});
    EXPECT_EQ(count_of(output.out, "even (pid 500"), 2U) << output.out;
    EXPECT_NE(output.out.find("\n\nSince then even (pid 5108) has exited with code 0 (success) on "
                              "2025-11-20 at 22:35:37.\n"),
              std::string::npos)
        << output.out;
    const CommandOutput unit = why({"--unit", "nginx"});
    EXPECT_EQ(unit.out.rfind("odd (pid 5007, /usr/sbin/nginx", 0), 0U) << unit.out;
    EXPECT_EQ(unit.out.find("Since then"), std::string::npos);
}

TEST_F(WhyTest, NameFallsBackToCleanExits) {
    DeathBuilder good;
    good.event.process.comm = test::comm("good");
    directory_.write("deaths/clean.log", good.line());
    EXPECT_EQ(why({"good"}).out.rfind("good (pid 4242) exited with code 0", 0), 0U);
}

TEST_F(WhyTest, ANumberMayBeAName) {
    DeathBuilder game;
    game.event.process.comm = test::comm("2048");
    directory_.write("deaths/clean.log", game.line());
    EXPECT_EQ(why({"2048"}).out.rfind("2048 (pid 4242) exited with code 0", 0), 0U);
    EXPECT_EQ(why({"4242"}).out.rfind("2048 (pid 4242) exited with code 0", 0), 0U);
    EXPECT_EQ(why({"20480000"}).exit_code, 1) << "no pid is so high: a name";
}

TEST_F(WhyTest, NamesSimilarOnes) {
    for (const CommandOutput& output : {why({"eve"}), history({"-c", "eve"})}) {
        EXPECT_EQ(output.exit_code, 1);
        EXPECT_NE(
            output.error.find("vigil: names are compared as a whole; similar ones are even\n"),
            std::string::npos)
            << output.error;
    }
    EXPECT_EQ(why({"eve?x"}).error.find("compared"), std::string::npos);
}

TEST_F(WhyTest, ReportsThatNothingWasFound) {
    const CommandOutput output = why({"nobody"});
    EXPECT_EQ(output.exit_code, 1);
    EXPECT_EQ(output.out, "");
    EXPECT_EQ(output.error,
              "vigil: no death of nobody is kept; the oldest kept one is of 2025-11-20 22:33:49\n");
    EXPECT_EQ(why({"\x1b"}).error.find('\x1b'), std::string::npos);
    std::filesystem::remove_all(directory_.path("deaths"));
    const CommandOutput none = why({"5009"});
    EXPECT_EQ(none.exit_code, 1);
    EXPECT_EQ(none.error.rfind("vigil: no deaths are kept in ", 0), 0U);
    EXPECT_NE(none.error.find("'sudo vigil record', 'up' and 'agent' record future ones"),
              std::string::npos);
}

TEST_F(WhyTest, ReportsThatThePidIsAlive) {
    const std::string pid = std::to_string(::getpid());
    const CommandOutput output = why({pid});
    EXPECT_EQ(output.exit_code, 1);
    EXPECT_NE(output.error.find("\nvigil: pid " + pid + " ("), std::string::npos) << output.error;
    EXPECT_NE(output.error.find(") of this machine is alive; it started "), std::string::npos);
    EXPECT_EQ(why({"nobody"}).error.find("alive"), std::string::npos);
}

TEST_F(WhyTest, ReportsThatThePidIsAThread) {
    std::promise<pid_t> started;
    std::promise<void> end;
    std::thread thread([&] {
        started.set_value(static_cast<pid_t>(::syscall(SYS_gettid)));
        end.get_future().wait();
    });
    const std::string tid = std::to_string(started.get_future().get());
    const CommandOutput output = why({tid});
    end.set_value();
    thread.join();
    EXPECT_EQ(output.exit_code, 1);
    EXPECT_NE(output.error.find("\nvigil: " + tid + " of this machine is a thread of process " +
                                std::to_string(::getpid()) + " ("),
              std::string::npos)
        << output.error;
}

TEST_F(WhyTest, HistoryListsAll) {
    const CommandOutput output = history({});
    EXPECT_EQ(output.exit_code, 0);
    EXPECT_EQ(count_of(output.out, "\n"), 21U);
    EXPECT_EQ(output.out.rfind("TIME", 0), 0U);
    EXPECT_EQ(output.error, "");
    EXPECT_EQ(count_of(history({"--abnormal", "-c", "odd"}).out, "\n"), 6U);
    const CommandOutput none = history({"--since", "1s"});
    EXPECT_EQ(none.exit_code, 1);
    EXPECT_EQ(none.out, "");
    EXPECT_NE(none.error, "");
}

TEST_F(WhyTest, AcceptsTheDeathsDirectoryItself) {
    const CommandOutput output = run(run_history, {"--state", directory_.path("deaths")});
    EXPECT_EQ(count_of(output.out, "\n"), 21U);
}

TEST_F(WhyTest, JsonPrintsJournalLinesVerbatim) {
    DeathBuilder builder = query::full();
    builder.death.cwd = "\x1b\xff\xe2\x80\xae é";
    directory_.write("deaths/abnormal.log", builder.line());
    EXPECT_EQ(history({"-p", "4242", "-o", "json"}).out, builder.line());
    // JSON of another program may contain bytes that must not reach a terminal.
    std::string foreign = builder.line();
    foreign.replace(foreign.find("é"), 2, "é\xc2\x9b");
    foreign.insert(1, "\r\t");
    directory_.write("deaths/abnormal.log", foreign);
    EXPECT_EQ(history({"-p", "4242", "-o", "json"}).exit_code, 1) << "not as a writer begins one";
    foreign.erase(1, 2);
    foreign.insert(foreign.find("\"pid\":4242,"), "\r");
    directory_.write("deaths/abnormal.log", foreign);
    const std::string output = history({"-p", "4242", "-o", "json"}).out;
    EXPECT_NE(output.find("é\\u009b"), std::string::npos) << output;
    EXPECT_EQ(output.find('\r'), std::string::npos);
}

TEST_F(WhyTest, ReportsCoverageGaps) {
    std::string line;
    model::Event event = test::unobserved_event();
    auto& unobserved = std::get<model::MonitoringGap>(event.body);
    unobserved.from_unix_ns -= year_s * query::second_ns;
    unobserved.to_unix_ns = event.unix_ns -= year_s * query::second_ns;
    format::make_json_formatter("box")->append(line, event);
    directory_.write("deaths/abnormal.log", line);
    EXPECT_NE(history({}).out.find("\nnot monitored, 2025-11-20 22:32:48–22:33:49\n"),
              std::string::npos);
    const CommandOutput json = history({"-o", "json"});
    EXPECT_EQ(json.error, "not monitored, 2025-11-20 22:32:48–22:33:49\n");
    EXPECT_EQ(json.out.find("not monitored"), std::string::npos);
    EXPECT_NE(why({"nobody"}).error.find("not monitored, "), std::string::npos);
}

}  // namespace
}  // namespace vigil::commands
