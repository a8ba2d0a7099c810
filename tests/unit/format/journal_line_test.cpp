// SPDX-License-Identifier: Apache-2.0
// A line for the journal and the wire never exceeds the journal's max length, whatever untrusted
// bytes an event contains.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "format/formatter.h"
#include "support/events.h"
#include "support/json.h"
#include "support/printable.h"
#include "wire/protocol.h"

namespace vigil::format {
namespace {

// Bytes that each need an escape: as bytes, as control characters, as code points.
std::vector<std::string> hostile(size_t size_bytes) {
    std::string pairs;
    while (pairs.size() < size_bytes) {
        pairs += "\xc2\x80";
    }
    return {std::string(size_bytes, '\xff'), std::string(size_bytes, '\x01'),
            std::string(size_bytes, '\0'), std::string(size_bytes, '"'), pairs};
}

// Comms have 16 bytes without a NUL; all other untrusted strings of the event are `bytes`, which
// must outlive it.
std::vector<model::Event> max_events(const std::string& bytes) {
    std::vector<model::Event> events{
        test::fork_event(),   test::exec_event(),       test::exit_event(),
        test::signal_event(), test::oom_event(),        test::kill_failed_event(),
        test::loss_event(),   test::unobserved_event(), test::violation_event()};
    for (model::Event& event : events) {
        event.process.comm = test::comm(bytes);
        if (auto* exec = std::get_if<model::Exec>(&event.body)) {
            exec->file = bytes;
            exec->executable = bytes;
            exec->argv = bytes;
        } else if (auto* signal = std::get_if<model::Signal>(&event.body)) {
            signal->sender->comm = test::comm(bytes);
        } else if (auto* oom = std::get_if<model::Oom>(&event.body)) {
            oom->trigger_comm = test::comm(bytes);
        } else if (auto* violation = std::get_if<model::Violation>(&event.body)) {
            violation->rule = bytes;
            violation->executable = violation->argv = bytes;
            violation->user = violation->cgroup = violation->unit = bytes;
        }
    }
    return events;
}

std::string line_of(const model::Event& event, const std::string& host) {
    std::string line;
    make_json_formatter(host, max_journal_line_bytes)->append(line, event);
    return line;
}

bool is_cut(const std::string& line) { return line.ends_with(",\"cut\":true}\n"); }

TEST(JournalLine, TheLargestOfEachKindFits) {
    for (const std::string& bytes : hostile(4096)) {
        for (const model::Event& event : max_events(bytes)) {
            const std::string line = line_of(event, bytes.substr(0, 64));
            EXPECT_LE(line.size(), max_journal_line_bytes) << to_string(event.kind);
            EXPECT_EQ(test::unprintable(line, true), "") << line;
            EXPECT_TRUE(test::parse_json_object(line)) << line;
        }
    }
}

TEST(JournalLine, OneThatIsCutSaysSo) {
    const std::string bytes(4096, '\xff');
    const model::Event violation = max_events(bytes).back();
    const std::string line = line_of(violation, "box");
    EXPECT_TRUE(is_cut(line)) << line;
    EXPECT_NE(line.find("\"kind\":\"violation\""), std::string::npos);
    EXPECT_NE(line.find("\"metric\":\"disk\""), std::string::npos) << "numbers stay whole";
}

TEST(JournalLine, OneThatFitsIsNotCut) {
    const std::string bytes(4096, 'x');
    for (const model::Event& event : max_events(bytes)) {
        const std::string line = line_of(event, "box");
        EXPECT_FALSE(is_cut(line)) << line;
        std::string unbounded;
        make_json_formatter("box")->append(unbounded, event);
        EXPECT_EQ(line, unbounded);
    }
}

TEST(JournalLine, TheOneAfterACutOneIsWhole) {
    const auto formatter = make_json_formatter("box", max_journal_line_bytes);
    std::string out = "what stood there before\n";
    const std::string bytes(4096, '\x01');
    formatter->append(out, max_events(bytes).back());
    EXPECT_TRUE(is_cut(out));
    const size_t begin = out.size();
    formatter->append(out, test::violation_event());
    EXPECT_EQ(out.substr(begin), line_of(test::violation_event(), "box"));
    EXPECT_EQ(out.rfind("what stood there before\n{", 0), 0U);
}

// The lines of agent and server fit the limits of both sides.
TEST(JournalLine, TheServerTakesIt) {
    for (const std::string& bytes : hostile(4096)) {
        for (const model::Event& event : max_events(bytes)) {
            std::string sent;
            wire::append_event(sent, line_of(event, "box"), INT64_MAX);
            ASSERT_LE(sent.size(), wire::max_agent_line_bytes);
            std::string padded = sent + std::string(wire::MessageParser::padding, ' ');
            wire::MessageParser parser;
            const auto read =
                parser.from_agent(std::string_view(padded).substr(0, sent.size() - 1));
            EXPECT_TRUE(read) << read.error().context << sent;
        }
    }
}

}  // namespace
}  // namespace vigil::format
