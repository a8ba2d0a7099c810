// SPDX-License-Identifier: Apache-2.0
#include "server/commands.h"
#include "server/log_escape.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/clock.h"
#include "rules/parse.h"
#include "server/server_state.h"
#include "support/journal.h"
#include "support/json.h"
#include "support/printable.h"
#include "support/processes.h"

namespace vigil::server {
namespace {

constexpr uint64_t long_ns = 10 * ns_per_s;

// A server state without network, on its own files.
class CommandsTest : public ::testing::Test {
 protected:
    CommandsTest() {
        path_ = directory_.write("limits.json", R"([{"process": "nginx", "cpu": 50},)"
                                                R"({"process": "a b", "user": "bob", "cpu": 1}])");
        Options options;
        options.configuration = path_;
        options.log = directory_.path("events.log");
        auto configurations = Configurations::load(path_, std::nullopt);
        EXPECT_TRUE(configurations);
        auto state =
            ServerState::open(options, std::move(*configurations), [](const std::string&) {});
        EXPECT_TRUE(state) << state.error().context;
        state_ = std::move(*state);
    }

    Reply run(std::string_view line) {
        Reply reply = run_command(*state_, line);
        for (size_t begin = 0; begin < reply.text.size();) {
            const size_t end = reply.text.find('\n', begin);
            EXPECT_NE(end, std::string::npos) << "whole lines";
            EXPECT_EQ(test::unprintable(reply.text.substr(begin, end - begin), false), "");
            begin = end == std::string::npos ? reply.text.size() : end + 1;
        }
        return reply;
    }
    std::string good(std::string_view line) {
        const Reply reply = run(line);
        EXPECT_FALSE(reply.failed) << line << ": " << reply.text;
        return reply.text;
    }
    std::string bad(std::string_view line) {
        const std::string before = state_->configurations().common().hash;
        const Reply reply = run(line);
        EXPECT_TRUE(reply.failed) << line << ": " << reply.text;
        EXPECT_EQ(reply.next, Reply::Next::nothing);
        EXPECT_EQ(state_->configurations().common().hash, before) << line << " changed something";
        return reply.text;
    }
    const rules::RuleSet& rules() const { return state_->configurations().common().rules; }
    bool is_changed() const { return state_->configurations().common().is_edited; }

    const test::TempDirectory directory_;
    std::string path_;
    std::unique_ptr<ServerState> state_;
};

TEST_F(CommandsTest, AnEmptyLineDoesNothing) {
    for (const char* line : {"", " ", "\t \r"}) {
        EXPECT_EQ(good(line), "");
    }
}

TEST_F(CommandsTest, ReportsUnknownCommands) {
    EXPECT_EQ(bad("nonsense"), "no command nonsense: 'help' lists them\n");
    EXPECT_EQ(bad("Help"), "no command Help: 'help' lists them\n");
    EXPECT_EQ(bad("\x1b[2J \xff"), "no command \\e[2J: 'help' lists them\n");
    EXPECT_EQ(bad("config nonsense"),
              "no 'config nonsense': expected show, set, add, remove, load or save\n");
    for (const char* line : {"\"", "'", "config \"set", "config set 'a\" cpu 5", "a'"}) {
        EXPECT_EQ(bad(line), "a quote is not closed\n");
    }
}

TEST_F(CommandsTest, HelpNamesEveryCommand) {
    const std::string text = good("help");
    for (const char* command :
         {"config show", "config set", "config add", "config remove", "config load", "config save",
          "agents", "events", "follow", "stats", "quit"}) {
        EXPECT_NE(text.find(command), std::string::npos) << command;
    }
    EXPECT_EQ(good("?"), text);
}

TEST_F(CommandsTest, FollowAndQuitSetTheNextAction) {
    EXPECT_EQ(run("follow").next, Reply::Next::follow);
    EXPECT_EQ(run("quit").next, Reply::Next::quit);
    EXPECT_EQ(run("exit").next, Reply::Next::quit);
    EXPECT_EQ(run("stats").next, Reply::Next::nothing);
}

TEST_F(CommandsTest, ShowPrintsAValidFile) {
    for (const char* line : {"config", "config show", "'config'  \"show\"", "config show web-1"}) {
        const std::string text = good(line);
        EXPECT_NE(text.find("limits.json: 2 rules for *, hash "), std::string::npos) << text;
        const auto read = rules::parse(text.substr(text.find('\n') + 1), "shown");
        ASSERT_TRUE(read) << read.error().context;
        EXPECT_EQ(read->size(), 2U);
    }
}

TEST_F(CommandsTest, SetChangesALimit) {
    EXPECT_EQ(good("config set nginx memory 500").rfind("set: 2 rules, hash ", 0), 0U);
    EXPECT_EQ(rules()[0].limits[model::index(model::Metric::memory)], 500);
    EXPECT_EQ(rules()[0].limits[model::index(model::Metric::cpu)], 50);
    good("config set \"a b\" disk 0.5");
    ASSERT_EQ(rules().size(), 3U) << "bob's rule is another one";
    EXPECT_EQ(rules()[2].process, "a b");
    good("config set 'it\"s' network 1e3");
    EXPECT_EQ(rules()[3].process, "it\"s");
    EXPECT_EQ(rules()[3].limits[model::index(model::Metric::network)], 1000);
    good("config set nginx cpu 0");
    EXPECT_EQ(rules()[0].limits[model::index(model::Metric::cpu)], 0);
    EXPECT_TRUE(is_changed());
}

TEST_F(CommandsTest, SetRejectsOtherValues) {
    for (const char* line :
         {"config set", "config set nginx", "config set nginx cpu", "config set nginx cpu 5 6"}) {
        EXPECT_EQ(bad(line), "expected: config set PROCESS METRIC VALUE\n");
    }
    EXPECT_EQ(bad("config set nginx CPU 5"),
              "no metric CPU: expected cpu, memory, disk or network\n");
    for (const char* value :
         {"-1", "x", "5x", "''", "nan", "inf", "1e999", "+5", "0x10", "5%", "1,5", "-0.0001"}) {
        const std::string error = bad(std::string("config set nginx cpu ") + value);
        EXPECT_EQ(error.rfind("value ", 0), 0U) << error;
        EXPECT_NE(error.find("expected a number from 0 (no limit) to "), std::string::npos);
    }
    for (const char* name : {"''", "\xff"}) {
        EXPECT_NE(bad("config set " + std::string(name) + " cpu 5").find("expected "),
                  std::string::npos);
    }
    bad("config set " + std::string(300, 'a') + " cpu 5");
    EXPECT_FALSE(is_changed());
}

// Agents must accept what they are sent.
TEST_F(CommandsTest, AcceptedRulesAreReadableByAnAgent) {
    for (const char* line :
         {"config set nginx cpu -0", "config set nginx cpu 0.1", "config set x cpu 1e-300",
          "config set y memory 1e15", "config set z disk 123456789.123456789",
          "config set '*' cpu 4e-7", "config add {\"process\":\"w\",\"cpu\":-0.0}",
          "config add {\"process\":\"nginx\",\"cpu\":50}"}) {
        const Reply reply = run(line);
        const auto read = rules::parse(state_->configurations().common().text, "sent");
        EXPECT_TRUE(read) << line << ": " << read.error().context << reply.text;
        EXPECT_EQ(read ? read->size() : 0, rules().size());
    }
}

TEST_F(CommandsTest, AddAcceptsOneRuleOrSeveral) {
    EXPECT_EQ(good(R"(config add {"process": "x", "memory": 5})").rfind("added 1: 3 rules", 0), 0U);
    good(R"(  config   add   [{"process":"y y","cpu":1},{"process":"z","cpu":1}])");
    ASSERT_EQ(rules().size(), 5U);
    EXPECT_EQ(rules()[3].process, "y y");
    EXPECT_NE(bad("config add").find("expected a rule"), std::string::npos);
    EXPECT_NE(bad("config add  ").find("expected a rule"), std::string::npos);
    for (const char* line :
         {"config add nginx", "config add {}", R"(config add {"process": "x")",
          R"(config add {"process": "x", "cpus": 1})", R"(config add {"process": 5})",
          R"(config add {"process":"x","cpu":1} x)", R"(config add [{"process":"x","cpu":1},5])"}) {
        EXPECT_NE(bad(line).find("expected "), std::string::npos) << line;
    }
}

TEST_F(CommandsTest, RejectsMoreThanAgentsAccept) {
    const auto add = [&](int first) {
        std::string line = "config add [";
        for (int i = first; i < first + 100; i++) {
            line += R"({"process":")" + std::to_string(i) + R"(","cpu":1,"cgroup":")" +
                    std::string(4000, 'x') + R"("},)";
        }
        line.back() = ']';
        return run(line);
    };
    EXPECT_FALSE(add(0).failed);
    Reply last;
    for (int i = 1; i < 10 && !last.failed; i++) {
        last = add(i * 100);
    }
    EXPECT_EQ(last.text, "the rules would be longer than 1048576 bytes\n");
    EXPECT_TRUE(rules::parse(state_->configurations().common().text, "sent"));
}

TEST_F(CommandsTest, RemoveDeletesAllRulesOfAProcess) {
    EXPECT_EQ(bad("config remove"), "expected: config remove PROCESS\n");
    EXPECT_EQ(bad("config remove a b"), "expected: config remove PROCESS\n");
    EXPECT_EQ(bad("config remove apache"), "no rule for apache: 'config show' lists them\n");
    EXPECT_EQ(good("config remove 'a b'").rfind("removed 1: 1 rule,", 0), 0U);
    EXPECT_EQ(rules().size(), 1U);
}

TEST_F(CommandsTest, LoadAndSave) {
    const std::string copy = directory_.path("a copy.json");
    good("config set nginx memory 500");
    EXPECT_EQ(good("config save \"" + copy + "\""), "saved to \"" + copy + "\"\n");
    EXPECT_TRUE(is_changed());
    good("config load");
    EXPECT_FALSE(is_changed());
    EXPECT_EQ(rules()[0].limits[model::index(model::Metric::memory)], 0);
    good("config load '" + copy + "'");
    EXPECT_EQ(rules()[0].limits[model::index(model::Metric::memory)], 500);
    EXPECT_EQ(good("config save"), "saved to " + path_ + "\n");
    EXPECT_FALSE(is_changed());
    good("config load");
    EXPECT_EQ(rules()[0].limits[model::index(model::Metric::memory)], 500);

    EXPECT_EQ(bad("config load a b"), "expected: config load [FILE]\n");
    EXPECT_EQ(bad("config save a b"), "expected: config save [FILE]\n");
    EXPECT_NE(bad("config load /no/such").find("nothing was changed"), std::string::npos);
    bad("config save /no/such/directory");
    directory_.write("limits.json", "[{]");
    EXPECT_NE(bad("config load").find("nothing was changed"), std::string::npos);
}

TEST_F(CommandsTest, EventsPrintsTheEndOfTheLog) {
    EXPECT_EQ(good("events"), "");
    const std::string lines = test::numbered_lines(1, 30);
    auto& log = const_cast<journal::Writer&>(state_->log());
    ASSERT_TRUE(log.append(lines, 30));
    ASSERT_TRUE(log.wait_synced(30, long_ns));
    EXPECT_EQ(good("events"), test::numbered_lines(21, 30));
    EXPECT_EQ(good("events 1"), test::numbered_line(30));
    EXPECT_EQ(good("events 10000"), lines);
    for (const char* line :
         {"events 0", "events -1", "events x", "events 10001", "events 1 2", "events ''"}) {
        EXPECT_EQ(bad(line), "expected: events [N], N from 1 to 10000\n") << line;
    }
}

TEST_F(CommandsTest, AgentsAndStatsOfAnEmptyServer) {
    EXPECT_NE(good("agents").find("\n0 agents connected\n"), std::string::npos);
    const std::string text = good("stats");
    for (const char* name :
         {"connections_now", "refused_too_many", "refused_tls", "refused_wrong_name",
          "refused_bad_line", "refused_long_line", "refused_silent", "refused_slow_reader",
          "events_taken", "events_missing", "log_durable_sequence", "log_bytes"}) {
        EXPECT_NE(text.find(name), std::string::npos) << name;
    }
}

// A log may contain any valid JSON that agents can build.
TEST(AppendLogEscaped, KeepsTheMeaningWithoutControlCharacters) {
    const std::string lines[] = {
        R"({"a":"plain","b":["1",""],"d":2.5,"e":null,"c":"\u001b\n\\\"\/"})",
        "{\"a\":\"ä€😀\"}",
        "{\"a\":\"\x7f \xc2\x80\xc2\x9b[2J \xe2\x80\xae evil \xe2\x80\x8b \xef\xbb\xbf\"}",
        "{\"\xe2\x80\xae\":\"\\\\\xe2\x80\xae\\\"\x7f\"}",
        "{\"a\":\"\xf3\xa0\x80\x81\xef\xb8\x8f\"}",
        "{\"a\" :\t1,\r\"b\":\t\"x\"\r}",
        "{\"\x7f\":\"\"}",
    };
    for (const std::string& line : lines) {
        std::string escaped = "before ";
        append_log_escaped(escaped, line + '\n');
        ASSERT_EQ(escaped.rfind("before ", 0), 0U);
        escaped.erase(0, 7);
        EXPECT_EQ(test::unprintable(escaped, true), "") << escaped;
        const auto expected = test::parse_json_object(line);
        const auto read = test::parse_json_object(escaped);
        ASSERT_TRUE(expected && read) << escaped;
        EXPECT_EQ(test::to_string(*read), test::to_string(*expected));
    }
    std::string both;
    append_log_escaped(both, lines[0] + '\n' + lines[2] + '\n' + lines[1] + '\n');
    EXPECT_EQ(std::count(both.begin(), both.end(), '\n'), 3);
    EXPECT_EQ(both.rfind(lines[0] + '\n', 0), 0U) << "what is plain stays";
}

// A damaged log is not JSON; it must be safe for a terminal nevertheless.
TEST(AppendLogEscaped, EscapesDamagedBytes) {
    std::string bytes;
    for (int i = 0; i < 256; i++) {
        bytes += static_cast<char>(i == '\n' ? ' ' : i);
    }
    for (const std::string& line :
         {bytes, bytes + bytes, std::string("\x1b[2J\x9b\r\b"), std::string("\xe2\x80"),
          std::string(50, '\0'), std::string("\"\xff\\\xff\"\r")}) {
        std::string escaped;
        append_log_escaped(escaped, line + '\n');
        EXPECT_EQ(test::unprintable(escaped, true), "") << escaped;
    }
}

}  // namespace
}  // namespace vigil::server
