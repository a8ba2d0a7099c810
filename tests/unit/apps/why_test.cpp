// SPDX-License-Identifier: Apache-2.0
// The commands as a whole, over state folders on disk.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "apps/commands.h"
#include "base/clock.h"
#include "history/made.h"
#include "support/processes.h"

namespace vigil::apps {
namespace {

using history::Made;

struct Said {
    int exit_code = 0;
    std::string out;
    std::string error;
};

Said run(int (*command)(const Arguments&), const Arguments& arguments) {
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    Said said;
    said.exit_code = command(arguments);
    said.out = ::testing::internal::GetCapturedStdout();
    said.error = ::testing::internal::GetCapturedStderr();
    return said;
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
        std::filesystem::create_directory(folder_.path("deaths"));
        std::string abnormal;
        std::string clean;
        for (uint32_t i = 0; i < 10; i++) {
            Made made =
                i == 7 ? history::full() : history::signalled(9, model::SignalSource::kernel);
            place(made, i);
            abnormal += made.line();
            Made good;
            place(good, i + 100);
            clean += good.line();
        }
        folder_.write("deaths/abnormal.log", abnormal);
        folder_.write("deaths/clean.log", clean);
    }

    // One second after another, on a day that is not today.
    static void place(Made& made, uint32_t second) {
        made.event.process.pid = 5000 + second;
        made.event.unix_ns += (second - year_s) * history::second_ns;
        made.event.process.comm = test::comm(second % 2 == 0 ? "even" : "odd");
    }

    Said why(Arguments arguments) {
        arguments.insert(arguments.end(), {"--state", folder_.path("")});
        return run(run_why, arguments);
    }
    Said history(Arguments arguments) {
        arguments.insert(arguments.end(), {"--state", folder_.path("")});
        return run(run_history, arguments);
    }

    const test::Folder folder_;
};

TEST_F(WhyTest, TheLastAbnormalOnes) {
    const Said said = why({});
    EXPECT_EQ(said.exit_code, 0);
    EXPECT_EQ(count_of(said.out, "was killed by"), 5U) << said.out;
    EXPECT_EQ(said.out.rfind("odd (pid 5009) was killed by SIGKILL on 2025-11-20 at 22:33:58", 0),
              0U);
    EXPECT_LT(said.out.find("(pid 5006"), said.out.find("(pid 5005"));
    EXPECT_EQ(said.out.find("exited"), std::string::npos);
    EXPECT_EQ(said.error, "");
    EXPECT_EQ(count_of(why({"-n", "1"}).out, "It used"), 1U);
}

TEST_F(WhyTest, OfAPidWhateverThereIs) {
    EXPECT_EQ(why({"5009"}).out.rfind("odd (pid 5009) was killed by SIGKILL", 0), 0U);
    EXPECT_EQ(why({"5109"}).out.rfind("odd (pid 5109) exited with code 0", 0), 0U);
}

// The clean exits that came after must not hide the kill.
TEST_F(WhyTest, OfANameWhatWentWrong) {
    const Said said = why({"even", "-n", "2"});
    EXPECT_EQ(count_of(said.out, "even (pid 500"), 2U) << said.out;
    EXPECT_NE(said.out.find("\n\nSince then even (pid 5108) has exited with code 0 (success) on "
                            "2025-11-20 at 22:35:37.\n"),
              std::string::npos)
        << said.out;
    const Said unit = why({"--unit", "nginx"});
    EXPECT_EQ(unit.out.rfind("odd (pid 5007, /usr/sbin/nginx", 0), 0U) << unit.out;
    EXPECT_EQ(unit.out.find("Since then"), std::string::npos);
}

TEST_F(WhyTest, OrWhatEndedWell) {
    Made good;
    good.event.process.comm = test::comm("good");
    folder_.write("deaths/clean.log", good.line());
    EXPECT_EQ(why({"good"}).out.rfind("good (pid 4242) exited with code 0", 0), 0U);
}

TEST_F(WhyTest, NothingFound) {
    const Said said = why({"nobody"});
    EXPECT_EQ(said.exit_code, 1);
    EXPECT_EQ(said.out, "");
    EXPECT_EQ(said.error,
              "vigil: no death of nobody is kept; what is goes back to 2025-11-20 22:33:49\n");
    EXPECT_EQ(why({"\x1b"}).error.find('\x1b'), std::string::npos);
    std::filesystem::remove_all(folder_.path("deaths"));
    const Said none = why({"5009"});
    EXPECT_EQ(none.exit_code, 1);
    EXPECT_EQ(none.error.rfind("vigil: no deaths are kept in ", 0), 0U);
    EXPECT_NE(none.error.find("'sudo vigil record', 'up' and 'agent' keep those to come"),
              std::string::npos);
}

TEST_F(WhyTest, WhoIsAliveIsSaid) {
    const std::string pid = std::to_string(::getpid());
    const Said said = why({pid});
    EXPECT_EQ(said.exit_code, 1);
    EXPECT_NE(said.error.find("\nvigil: pid " + pid + " ("), std::string::npos) << said.error;
    EXPECT_NE(said.error.find(") of this machine is alive; it started "), std::string::npos);
    EXPECT_EQ(why({"nobody"}).error.find("alive"), std::string::npos);
}

TEST_F(WhyTest, HistoryListsAll) {
    const Said said = history({});
    EXPECT_EQ(said.exit_code, 0);
    EXPECT_EQ(count_of(said.out, "\n"), 21U);
    EXPECT_EQ(said.out.rfind("TIME", 0), 0U);
    EXPECT_EQ(said.error, "");
    EXPECT_EQ(count_of(history({"--abnormal", "-c", "odd"}).out, "\n"), 6U);
    const Said none = history({"--since", "1s"});
    EXPECT_EQ(none.exit_code, 1);
    EXPECT_EQ(none.out, "");
    EXPECT_NE(none.error, "");
}

TEST_F(WhyTest, TheFolderOfDeathsItselfWillDo) {
    const Said said = run(run_history, {"--state", folder_.path("deaths")});
    EXPECT_EQ(count_of(said.out, "\n"), 21U);
}

TEST_F(WhyTest, JsonIsTheLinesAsTheyAre) {
    Made made = history::full();
    made.death.cwd = "\x1b\xff\xe2\x80\xae é";
    folder_.write("deaths/abnormal.log", made.line());
    EXPECT_EQ(history({"-p", "4242", "-o", "json"}).out, made.line());
    // Somebody else's JSON may hold what must not reach a terminal.
    std::string foreign = made.line();
    foreign.replace(foreign.find("é"), 2, "é\xc2\x9b");
    foreign.insert(1, "\r\t");
    folder_.write("deaths/abnormal.log", foreign);
    EXPECT_EQ(history({"-p", "4242", "-o", "json"}).exit_code, 1) << "not as a writer begins one";
    foreign.erase(1, 2);
    foreign.insert(foreign.find("\"pid\":4242,"), "\r");
    folder_.write("deaths/abnormal.log", foreign);
    const std::string shown = history({"-p", "4242", "-o", "json"}).out;
    EXPECT_NE(shown.find("é\\u009b"), std::string::npos) << shown;
    EXPECT_EQ(shown.find('\r'), std::string::npos);
}

TEST_F(WhyTest, GapsAreTold) {
    std::string line;
    model::Event event = test::unobserved_event();
    auto& unobserved = std::get<model::Unobserved>(event.body);
    unobserved.from_unix_ns -= year_s * history::second_ns;
    unobserved.to_unix_ns = event.unix_ns -= year_s * history::second_ns;
    sinks::make_json_sink("box")->append(line, event);
    folder_.write("deaths/abnormal.log", line);
    EXPECT_NE(history({}).out.find("\nnobody watched, 2025-11-20 22:32:48–22:33:49\n"),
              std::string::npos);
    const Said json = history({"-o", "json"});
    EXPECT_EQ(json.error, "nobody watched, 2025-11-20 22:32:48–22:33:49\n");
    EXPECT_EQ(json.out.find("nobody"), std::string::npos);
    EXPECT_NE(why({"nobody"}).error.find("nobody watched, "), std::string::npos);
}

}  // namespace
}  // namespace vigil::apps
