// SPDX-License-Identifier: Apache-2.0
// Events on the wire: from an agent's line to the log's line, and back to its origin.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "support/json.h"
#include "support/printable.h"
#include "wire/lines.h"
#include "wire/protocol.h"

namespace vigil::wire {
namespace {

const std::string head = R"({"time":")" + std::string(some_time) + R"(","kind":"fork")";

std::string event_with(const std::string& members) { return head + members + '}'; }

TEST(Events, PassesVigilsOwnEventsUnchanged) {
    const std::string line = event_with(R"(,"pid":5,"comm":"a b","journal_seq":17)");
    const auto [canonical, sequence] = event_of(line);
    EXPECT_EQ(canonical, line);
    EXPECT_EQ(sequence, 17U);
}

TEST(Events, RequiresOneSequence) {
    const std::string expected = "\"journal_seq\": expected one whole number above 0";
    for (const char* members :
         {"", R"(,"journal_seq":0)", R"(,"journal_seq":-1)", R"(,"journal_seq":1.0)",
          R"(,"journal_seq":"1")", R"(,"journal_seq":null)", R"(,"journal_seq":[1])",
          R"(,"journal_seq":1,"journal_seq":1)", R"(,"journal_seq":1,"journal_seq":2)",
          R"(,"journal_seq":"x","journal_seq":2)", R"(,"journal_seq":9223372036854775808)",
          R"(,"journal_seq":18446744073709551615)", R"(,"seq":1)"}) {
        EXPECT_EQ(refused_from_agent(event_with(members)), expected) << members;
    }
    EXPECT_NE(refused_from_agent(event_with(R"(,"journal_seq":99999999999999999999)")), "");
    EXPECT_EQ(event_of(event_with(R"(,"journal_seq":9223372036854775807)")).second, INT64_MAX);
}

TEST(Events, RequiresKindAndTime) {
    const std::string time = R"("time":")" + std::string(some_time) + '"';
    for (const char* kind : {"", R"("kind":"",)", R"("kind":5,)", R"("kind":null,)",
                             R"("kind":"Fork",)", R"("kind":"a b",)", R"("kind":"a-b",)",
                             R"("kind":"abcdefghijklmnopqrstuvwxyzabcdefg",)"}) {
        EXPECT_EQ(refused_from_agent('{' + std::string(kind) + time + R"(,"journal_seq":1})"),
                  "\"kind\": expected the kind of the event, or \"type\" in a message");
    }
    for (const char* bad :
         {"", R"("time":5,)", R"("time":null,)", R"("time":"",)", R"("time":"2026-11-20",)",
          R"("time":"2026-11-20T22:33:49Z",)", R"("time":"2026-11-20 22:33:49.123456Z",)",
          R"("time":"2026-11-20T22:33:49.123456",)", R"("time":"2026-11-20T22:33:49.123456+",)",
          R"("time":"2026-11-20T22:33:49.12345xZ",)",
          R"("time":"2026-11-20T22:33:49.1234567Z",)"}) {
        EXPECT_EQ(refused_from_agent('{' + std::string(bad) + R"("kind":"fork","journal_seq":1})"),
                  "\"time\": expected UTC like 2026-11-20T22:33:49.123456Z")
            << bad;
    }
}

TEST(Events, RejectsServerOnlyKeys) {
    for (const char* key : {"agent", "journal", "\\u0061gent", "journa\\u006c"}) {
        const std::string error_text =
            refused_from_agent(event_with(",\"" + std::string(key) + R"(":"x","journal_seq":1)"));
        EXPECT_NE(error_text.find(" is for the server to add"), std::string::npos) << error_text;
    }
}

TEST(Events, AnErrorNamesTheSequence) {
    MessageParser parser;
    EXPECT_FALSE(parser.from_agent(Line(R"({"kind":"fork","journal_seq":12})")));
    EXPECT_EQ(parser.refused_sequence(), 12U);
    EXPECT_FALSE(parser.from_agent(Line(R"({"kind":"fork","journal_seq":12,"agent":"x"})")));
    EXPECT_EQ(parser.refused_sequence(), 12U);
    EXPECT_FALSE(parser.from_agent(Line(R"({"journal":"x","kind":"fork","journal_seq":13})")));
    EXPECT_EQ(parser.refused_sequence(), 13U);
    EXPECT_FALSE(parser.from_agent(Line(R"({"type":"nonsense"})")));
    EXPECT_EQ(parser.refused_sequence(), std::nullopt) << "of the last line only";
}

// Otherwise a line that was damaged on the agent's disk would be sent again and again.
TEST(Events, AnErrorNamesTheSequenceOfInvalidJson) {
    MessageParser parser;
    for (const std::string damaged : {"{\"time\":\"2026\x01", "", "x", "{\"a\":\"\xff\""}) {
        std::string line;
        append_event(line, damaged, 34);
        EXPECT_FALSE(parser.from_agent(Line(line))) << line;
        EXPECT_EQ(parser.refused_sequence(), 34U) << line;
    }
    for (const char* line : {"nonsense", "{\"journal_seq\":5}x", ",\"journal_seq\":}",
                             ",\"journal_seq\":0}", ",\"journal_seq\":99999999999999999999}"}) {
        EXPECT_FALSE(parser.from_agent(Line(line)));
        EXPECT_EQ(parser.refused_sequence(), std::nullopt) << line;
    }
}

// Two lines with the same members, in any order.
void expect_same_meaning(const std::string& a, const std::string& b) {
    auto first = test::parse_json_object(a);
    auto second = test::parse_json_object(b);
    ASSERT_TRUE(first && second) << a << "\n" << b;
    const auto by_key = [](const auto& x, const auto& y) { return x.first < y.first; };
    std::stable_sort(first->begin(), first->end(), by_key);
    std::stable_sort(second->begin(), second->end(), by_key);
    EXPECT_EQ(test::to_string(*first), test::to_string(*second));
}

TEST(Events, AcceptsOtherSpacingAndOrder) {
    const std::string lines[] = {
        // The format of Python's json.dumps().
        R"({"journal_seq": 17, "time": "2026-11-20T22:33:49.123456Z", "kind": "fork", "pid": 5})",
        R"({"time": "2026-11-20T22:33:49.123456Z", "kind": "fork", "pid": 5, "journal_seq": 17})",
        R"({"time": "2026-11-20T22:33:49.123456Z", "journal_seq":17, "kind": "fork"})",
        "\t{ \"kind\" :\t\"fork\" , \"journal_seq\":17 ,\r\"time\": "
        "\"2026-11-20T22:33:49.123456Z\" } ",
        R"({"journal_seq":17,"comm":"\u00e4\u202e \"\\\n\u001b","kind":"fork",)"
        R"("time":"2026-11-20T22:33:49.123456Z","float":1.5,"big":18446744073709551615,)"
        R"("small":-9223372036854775808,"null":null,"yes":true,"argv":["a","\u0000b"]})",
        R"({"journal_seq":17,"k\u0065y \"x\"":1,"kind":"fork","time":)"
        R"("2026-11-20T22:33:49.123456Z"})",
        // A string that looks like the end of a line.
        R"({"journal_seq":17,"time":"2026-11-20T22:33:49.123456Z","kind":"fork",)"
        R"("x":",\"journal_seq\":18,\"agent\":\"a\"}"})",
    };
    for (const std::string& line : lines) {
        const auto [canonical, sequence] = event_of(line);
        EXPECT_EQ(sequence, 17U);
        EXPECT_TRUE(canonical.ends_with(",\"journal_seq\":17}")) << canonical;
        expect_same_meaning(line, canonical);
        EXPECT_EQ(event_of(canonical), std::pair(canonical, sequence)) << "unchanged";
    }
}

// Unescaped it would act on the terminal of the log's reader.
TEST(Events, EscapesTerminalControlBytes) {
    const std::string raw =
        ",\"\x7f\":\"a \\\\\\\"\\u001b\xc2\x9b[2J\xe2\x80\xae\x7f\","
        "\"argv\":[\"\xc2\x85\"],\"x\":1.5";
    for (const std::string& line :
         {event_with(raw + R"(,"journal_seq":17)"), R"({"journal_seq":17,"kind":"fork","time":")" +
                                                        std::string(some_time) + '"' + raw + '}'}) {
        const auto [canonical, sequence] = event_of(line);
        EXPECT_EQ(sequence, 17U);
        EXPECT_EQ(test::unprintable(canonical + "\n", true), "") << canonical;
        EXPECT_TRUE(canonical.ends_with(",\"journal_seq\":17}")) << canonical;
        expect_same_meaning(line, canonical);
    }
    // At any position of the line; text that is only not ASCII stays.
    for (size_t size = 0; size < 40; size++) {
        const std::string before = ",\"x\":\"" + std::string(size, 'x');
        const auto [line, sequence] = event_of(event_with(before + "\x7f\",\"journal_seq\":1"));
        EXPECT_NE(line.find(before.substr(1) + "\\u007f\""), std::string::npos) << line;
        const std::string readable = event_with(before + "ä€😀\",\"journal_seq\":1");
        EXPECT_EQ(event_of(readable).first, readable);
    }
}

TEST(Events, IgnoresNestedSequences) {
    const auto [line, sequence] =
        event_of(R"({"journal_seq":17,"time":"2026-11-20T22:33:49.123456Z","kind":"fork",)"
                 R"("x":{"a":1,"journal_seq":18}})");
    EXPECT_EQ(sequence, 17U);
    EXPECT_TRUE(line.ends_with(R"("x":{"a":1,"journal_seq":18},"journal_seq":17})")) << line;
}

TEST(Origins, ReadBackWhatWasAppended) {
    for (const uint64_t sequence : {uint64_t{1}, uint64_t{17}, uint64_t{INT64_MAX}}) {
        for (const std::string& name : {std::string("a"), std::string(64, 'z')}) {
            std::string sent;
            append_event(sent, event_with(R"(,"comm":"}{\"")"), sequence);
            EXPECT_EQ(sent.back(), '\n');
            const Line line(sent);
            MessageParser parser;
            const auto event = parser.from_agent(line);
            ASSERT_TRUE(event) << event.error().context;
            std::string logged;
            append_logged(logged, std::get<EventLine>(*event), name, some_uuid);
            EXPECT_TRUE(test::parse_json_object(logged)) << logged;
            EXPECT_TRUE(logged.ends_with("\"}\n")) << logged;
            for (const std::string end : {"", "\n", "\r\n"}) {
                const std::string read = logged.substr(0, logged.size() - 1) + end;
                const auto origin = parse_origin(read);
                ASSERT_TRUE(origin) << read;
                EXPECT_EQ(origin->agent, name);
                EXPECT_EQ(origin->journal, some_uuid);
                EXPECT_EQ(origin->sequence, sequence);
            }
        }
    }
}

TEST(Origins, CannotBeForgedByAString) {
    const std::string fake =
        std::string(R"(,\"journal_seq\":99,\"agent\":\"evil\",\"journal\":\")") + some_uuid +
        "\\\"}";
    std::string sent;
    append_event(sent, event_with(",\"x\":\"" + fake + "\""), 3);
    std::string logged;
    append_logged(logged, {3, Line(sent)}, "web-1", other_uuid);
    const auto origin = parse_origin(logged);
    ASSERT_TRUE(origin);
    EXPECT_EQ(origin->sequence, 3U);
    EXPECT_EQ(origin->agent, "web-1");
    EXPECT_EQ(origin->journal, other_uuid);
}

TEST(Origins, AreMissingInOtherLines) {
    std::string good;
    append_logged(good, {7, R"({"a":1,"journal_seq":7})"}, "web-1", some_uuid);
    ASSERT_TRUE(parse_origin(good));
    good.pop_back();
    const auto changed = [&](const std::string& from, const std::string& to) {
        std::string line = good;
        return line.replace(line.find(from), from.size(), to);
    };
    for (const std::string& line :
         {std::string(), std::string("\n"), std::string("{}"), std::string(1000, 'x'), good + 'x',
          good + good.substr(0, 20), changed("web-1", ""), changed("web-1", "-x"),
          changed("web-1", std::string(65, 'a')), changed(some_uuid, "x"), changed(":7,", ":,"),
          changed(":7,", ":x,"), changed(":7,", ":-7,"), changed(":7,", ":18446744073709551616,"),
          changed("\"agent\"", "\"Agent\""), changed(",\"journal\"", ", \"journal\"")}) {
        EXPECT_FALSE(parse_origin(line)) << line;
    }
    // Truncated anywhere it is invalid, and nothing after it is read.
    for (size_t length = 0; length < good.size(); length++) {
        const std::string cut = good.substr(0, length);
        EXPECT_FALSE(parse_origin(cut)) << cut;
    }
    std::mt19937 random(1);
    for (int i = 0; i < 2000; i++) {
        std::string line = good;
        line[random() % line.size()] = static_cast<char>(random());
        if (const auto origin = parse_origin(line)) {
            EXPECT_TRUE(is_name(origin->agent) && is_uuid(origin->journal)) << line;
        }
    }
}

}  // namespace
}  // namespace vigil::wire
