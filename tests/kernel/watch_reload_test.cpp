// SPDX-License-Identifier: Apache-2.0
// A configuration that changes while it is in use, and an invalid one.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "watch.h"

namespace vigil::tests {
namespace {

std::string held_rule(const std::string& limit) {
    return R"({"process": "vt-reload", "memory": )" + limit + R"(, "cooldown": "1ms"})";
}

TEST(WatchReload, RunningMeasurementGoesOn) {
    WatchRun& run = shared_watch(held_rule("0.002"));
    const MeasuredProcess process(run, "vt-reload", [] {});
    const pid_t pid = process.pid();
    const auto last_under = [&](const std::string& rules) {
        run.apply(with_clock(rules));
        run.wait_for_sweep();
        const std::vector<Event> all = run.all({pid});
        return all.empty() ? Event() : all.back();
    };
    const Event raised = run.wait_for({pid, "raised", "memory"});
    const Event same = last_under(held_rule("0.001"));
    EXPECT_EQ(same.text("state"), "ongoing");
    EXPECT_NEAR(real(same, "limit"), 0.001, 1e-9);
    EXPECT_TRUE(run.all({pid, "raised"}).empty()) << "it is the same violation";
    const auto begin_of = [](const Event& event) {
        return static_cast<double>(reported_ns(event)) -
               static_cast<double>(event.number("duration_ns"));
    };
    EXPECT_NEAR(begin_of(same), begin_of(raised), 1e6);

    EXPECT_EQ(last_under(held_rule("1000000")).text("state"), "cleared");
    EXPECT_EQ(last_under(held_rule("0.001")).text("state"), "ongoing");
    const Event cleared = last_under("");
    EXPECT_EQ(cleared.text("state"), "cleared") << "its rule is gone";
    EXPECT_FALSE(cleared.flag("exited"));
}

// Without a signal: by polling the file.
TEST(WatchReload, ChangedFileIsFound) {
    WatchRun& run = shared_watch("");
    const MeasuredProcess process(run, "vt-found", [] {});
    run.replace_file(with_clock(report_all_rule("vt-found", "memory")));
    run.wait_for({process.pid(), "raised", "memory"});
    // In place, and with as many bytes as before.
    std::ofstream(run.file()) << with_clock(report_all_rule("vt-f*und", "memory"));
    run.wait_for({process.pid(), "raised", "memory", "vt-f*und"});
    run.wait_for({process.pid(), "cleared", "memory", "vt-found"});
}

TEST(WatchReload, BrokenFileChangesNothing) {
    WatchRun& run = shared_watch(report_all_rule("vt-stays", "memory"));
    const MeasuredProcess process(run, "vt-stays", [] {});
    for (const bool by_signal : {true, false}) {
        const std::string unit = by_signal ? "80%" : "81%";
        run.replace_file("[\n  {\"process\": \"vt-stays\", \"cpu\": \"" + unit + "\"}\n]");
        if (by_signal) {
            run.program().send(SIGHUP);
        }
        run.program().wait_for_error(
            "limits.json:2:34: rule 1: cpu: expected a number from 0 to "
            "1000000000, found \"" +
            unit + "\"");
        run.program().wait_for_error("vigil: the limits stay as they were");
        const size_t before = run.all({process.pid(), "ongoing", "memory"}).size();
        run.wait_for({process.pid(), "ongoing", "memory"}, before + 2);
    }
    EXPECT_TRUE(run.all({process.pid(), "cleared"}).empty());
}

TEST(WatchReload, FileThatIsGoneForAWhile) {
    WatchRun& run = shared_watch(report_all_rule("vt-gone", "memory"));
    const MeasuredProcess process(run, "vt-gone", [] {});
    ASSERT_EQ(::unlink(run.file().c_str()), 0);
    run.wait_for_sweep();
    EXPECT_TRUE(run.all({process.pid(), "cleared"}).empty());
    run.replace_file(with_clock(report_all_rule("vt-g?ne", "memory")));
    run.wait_for({process.pid(), "raised", "memory", "vt-g?ne"});
}

TEST(WatchReload, WrongFromTheStart) {
    const TempDirectory directory;
    const std::string path = directory.path() + "/limits.json";
    const auto errors_with = [&](const std::string& text) {
        std::ofstream(path) << text;
        Program vigil({"watch", "-c", path});
        EXPECT_EQ(vigil.wait(), 2);
        EXPECT_EQ(vigil.output(), "");
        return vigil.errors();
    };
    const auto expect_in = [](const std::string& part, const std::string& text) {
        EXPECT_NE(text.find(part), std::string::npos) << text;
    };
    expect_in(path + ":2:38: rule 1: memory: expected a number",
              errors_with("[\n"
                          R"({"process": "x", "cpu": 1, "memory": -1}])"));
    expect_in(path + ":1:18: rule 1: expected one of the keys",
              errors_with(R"([{"process":"x", "memroy": 512}])"));
    expect_in(path + ":1:1: expected an array", errors_with(R"({"process": "x"})"));
    ::unlink(path.c_str());
    Program vigil({"watch", "-c", path});
    EXPECT_EQ(vigil.wait(), 2);
    expect_in(path + ": No such file or directory", vigil.errors());
}

}  // namespace
}  // namespace vigil::tests
