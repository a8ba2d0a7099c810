// SPDX-License-Identifier: Apache-2.0
#include "model/name_pattern.h"

#include <fnmatch.h>
#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>

namespace vigil::model {
namespace {

TEST(MatchesPattern, TheLiteralNameFirst) {
    EXPECT_TRUE(matches_pattern("job[1]", "job[1]"));
    EXPECT_TRUE(matches_pattern("job[1]", "job1"));
    EXPECT_TRUE(matches_pattern("a?*", "a?*"));
    EXPECT_TRUE(matches_pattern("a\\", "a\\"));
    EXPECT_TRUE(matches_pattern("[", "["));
    EXPECT_TRUE(matches_pattern("[x", "[x")) << "not closed";
    EXPECT_TRUE(matches_pattern("[x*", "[xy"));
}

TEST(MatchesPattern, SlashesAndDotsAreCharacters) {
    EXPECT_TRUE(matches_pattern("kworker/0:*", "kworker/0:1H"));
    EXPECT_TRUE(matches_pattern("kworker*", "kworker/0:1H"));
    EXPECT_TRUE(matches_pattern("*rc", ".bashrc"));
}

TEST(MatchesPattern, NamesOfSystemdWithABackslash) {
    EXPECT_TRUE(matches_pattern("job\\x2d*", "job\\x2d1.service"));
    EXPECT_TRUE(matches_pattern("job\\\\x2d*", "job\\x2d1.service")) << "as vigil prints it";
    EXPECT_TRUE(matches_pattern("job\\\\x2d1.service", "job\\x2d1.service"));
    EXPECT_TRUE(matches_pattern("a\\*", "a*"));
    EXPECT_FALSE(matches_pattern("a\\*", "ab"));
    EXPECT_FALSE(matches_pattern("a\\[b]", "ab"));
}

TEST(MatchesPattern, AQuestionMarkIsOneCharacter) {
    EXPECT_TRUE(matches_pattern("m?ller", "m\xc3\xbcller"));
    EXPECT_FALSE(matches_pattern("m??ller", "m\xc3\xbcller"));
    EXPECT_TRUE(matches_pattern("m[\xc3\xa0-\xc3\xbf]ller", "m\xc3\xbcller"));
    EXPECT_TRUE(matches_pattern("m[!a-z]ller", "m\xc3\xbcller"));
    EXPECT_TRUE(matches_pattern("?", "\xf0\x9f\x98\x80"));
    EXPECT_TRUE(matches_pattern("a?", "a\xff")) << "no UTF-8: each byte";
    EXPECT_TRUE(matches_pattern("a??", "a\xff\x80"));
    EXPECT_TRUE(matches_pattern("a?b",
                                "a\xc3"
                                "b"));
    EXPECT_FALSE(matches_pattern("\xff", "\xfe"));
}

TEST(MatchesPattern, EmptyOnes) {
    EXPECT_TRUE(matches_pattern("", ""));
    EXPECT_TRUE(matches_pattern("*", ""));
    EXPECT_FALSE(matches_pattern("", "a"));
    EXPECT_FALSE(matches_pattern("?", ""));
}

// Without the backslashes and classes that it reads in another way, glob(7) of the C library is the
// reference.
TEST(MatchesPattern, AgreesWithTheCLibrary) {
    std::mt19937 random(7);
    const auto text = [&](std::string_view letters, size_t max) {
        std::string result;
        for (size_t i = random() % (max + 1); i > 0; i--) {
            result += letters[random() % letters.size()];
        }
        return result;
    };
    int matches = 0;
    for (int i = 0; i < 200'000; i++) {
        const std::string pattern = text("ab*?[]!-", 7);
        const std::string name = text("ab-]", 6);
        const bool expected = pattern == name || ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
        ASSERT_EQ(matches_pattern(pattern, name), expected) << pattern << "  " << name;
        matches += expected ? 1 : 0;
    }
    EXPECT_GT(matches, 1000);
}

TEST(MatchesPattern, ManyStarsTakeNoExponentialTime) {
    std::string pattern;
    for (int i = 0; i < 60; i++) {
        pattern += "*a";
    }
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_FALSE(matches_pattern(pattern + "b", std::string(4000, 'a')));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

}  // namespace
}  // namespace vigil::model
