// SPDX-License-Identifier: Apache-2.0
// Processes choose their names and arguments. The output is always one printable line, and valid in
// JSON.
#include <gtest/gtest.h>

#include <random>

#include "format/formatter.h"
#include "support/events.h"
#include "support/json.h"
#include "support/printable.h"

namespace vigil::format {
namespace {

constexpr int rounds = 50'000;

class Bytes {
 public:
    std::string next(size_t longest) {
        constexpr std::string_view spicy[] = {"\n",
                                              "\x1b[31m",
                                              "\x1b]0;x\x07",
                                              "\xff",
                                              "\xc2\x9b",
                                              "\xe2\x80\xae",
                                              "\"",
                                              "\\",
                                              "\xf0\x9f\x98",
                                              "\xed\xa0\x80",
                                              "\x7f",
                                              "\xef\xbb\xbf",
                                              "{}",
                                              ",\"pid\":1",
                                              "=",
                                              " "};
        std::string text;
        const size_t size = random_() % (longest + 1);
        while (text.size() < size) {
            if (random_() % 3 == 0) {
                text += spicy[random_() % std::size(spicy)];
            } else {
                text += static_cast<char>(random_());
            }
        }
        text.resize(size);  // may cut a sequence in two
        return text;
    }
    uint64_t number() { return random_(); }

 private:
    std::mt19937_64 random_{42};
};

void check(const model::Event& event, Formatter& json, Formatter& text, Formatter& bare,
           Formatter& table) {
    std::string out;
    json.append(out, event);
    ASSERT_EQ(test::unprintable(out, true), "") << out;
    ASSERT_TRUE(test::parse_json_object(out)) << out;
    for (Formatter* formatter : {&text, &bare, &table}) {
        out.clear();
        formatter->append(out, event);
        if (formatter == &table && out.empty()) {
            continue;
        }
        ASSERT_EQ(test::unprintable(out, true), "") << out;
    }
}

TEST(Hostile, NamesAndArguments) {
    Bytes bytes;
    const std::string host = bytes.next(64);
    const auto json = make_json_formatter(host);
    const auto text = make_text_formatter(true, false);
    const auto bare = make_text_formatter(false, false);
    const auto table = make_table_formatter();
    for (int i = 0; i < rounds && !::testing::Test::HasFatalFailure(); i++) {
        const std::string file = bytes.next(40);
        const std::string argv = bytes.next(60);
        model::Event events[] = {test::fork_event(),        test::exec_event(),
                                 test::signal_event(),      test::oom_event(),
                                 test::kill_failed_event(), test::violation_event()};
        model::Event& event = events[bytes.number() % std::size(events)];
        event.process.comm = test::comm(bytes.next(16));
        if (auto* exec = std::get_if<model::Exec>(&event.body)) {
            exec->file = file;
            exec->argv = argv;
        } else if (auto* signal = std::get_if<model::Signal>(&event.body)) {
            signal->sender->comm = test::comm(bytes.next(16));
            signal->number = static_cast<int>(bytes.number());
        } else if (auto* oom = std::get_if<model::Oom>(&event.body)) {
            oom->trigger_comm = test::comm(bytes.next(16));
        } else if (auto* violation = std::get_if<model::Violation>(&event.body)) {
            violation->rule = file;
            violation->executable = violation->user = file;
            violation->cgroup = violation->unit = file;
            violation->argv = argv;
        }
        check(event, *json, *text, *bare, *table);
    }
}

TEST(Hostile, EveryByteAndEveryPairOfBytes) {
    const auto json = make_json_formatter("box");
    const auto text = make_text_formatter(true, false);
    const auto bare = make_text_formatter(false, false);
    const auto table = make_table_formatter();
    for (int value = 0; value < 65'536 && !::testing::Test::HasFatalFailure(); value++) {
        auto event = test::fork_event();
        const char name[] = {static_cast<char>(value >> 8), static_cast<char>(value)};
        event.process.comm = test::comm({name, sizeof name});
        check(event, *json, *text, *bare, *table);
    }
}

}  // namespace
}  // namespace vigil::format
