// SPDX-License-Identifier: Apache-2.0
// Errors of parse() for text that is not JSON.
#include "rules/syntax.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "rules/expect.h"

namespace vigil::rules {
namespace {

using namespace std::string_view_literals;

TEST(Syntax, WrongBegin) {
    const Case cases[] = {
        {"", "1:1: expected an array of rules, [ ... ], found an empty file"},
        {"  \n ", "2:2: expected an array of rules, [ ... ], found only white space"},
        {"\n {\"process\":\"a\"}",
         "2:2: expected an array of rules, [ ... ], found an object: put [ ] around it"},
        {"null", "1:1: expected an array of rules, [ ... ], found null"},
        {"\"a\"", "1:1: expected an array of rules, [ ... ], found \"a\""},
        {"# rules\n[]",
         "1:1: expected an array of rules, [ ... ], found a comment (JSON has none)"},
        {"\xef\xbb\xbf[]",
         "1:1: expected UTF-8 without a byte order mark, found one: save the file as UTF-8 without "
         "BOM"},
        {"\xff\xfe[\0]\0"sv,
         "1:1: expected UTF-8 without a byte order mark, found that of UTF-16: convert it with "
         "iconv -f UTF-16 -t UTF-8"},
        {"\xfe\xff\0[\0]"sv,
         "1:1: expected UTF-8 without a byte order mark, found that of UTF-16: convert it with "
         "iconv -f UTF-16 -t UTF-8"},
        {"\xff\xfe\0\0[\0\0\0"sv,
         "1:1: expected UTF-8 without a byte order mark, found that of UTF-32: convert it with "
         "iconv -f UTF-32 -t UTF-8"},
        {"\0\0\xfe\xff\0\0\0["sv,
         "1:1: expected UTF-8 without a byte order mark, found that of UTF-32: convert it with "
         "iconv -f UTF-32 -t UTF-8"},
        {"[\0]\0"sv,
         "1:2: rule 1: expected a rule in { }, found a NUL byte (UTF-16? convert it: iconv -f "
         "UTF-16 -t UTF-8)"},
        {"\xff",
         "1:1: expected an array of rules, [ ... ], found the byte \\xff (convert the file: iconv "
         "-f LATIN1 -t UTF-8)"},
    };
    for (const auto& [text, expected] : cases) {
        expect_error(text, expected);
    }
}

TEST(Syntax, WrongJson) {
    const std::string utf8 = "found the byte \\xfc (convert the file: iconv -f LATIN1 -t UTF-8)";
    const std::pair<std::string_view, std::string> cases[] = {
        {R"([{"process":"a","cpu":5)",
         "1:24: rule 1: cpu: expected ',' or '}' after the value, found the end of the file"},
        {R"([{"process":"a"})",
         "1:17: expected ',' or ']' after rule 1, found the end of the file"},
        {R"([{"process":)",
         "1:13: rule 1: process: " + name_expected + ", found the end of the file"},
        {R"([{"process")",
         "1:12: rule 1: process: expected ':' after the key, found the end of the file"},
        {"[{", "1:3: rule 1: expected a key in double quotes, found the end of the file"},
        {"[", "1:2: rule 1: expected a rule in { }, found the end of the file"},
        {R"([{"process":"a)",
         "1:13: rule 1: process: expected a string that ends on its line, found no closing '\"' "
         "before the end of the file"},
        {"[{\"process\":\"a,\n\"cpu\":5}]",
         "1:13: rule 1: process: expected a string that ends on its line, found no closing '\"' "
         "before the end of the line"},
        {"[{\"process\":\"a\",\n\"cpu:5}\n]",
         "2:1: rule 1: expected a string that ends on its line, found no closing '\"' before the "
         "end of the line"},
        {"[{\"process\":\"a\"\n \"cpu\":5}]",
         "2:2: rule 1: process: expected ',' or '}' after the value, found \"cpu\""},
        {"[{\"process\":\"a\"}\n{\"process\":\"b\"}]",
         "2:1: expected ',' or ']' after rule 1, found '{'"},
        {R"([{"process":"a","cpu":5,}])", "1:24: rule 1: expected no comma before '}', found one"},
        {"[{\"process\":\"a\"},\n]", "1:17: rule 1: expected no comma before ']', found one"},
        {R"([{"process":"a"}] x)",
         "1:19: expected the end of the file after the ']' of the rules, found x"},
        {"[]]", "1:3: expected the end of the file after the ']' of the rules, found ']'"},
        {"[]\n[]", "2:1: expected the end of the file after the ']' of the rules, found '['"},
        {"[]\0"sv,
         "1:3: expected the end of the file after the ']' of the rules, found a NUL byte (UTF-16? "
         "convert it: iconv -f UTF-16 -t UTF-8)"},
        {"[{\"process\":\"a\"}, // b\n{}]",
         "1:19: rule 2: expected a rule in { }, found a comment (JSON has none)"},
        {"[{\"process\":\"a\" /* b */}]",
         "1:17: rule 1: process: expected ',' or '}' after the value, found a comment (JSON has "
         "none)"},
        {"[{'process':'a'}]",
         "1:3: rule 1: expected a key in double quotes, found 'process' (JSON takes \" only)"},
        {"[{“process”:1}]",
         "1:3: rule 1: expected a key in double quotes, found “process” (JSON takes \" only)"},
        {"[{process:1}]", "1:3: rule 1: expected a key in double quotes, found process"},
        {"[,]", "1:2: rule 1: expected a rule in { }, found ','"},
        {R"([{"process" "a"}])", "1:13: rule 1: process: expected ':' after the key, found \"a\""},
        {R"([{"process":"a"]])",
         "1:16: rule 1: process: expected ',' or '}' after the value, found ']'"},
        {"[{\"process\":\"a\xfc\"}]", "1:15: rule 1: process: expected UTF-8, " + utf8},
        {"[{\"process\":\"a\",\n\"\xfc\":1}]", "2:2: rule 1: expected UTF-8, " + utf8},
        {"[{\"process\":\"a\x01\"}]",
         "1:15: rule 1: process: expected \\u0001 for a control character in a string, found the "
         "character itself"},
        {"[{\"process\":\"a\0\"}]"sv,
         "1:15: rule 1: process: expected \\u0000 for a control character in a string, found a NUL "
         "byte (UTF-16? convert it: iconv -f UTF-16 -t UTF-8)"},
        {R"([{"process":"a\q"}])",
         R"(1:15: rule 1: process: expected one of the escapes \" \\ \/ \b \f \n \r \t \uXXXX, )"
         R"(found \q)"},
        {R"([{"process":"\u12g4"}])",
         R"(1:14: rule 1: process: expected one of the escapes \" \\ \/ \b \f \n \r \t \uXXXX, )"
         R"(found \u12g4)"},
        {R"([{"process":"\ud800x"}])",
         R"(1:14: rule 1: process: expected a pair such as \ud83d\ude00, found one half of it, )"
         R"(\ud800)"},
        {R"([{"process":"\udc00"}])",
         R"(1:14: rule 1: process: expected a pair such as \ud83d\ude00, found one half of it, )"
         R"(\udc00)"},
    };
    for (const auto& [text, expected] : cases) {
        expect_error(text, expected);
    }
}

TEST(Syntax, DeepNesting) {
    constexpr size_t deep = 500'000;
    expect_error(
        std::string(deep, '['),
        fmt::format("1:{}: rule 1: expected a value, found the end of the file", deep + 1));
    expect_error(
        R"([{"process":"a","cpu":)" + std::string(deep, '[') + std::string(deep, ']') + "}]",
        fmt::format("1:23: rule 1: cpu: {}, found an array", limit_expected));
}

}  // namespace
}  // namespace vigil::rules
