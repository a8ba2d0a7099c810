// SPDX-License-Identifier: Apache-2.0
#include "model/process_names.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace vigil::model {
namespace {

using Names = std::vector<std::string>;

ExecImage image(std::string file, std::string executable, std::vector<std::string> programs) {
    return {.file = std::move(file),
            .executable = std::move(executable),
            .programs = std::move(programs),
            .argv = {}};
}

TEST(NamesOf, CommExecutableProgramsAndFile) {
    const auto script = image("/opt/tools/backup-of-everything.py", "python3.11", {"./backup.py"});
    const ProcessNames names = names_of("backup", &script);
    EXPECT_EQ(names.names, (Names{"backup", "python3.11", "backup.py", "backup-of-everything.py"}));
    EXPECT_EQ(names.paths, (Names{"./backup.py", "/opt/tools/backup-of-everything.py"}));
}

TEST(NamesOf, OmitsUnknownNames) {
    EXPECT_EQ(names_of("sh", nullptr).names, Names{"sh"});
    EXPECT_EQ(names_of("", nullptr).names, Names{});
    const auto nothing = image("", "", {});
    EXPECT_EQ(names_of("sh", &nothing).names, Names{"sh"});
    const auto directory = image("/bin/", "", {});
    EXPECT_EQ(names_of("sh", &directory).names, Names{"sh"});
    const auto relative = image("program", "", {});
    EXPECT_EQ(names_of("sh", &relative).names, (Names{"sh", "program"}));
    const auto descriptor = image("/dev/fd/3", "dash", {"/dev/fd/3"});
    EXPECT_EQ(names_of("3", &descriptor).names, (Names{"3", "dash"}));
    EXPECT_EQ(names_of("3", &descriptor).paths, Names{});
}

TEST(NamesOf, RelativePathsAreCompletedWithTheDirectory) {
    const auto script = image("./x/run", "dash", {"a.sh"});
    EXPECT_EQ(names_of("run", &script, "/srv").paths,
              (Names{"a.sh", "/srv/a.sh", "./x/run", "/srv/x/run"}));
    EXPECT_EQ(names_of("run", &script, "/").paths, (Names{"a.sh", "/a.sh", "./x/run", "/x/run"}));
}

bool matches(std::string_view pattern, const ExecImage& image) {
    return matches_any(pattern, names_of("comm", &image));
}

TEST(MatchesAny, EachNameOrWithASlashEachPath) {
    const auto program = image("/usr/bin/sleep", "sleep", {});
    EXPECT_TRUE(matches("sl*", program));
    EXPECT_TRUE(matches("comm", program));
    EXPECT_FALSE(matches("slee", program)) << "all of a name";
    EXPECT_FALSE(matches("", program));
    EXPECT_TRUE(matches("/usr/bin/sleep", program));
    EXPECT_TRUE(matches("/bin/sleep", program)) << "a link on today's systems";
    EXPECT_TRUE(matches("/bin/sl*", program));
    EXPECT_FALSE(matches("/opt/sleep", program));
    EXPECT_FALSE(matches("usr*", program)) << "without a slash names only";
    EXPECT_TRUE(matches("/usr/bin/sleep", image("/bin/sleep", "sleep", {})));
    EXPECT_FALSE(matches("/usr/local/bin/x", image("/local/bin/x", "x", {})));
    EXPECT_TRUE(matches("/opt/a/*", image("/opt/a/b", "b", {})));
}

TEST(MatchesAny, EmptyNamesNeverMatch) {
    EXPECT_FALSE(matches_any("*", names_of("", nullptr)));
    EXPECT_FALSE(matches_any("", names_of("", nullptr)));
}

}  // namespace
}  // namespace vigil::model
