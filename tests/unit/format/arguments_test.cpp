// SPDX-License-Identifier: Apache-2.0
#include "format/arguments.h"

#include <gtest/gtest.h>

namespace vigil::format {
namespace {

using namespace std::string_view_literals;

std::string json(std::string_view bytes) {
    std::string out = ">";
    append_json_arguments(out, bytes);
    return out.substr(1);
}

TEST(Arguments, EachEndsWithANul) {
    EXPECT_EQ(json(""), "[]");
    EXPECT_EQ(json("ls\0"sv), R"(["ls"])");
    EXPECT_EQ(json("ls\0-l\0/tmp\0"sv), R"(["ls","-l","/tmp"])");
}

TEST(Arguments, EmptyOnesCount) {
    EXPECT_EQ(json("\0"sv), R"([""])");
    EXPECT_EQ(json("\0\0"sv), R"(["",""])");
    EXPECT_EQ(json("a\0\0b\0"sv), R"(["a","","b"])");
    EXPECT_EQ(json("a\0\0"sv), R"(["a",""])");
}

TEST(Arguments, TheLastMayBeCut) {
    EXPECT_EQ(json("ls\0-l"sv), R"(["ls","-l"])");
    EXPECT_EQ(json("l"sv), R"(["l"])");
    EXPECT_EQ(json("a\0\xe2\x82"sv), R"(["a","\\xe2\\x82"])");
}

TEST(Arguments, AreEscaped) {
    EXPECT_EQ(json("a\"b\0c\nd\0\x1b[m\0"sv), R"(["a\"b","c\u000ad","\u001b[m"])");
}

}  // namespace
}  // namespace vigil::format
