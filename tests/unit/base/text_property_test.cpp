// SPDX-License-Identifier: Apache-2.0
// For any bytes: the output is harmless, valid, and distinguishable from that of other bytes.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "base/text.h"
#include "support/json.h"
#include "support/printable.h"

namespace vigil {
namespace {

constexpr int rounds = 100'000;

// Strings of dangerous parts: controls, quotes, partial and whole UTF-8 sequences.
class Strings {
 public:
    std::string next() {
        std::string text;
        const size_t parts = random_() % 12;
        for (size_t i = 0; i < parts; i++) {
            append_part(text);
        }
        return text;
    }

 private:
    void append_part(std::string& text) {
        switch (random_() % 6) {
            case 0:
                text += static_cast<char>(random_());
                break;
            case 1:
                text += static_cast<char>(random_() % 0x20);
                break;
            case 2:
                text += R"(\"={}[]/ xu0)"[random_() % 12];
                break;
            case 3:
                append_code_point(text, random_() % 0x3000);
                break;
            case 4:
                append_code_point(text, random_() % 0x120000);
                break;
            default:
                text += static_cast<char>('a' + random_() % 26);
        }
    }

    // Includes invalid code points: surrogates, and those above U+10FFFF.
    static void append_code_point(std::string& text, uint64_t point) {
        const auto add = [&](uint64_t byte) { text += static_cast<char>(byte); };
        if (point < 0x80) {
            add(point);
        } else if (point < 0x800) {
            add(0xc0 | point >> 6), add(0x80 | (point & 0x3f));
        } else if (point < 0x10000) {
            add(0xe0 | point >> 12), add(0x80 | (point >> 6 & 0x3f)), add(0x80 | (point & 0x3f));
        } else {
            add(0xf0 | point >> 18), add(0x80 | (point >> 12 & 0x3f));
            add(0x80 | (point >> 6 & 0x3f)), add(0x80 | (point & 0x3f));
        }
    }

    std::mt19937_64 random_{20'261'120};
};

// Reverses \n, \t, \r, \e, \xHH, \u{HEX}, \\ and \".
std::string unescape(std::string_view text) {
    std::string bytes;
    while (!text.empty()) {
        if (text[0] != '\\') {
            bytes += text[0];
            text.remove_prefix(1);
            continue;
        }
        const char escape = text.at(1);
        text.remove_prefix(2);
        if (escape == 'x') {
            bytes += static_cast<char>(std::stoi(std::string(text.substr(0, 2)), nullptr, 16));
            text.remove_prefix(2);
        } else if (escape == 'u') {
            const size_t end = text.find('}');
            const auto hex = std::string(text.substr(1, end - 1));
            const unsigned long point = std::stoul(hex, nullptr, 16);
            const unsigned long rest = point - 0x10000;  // of a surrogate pair
            const auto json = test::parse_json_string(
                point < 0x10000 ? fmt::format("\"\\u{:04x}\"", point)
                                : fmt::format("\"\\u{:04x}\\u{:04x}\"", 0xd800 + rest / 0x400,
                                              0xdc00 + rest % 0x400));
            bytes += json.value_or("?");
            text.remove_prefix(end + 1);
        } else {
            const size_t at = std::string_view("ntre\\\"").find(escape);
            bytes += at == std::string_view::npos ? '?' : "\n\t\r\x1b\\\""[at];
        }
    }
    return bytes;
}

TEST(TextProperty, EscapedTextIsHarmlessAndReversible) {
    Strings strings;
    for (int i = 0; i < rounds; i++) {
        const std::string bytes = strings.next();
        std::string out;
        append_escaped(out, bytes);
        ASSERT_EQ(test::unprintable(out, false), "") << out;
        ASSERT_EQ(unescape(out), bytes) << out;
    }
}

TEST(TextProperty, AQuotedTextIsOneToken) {
    Strings strings;
    for (int i = 0; i < rounds; i++) {
        const std::string bytes = strings.next();
        std::string out;
        append_quoted(out, bytes);
        ASSERT_EQ(test::unprintable(out, false), "") << out;
        if (out[0] != '"') {
            ASSERT_EQ(out.find_first_of(" \"="), std::string::npos) << out;
            ASSERT_EQ(unescape(out), bytes);
            continue;
        }
        ASSERT_GE(out.size(), 2U);
        ASSERT_EQ(out.back(), '"') << out;
        const std::string_view inside = std::string_view(out).substr(1, out.size() - 2);
        for (size_t at = 0; at < inside.size(); at++) {
            ASSERT_NE(inside[at], '"') << out;
            at += inside[at] == '\\' ? 1 : 0;
        }
        ASSERT_EQ(unescape(inside), bytes);
    }
}

TEST(TextProperty, JsonIsValidAndHarmless) {
    Strings strings;
    for (int i = 0; i < rounds; i++) {
        const std::string bytes = strings.next();
        std::string out;
        append_json_string(out, bytes);
        ASSERT_EQ(test::unprintable(out, false), "") << out;
        const auto parsed = test::parse_json_string(out);
        ASSERT_TRUE(parsed.has_value()) << out;
        if (out.find(R"(\\x)") == std::string::npos) {
            ASSERT_EQ(*parsed, bytes) << out;  // all bytes were valid UTF-8
        }
    }
}

}  // namespace
}  // namespace vigil
