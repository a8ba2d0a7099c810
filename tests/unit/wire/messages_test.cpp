// SPDX-License-Identifier: Apache-2.0
// Messages of the line protocol: each side reads what the other writes, and errors name the member
// at fault.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "support/json.h"
#include "support/printable.h"
#include "wire/lines.h"
#include "wire/protocol.h"

namespace vigil::wire {
namespace {

// Everything that JSON must escape, and some that need no escape.
const std::string odd_text = "a \"b\" \\ \n\t\x7f \x1b[2J ä € 😀 \xe2\x80\xae";

Hello some_hello() {
    return {.protocol = 7,
            .agent = "web-1.example_x",
            .host = odd_text,
            .version = "1.2.3",
            .boot_id = "boot",
            .journal = some_uuid,
            .next_sequence = UINT64_MAX,
            .config = "c0ffee"};
}

AgentStatus some_status() {
    return {.config = "c0ffee",
            .config_error = odd_text,
            .processes = 1,
            .rules = 2,
            .raised = 3,
            .queued = 4,
            .lost = UINT64_MAX,
            .cpu_percent = 12.625,
            .memory_mb = std::nullopt};
}

TEST(Messages, RoundTripsHello) {
    const Hello hello = some_hello();
    const auto read = parsed_from_agent<Hello>(format(hello));
    EXPECT_EQ(read.protocol, hello.protocol);
    EXPECT_EQ(read.agent, hello.agent);
    EXPECT_EQ(read.host, hello.host);
    EXPECT_EQ(read.version, hello.version);
    EXPECT_EQ(read.boot_id, hello.boot_id);
    EXPECT_EQ(read.journal, hello.journal);
    EXPECT_EQ(read.next_sequence, hello.next_sequence);
    EXPECT_EQ(read.config, hello.config);
}

TEST(Messages, RoundTripsStatus) {
    const AgentStatus status = some_status();
    const auto read = parsed_from_agent<AgentStatus>(format(status));
    EXPECT_EQ(read.config, status.config);
    EXPECT_EQ(read.config_error, status.config_error);
    EXPECT_EQ(read.processes, status.processes);
    EXPECT_EQ(read.rules, status.rules);
    EXPECT_EQ(read.raised, status.raised);
    EXPECT_EQ(read.queued, status.queued);
    EXPECT_EQ(read.lost, status.lost);
    EXPECT_EQ(read.cpu_percent, status.cpu_percent);
    EXPECT_EQ(read.memory_mb, std::nullopt) << "unknown is not zero";
}

TEST(Messages, RoundTripsTheOthers) {
    const auto change = parsed_from_agent<JournalChange>(format(JournalChange{other_uuid, 18}));
    EXPECT_EQ(change.journal, other_uuid);
    EXPECT_EQ(change.next_sequence, 18U);

    const auto welcome = parsed_from_server<Welcome>(format(Welcome{some_uuid, 17}));
    EXPECT_EQ(welcome.journal, some_uuid);
    EXPECT_EQ(welcome.sequence, 17U);

    const auto ack = parsed_from_server<Ack>(format(Ack{some_uuid, 19}));
    EXPECT_EQ(ack.journal, some_uuid);
    EXPECT_EQ(ack.sequence, 19U);

    const std::string rules = R"([{"process":"a\"b","cpu":50,"memory":0.5,"x":[1,null,true]}])";
    const auto config = parsed_from_server<Config>(format(Config{"abc", rules}));
    EXPECT_EQ(config.hash, "abc");
    EXPECT_EQ(config.rules, rules) << "the hash is of these bytes";

    const auto error_message = parsed_from_server<ErrorMessage>(format(ErrorMessage{odd_text, 5}));
    EXPECT_EQ(error_message.reason, odd_text);
    EXPECT_EQ(error_message.sequence, 5U);
    EXPECT_EQ(parsed_from_server<ErrorMessage>(format(ErrorMessage{"no", std::nullopt})).sequence,
              std::nullopt);
}

TEST(Messages, AreEachOneSafeLine) {
    for (const std::string& line :
         {format(some_hello()), format(some_status()), format(JournalChange{some_uuid, 1}),
          format(Welcome{some_uuid, 1}), format(Config{"a", "[]"}), format(Ack{some_uuid, 1}),
          format(ErrorMessage{odd_text + "\xff\xfe", 1})}) {
        EXPECT_EQ(test::unprintable(line, true), "") << line;
        EXPECT_TRUE(line.starts_with("{\"type\":\"")) << line;
    }
}

TEST(Messages, AcceptAnyMemberOrderAndUnknownMembers) {
    const auto change = parsed_from_agent<JournalChange>(
        R"( { "new" : {"a":[1,{}]}, "next_seq": 4 , "journal" : ")" + std::string(some_uuid) +
        R"(", "type" : "journal" } )");
    EXPECT_EQ(change.next_sequence, 4U);
    EXPECT_EQ(change.journal, some_uuid);
}

// A message, and the allowed values of its members.
struct Form {
    std::string line;
    std::set<std::string> texts;
    std::set<std::string> numbers;
    bool from_agent;
};

std::vector<Form> forms() {
    return {{format(some_hello()),
             {"agent", "host", "version", "boot_id", "journal", "config"},
             {"protocol", "next_seq"},
             true},
            {format(JournalChange{some_uuid, 1}), {"journal"}, {"next_seq"}, true},
            {format(some_status()),
             {"config", "config_error"},
             {"processes", "rules", "raised", "queued", "lost"},
             true},
            {format(Welcome{some_uuid, 1}), {"journal"}, {"seq"}, false},
            {format(Ack{some_uuid, 1}), {"journal"}, {"seq"}, false},
            {format(Config{"abc", "[]"}), {"hash"}, {}, false},
            {format(ErrorMessage{"no", std::nullopt}), {"reason"}, {}, false}};
}

std::string refused(const Form& form, const std::string& line) {
    return form.from_agent ? refused_from_agent(line) : refused_from_server(line);
}

// The line with the member's value replaced; "": without the member.
std::string with(const std::string& line, const std::string& key, const std::string& value) {
    const std::string name = ",\"" + key + "\":";
    const size_t begin = line.find(name);
    EXPECT_NE(begin, std::string::npos) << line << key;
    size_t end = begin + name.size();
    for (bool quoted = false; quoted || (line[end] != ',' && line[end] != '}'); end++) {
        quoted = line[end] == '"' && line[end - 1] != '\\' ? !quoted : quoted;
    }
    return line.substr(0, begin) + (value.empty() ? "" : name + value) + line.substr(end);
}

void expect_named(const Form& form, const std::string& key, const std::string& value) {
    const std::string line = with(form.line, key, value);
    EXPECT_EQ(refused(form, line).rfind("\"" + key + "\": expected ", 0), 0U)
        << line << "\n"
        << refused(form, line);
}

TEST(Messages, NameAMissingOrMistypedMember) {
    for (const Form& form : forms()) {
        for (const std::string& key : form.texts) {
            for (const char* value : {"", "null", "5", "true", "[]", "{}", "[\"a\"]"}) {
                expect_named(form, key, value);
            }
        }
        for (const std::string& key : form.numbers) {
            for (const char* value : {"", "null", "\"5\"", "1.5", "-1", "1e3", "true", "[]",
                                      "18446744073709551615.0"}) {
                expect_named(form, key, value);
            }
        }
    }
}

TEST(Messages, NameAnOversizedMember) {
    for (const Form& form : forms()) {
        for (const std::string& key : form.texts) {
            expect_named(form, key, '"' + std::string(4097, 'a') + '"');
        }
    }
    const Form hello = forms()[0];
    for (const auto& [key, longest] : {std::pair<std::string, size_t>{"agent", 64},
                                       {"host", 256},
                                       {"version", 64},
                                       {"boot_id", 64},
                                       {"config", 64}}) {
        const std::string fits = '"' + std::string(longest, 'a') + '"';
        parsed_from_agent<Hello>(with(hello.line, key, fits));
        expect_named(hello, key, '"' + std::string(longest + 1, 'a') + '"');
    }
}

TEST(Messages, RejectNumbersBeyond64Bits) {
    EXPECT_NE(refused_from_agent(with(forms()[1].line, "next_seq", "18446744073709551616")), "");
}

TEST(Messages, ValidateNamesAndUuids) {
    const Form hello = forms()[0];
    for (const char* name : {"", ".a", "-a", "_a", "a b", "a/b", "a\\n", "ä", "a\\u0000"}) {
        expect_named(hello, "agent", '"' + std::string(name) + '"');
    }
    std::string upper = some_uuid;
    upper[1] = 'F';
    for (const std::string& uuid :
         {std::string(), upper, std::string(36, 'a'), std::string(some_uuid) + "0",
          std::string(some_uuid).substr(1), std::string("../../../../../../../../etc/passwd00")}) {
        expect_named(hello, "journal", '"' + uuid + '"');
    }
    for (int i = 0; i < 100; i++) {
        EXPECT_TRUE(is_uuid(make_uuid()));
    }
    EXPECT_NE(make_uuid(), make_uuid());
}

// It is displayed to the operator of the other side.
TEST(Messages, AHashIsHexDigits) {
    for (const char* hash : {"A", "g", "ab c", "\\u001b[2J", "ä", "\\u0000"}) {
        expect_named(forms()[0], "config", '"' + std::string(hash) + '"');
        expect_named(forms()[2], "config", '"' + std::string(hash) + '"');
        expect_named(forms()[5], "hash", '"' + std::string(hash) + '"');
    }
    parsed_from_agent<Hello>(with(forms()[0].line, "config", R"("")"));
    parsed_from_agent<Hello>(with(forms()[0].line, "config", R"("0123456789abcdef")"));
}

TEST(Messages, ValidateOptionalMembers) {
    const Form status = forms()[2];
    for (const char* key : {"cpu_percent", "memory_mb"}) {
        expect_named(status, key, "\"a\"");
        expect_named(status, key, "[]");
        parsed_from_agent<AgentStatus>(with(status.line, key, ""));
        parsed_from_agent<AgentStatus>(with(status.line, key, "5"));
    }
    const Form config = forms()[5];
    for (const char* value : {"", "null", "5", "\"[]\"", "true"}) {
        expect_named(config, "rules", value);
    }
}

TEST(Messages, RejectAnUnknownType) {
    const std::string agent_types = "\"type\": expected \"hello\", \"journal\" or \"status\"";
    for (const char* type : {"", "Hello", "welcome", "ack", "hello ", "event"}) {
        EXPECT_EQ(refused_from_agent(R"({"type":")" + std::string(type) + R"("})"), agent_types);
    }
    for (const char* type : {"", "hello", "status", "Ack"}) {
        EXPECT_EQ(refused_from_server(R"({"type":")" + std::string(type) + R"("})"),
                  "\"type\": expected \"welcome\", \"config\", \"ack\" or \"error\"");
    }
    EXPECT_EQ(refused_from_server("{}"), "\"type\": expected a string");
    EXPECT_EQ(refused_from_server(R"({"type":5})"), "\"type\": expected a string");
}

// Otherwise it would be logged as an event.
TEST(Messages, RejectATypeThatIsNoString) {
    const std::string rest =
        R"(,"kind":"fork","time":")" + std::string(some_time) + R"(","journal_seq":1})";
    for (const char* type : {"5", "null", "[]", "{}", "true"}) {
        EXPECT_EQ(refused_from_agent("{\"type\":" + std::string(type) + rest),
                  "\"type\": expected a string");
    }
}

TEST(Messages, RejectWhatIsNoJsonObject) {
    for (const char* line : {"[]", "5", "\"hello\"", "null", "true"}) {
        EXPECT_EQ(refused_from_agent(line), "expected a JSON object") << line;
        EXPECT_EQ(refused_from_server(line), "expected a JSON object") << line;
    }
    using namespace std::string_view_literals;
    for (const std::string_view line :
         {""sv, " "sv, "{"sv, "}"sv, "{}{}"sv, "{} x"sv, "GET / HTTP/1.1"sv, "{\"a\":1,}"sv,
          "{'a':1}"sv, "{\"a\":\"\xff\"}"sv, "{\"a\":\"\x01\"}"sv, "\0\0\0"sv, "{\"a\":NaN}"sv,
          "{\"a\":1\0}"sv, "\xef\xbb\xbf{}"sv}) {
        EXPECT_EQ(refused_from_agent(line).rfind("no valid JSON: ", 0), 0U) << line;
        EXPECT_EQ(refused_from_server(line).rfind("no valid JSON: ", 0), 0U) << line;
    }
    EXPECT_NE(refused_from_agent(std::string(60'000, '[')), "");
}

TEST(Messages, AParserContinuesAfterAnError) {
    MessageParser parser;
    EXPECT_FALSE(parser.from_agent(Line("nonsense")));
    const Line good(format(some_hello()));
    EXPECT_TRUE(parser.from_agent(good));
    MessageParser moved(std::move(parser));
    EXPECT_TRUE(moved.from_agent(good));
}

}  // namespace
}  // namespace vigil::wire
