// SPDX-License-Identifier: Apache-2.0
// Lines of the protocol for tests.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

#include "wire/protocol.h"

namespace vigil::wire {

constexpr const char* some_uuid = "0f8fad5b-d9cb-469f-a165-70867728950e";
constexpr const char* other_uuid = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
constexpr const char* some_time = "2026-11-20T22:33:49.123456Z";

// The line without its end, as a LineBuffer returns it: with readable bytes after it, which would
// be noticed if they were parsed as JSON.
class Line {
 public:
    explicit Line(std::string_view text) : bytes_(text) {
        if (!bytes_.empty() && bytes_.back() == '\n') {
            bytes_.pop_back();
        }
        size_ = bytes_.size();
        bytes_.append(MessageParser::padding, '}');
    }
    operator std::string_view() const { return {bytes_.data(), size_}; }

 private:
    std::string bytes_;
    size_t size_ = 0;
};

// The message if it has that type; fails the test otherwise.
template <class Message>
Message parsed_from_agent(const std::string& text) {
    const Line line(text);
    MessageParser parser;
    auto result = parser.from_agent(line);
    EXPECT_TRUE(result) << text << ": " << result.error().context;
    const auto* message = result ? std::get_if<Message>(&*result) : nullptr;
    EXPECT_NE(message, nullptr) << text;
    return message != nullptr ? *message : Message{};
}

template <class Message>
Message parsed_from_server(const std::string& text) {
    const Line line(text);
    MessageParser parser;
    auto result = parser.from_server(line);
    EXPECT_TRUE(result) << text << ": " << result.error().context;
    const auto* message = result ? std::get_if<Message>(&*result) : nullptr;
    EXPECT_NE(message, nullptr) << text;
    return message != nullptr ? *message : Message{};
}

// Why the line is refused; "" fails the test.
inline std::string refused_from_agent(std::string_view text) {
    const Line line(text);
    MessageParser parser;
    const auto result = parser.from_agent(line);
    EXPECT_FALSE(result) << text;
    return result ? "" : result.error().context;
}

inline std::string refused_from_server(std::string_view text) {
    const Line line(text);
    MessageParser parser;
    const auto result = parser.from_server(line);
    EXPECT_FALSE(result) << text;
    return result ? "" : result.error().context;
}

// An event of the protocol: its line for the log, and its sequence number.
inline std::pair<std::string, uint64_t> event_of(std::string_view text) {
    const Line line(text);
    MessageParser parser;
    const auto result = parser.from_agent(line);
    EXPECT_TRUE(result) << text << ": " << result.error().context;
    const auto* event = result ? std::get_if<EventLine>(&*result) : nullptr;
    EXPECT_NE(event, nullptr) << text;
    return event != nullptr ? std::pair(std::string(event->line), event->sequence)
                            : std::pair(std::string(), uint64_t{0});
}

}  // namespace vigil::wire
