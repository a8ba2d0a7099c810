// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <gtest/gtest.h>

#include "support/json.h"
#include "support/printable.h"

namespace vigil {
namespace {

using namespace std::string_view_literals;

std::string escape_terminal(std::string_view bytes) {
    std::string out = ">";
    append_escaped(out, bytes);
    return out.substr(1);
}

std::string quote_if_needed(std::string_view bytes) {
    std::string out = ">";
    append_quoted(out, bytes);
    return out.substr(1);
}

std::string json(std::string_view bytes) {
    std::string out = ">";
    append_json_string(out, bytes);
    return out.substr(1);
}

struct Case {
    std::string_view bytes;
    std::string_view printable;
    std::string_view json;  // without the quotes around it
};

constexpr Case cases[] = {
    {"", "", ""},
    {"bash", "bash", "bash"},
    {"kworker/0:1-ev", "kworker/0:1-ev", "kworker/0:1-ev"},
    {"a b", "a b", "a b"},
    {"say \"hi\"", "say \"hi\"", R"(say \"hi\")"},
    {R"(a\b)", R"(a\\b)", R"(a\\b)"},
    {"a\nb\tc\rd", R"(a\nb\tc\rd)", R"(a\u000ab\u0009c\u000dd)"},
    {"\x1b[31mred", R"(\e[31mred)", R"(\u001b[31mred)"},
    {"\0\x01\x1f"sv, R"(\x00\x01\x1f)", R"(\u0000\u0001\u001f)"},
    {"\x7f", R"(\x7f)", R"(\u007f)"},
    // Umlaut, Euro sign, emoji: unchanged.
    {"\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80",
     "\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80"},
    // C1 controls: NEL and CSI, which some terminals interpret.
    {"\xc2\x85\xc2\x9b", R"(\u{85}\u{9b})", R"(\u0085\u009b)"},
    // The right-to-left override, and zero width.
    {"\xe2\x80\xae\xe2\x80\x8b", R"(\u{202e}\u{200b})", R"(\u202e\u200b)"},
    {"\xe2\x81\xa6", R"(\u{2066})", R"(\u2066)"},
    {"\xef\xbb\xbf", R"(\u{feff})", R"(\ufeff)"},
    // A tag character, beyond the first plane: two escapes in JSON.
    {"\xf3\xa0\x80\xa1", R"(\u{e0021})", R"(\udb40\udc21)"},
    // Invalid UTF-8: a lone continuation, an overlong slash, a surrogate, above U+10FFFF,
    // truncated.
    {"\x80", R"(\x80)", R"(\\x80)"},
    {"\xc0\xaf", R"(\xc0\xaf)", R"(\\xc0\\xaf)"},
    {"\xe0\x80\xaf", R"(\xe0\x80\xaf)", R"(\\xe0\\x80\\xaf)"},
    {"\xed\xa0\x80", R"(\xed\xa0\x80)", R"(\\xed\\xa0\\x80)"},
    {"\xf4\x90\x80\x80", R"(\xf4\x90\x80\x80)", R"(\\xf4\\x90\\x80\\x80)"},
    {"\xf5\x80\x80\x80", R"(\xf5\x80\x80\x80)", R"(\\xf5\\x80\\x80\\x80)"},
    {"ab\xe2\x82", R"(ab\xe2\x82)", R"(ab\\xe2\\x82)"},
    {"\xff\xfe", R"(\xff\xfe)", R"(\\xff\\xfe)"},
    // A C1 control as a single byte is also invalid UTF-8.
    {"\x9b[2J", R"(\x9b[2J)", R"(\\x9b[2J)"},
    // A valid character directly after an invalid byte.
    {"\xc3\xc3\xbc", "\\xc3\xc3\xbc", "\\\\xc3\xc3\xbc"},
};

TEST(Text, Printable) {
    for (const Case& each : cases) {
        EXPECT_EQ(escape_terminal(each.bytes), each.printable);
        EXPECT_EQ(test::unprintable(escape_terminal(each.bytes), false), "");
    }
}

TEST(Text, JsonString) {
    for (const Case& each : cases) {
        const std::string quoted = '"' + std::string(each.json) + '"';
        EXPECT_EQ(json(each.bytes), quoted);
        EXPECT_EQ(test::unprintable(quoted, false), "");
        EXPECT_TRUE(test::parse_json_string(quoted).has_value()) << quoted;
    }
}

TEST(Text, JsonPreservesValidText) {
    for (const Case& each : cases) {
        if (each.json.find(R"(\\x)") == std::string_view::npos) {
            EXPECT_EQ(test::parse_json_string(json(each.bytes)), std::string(each.bytes));
        }
    }
    EXPECT_EQ(test::parse_json_string(json("a\xff")), R"(a\xff)");
}

TEST(Text, QuotesOnlyIfNeeded) {
    EXPECT_EQ(quote_if_needed("ls"), "ls");
    EXPECT_EQ(quote_if_needed("/bin/ls"), "/bin/ls");
    EXPECT_EQ(quote_if_needed(""), R"("")");
    EXPECT_EQ(quote_if_needed("a b"), R"("a b")");
    EXPECT_EQ(quote_if_needed("a=b"), R"("a=b")");
    EXPECT_EQ(quote_if_needed(R"(a"b)"), R"("a\"b")");
    EXPECT_EQ(quote_if_needed(R"(a\b)"), R"(a\\b)");
    EXPECT_EQ(quote_if_needed("a b\\"), R"("a b\\")");
    EXPECT_EQ(quote_if_needed("a\nb"), R"(a\nb)");
    EXPECT_EQ(quote_if_needed("a\x1b b"), R"("a\e b")");
}

TEST(Text, AppendsToExistingText) {
    std::string out = "x";
    append_escaped(out, "a\n");
    append_quoted(out, "b c");
    append_json_string(out, "d");
    EXPECT_EQ(out, R"(xa\n"b c""d")");
}

TEST(Text, EscapesForeignJson) {
    const std::string own = R"({"a":"\u001b \\xff \u202e","b":["é",1,null]})";
    EXPECT_EQ(escape_terminal_json(own), own);
    EXPECT_EQ(escape_terminal_json(""), "");
    EXPECT_EQ(escape_terminal_json("\r\n{\t\"a\":\"\x7f\xc2\x9b\xe2\x80\xaeé\xff\"}\n"),
              R"({"a":"\u007f\u009b\u202eé\\xff"})");
}

TEST(Text, TruncatesLinesToColumns) {
    EXPECT_EQ(truncate_columns("abc", 3), "abc");
    EXPECT_EQ(truncate_columns("abcd", 3), "ab…");
    EXPECT_EQ(truncate_columns("äöü", 3), "äöü");
    EXPECT_EQ(truncate_columns("äöüß", 3), "äö…");
    EXPECT_EQ(truncate_columns("aäöü", 2), "a…");
    EXPECT_EQ(truncate_columns("", 3), "");
    EXPECT_EQ(truncate_columns("abc", 1), "…");
    EXPECT_EQ(truncate_columns("abc", 0), "");
}

TEST(Text, ColourCodesUseNoColumnsAndSurviveTruncation) {
    EXPECT_EQ(truncate_columns("\x1b[31mabc\x1b[0m", 3), "\x1b[31mabc\x1b[0m");
    EXPECT_EQ(truncate_columns("\x1b[31mabcd\x1b[0m", 3), "\x1b[31mab…\x1b[0m");
    EXPECT_EQ(truncate_columns("ab\x1b[31mcd\x1b[0m", 3), "ab\x1b[31m…\x1b[0m");
}

}  // namespace
}  // namespace vigil
