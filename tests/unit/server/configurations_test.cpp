// SPDX-License-Identifier: Apache-2.0
#include "server/configurations.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "rules/parse.h"
#include "support/journal.h"
#include "support/processes.h"
#include "wire/tls.h"

namespace vigil::server {
namespace {

std::string rule_for(const std::string& process) {
    return R"([{"process": ")" + process + R"(", "cpu": 10}])";
}

class ConfigurationsTest : public ::testing::Test {
 protected:
    // Writes a file with a distinct time, so that no test depends on the resolution of the file
    // system's clock.
    std::string write(const std::string& name, const std::string& content) const {
        directory_.write(name, content);
        const timespec time{.tv_sec = ++seconds_, .tv_nsec = 0};
        const timespec times[2] = {time, time};
        EXPECT_EQ(::utimensat(AT_FDCWD, directory_.path(name).c_str(), times, 0), 0);
        return directory_.path(name);
    }
    void remove(const std::string& name) const {
        EXPECT_EQ(::unlink(directory_.path(name).c_str()), 0);
    }
    std::string directory() const { return directory_.path("."); }

    static Configurations good(std::optional<std::string> file,
                               std::optional<std::string> directory) {
        auto loaded = Configurations::load(std::move(file), std::move(directory));
        EXPECT_TRUE(loaded) << loaded.error().context;
        return std::move(*loaded);
    }
    static std::string bad(std::optional<std::string> file, std::optional<std::string> directory) {
        const auto loaded = Configurations::load(std::move(file), std::move(directory));
        EXPECT_FALSE(loaded);
        EXPECT_TRUE(loaded || loaded.error().code == ErrorCode::usage);
        return loaded ? "" : loaded.error().context;
    }
    // The process of the first rule, which identifies the file.
    static std::string first(const Configuration& configuration) {
        return configuration.rules.empty() ? "" : configuration.rules.front().process;
    }
    // A change is reported by the second check after it.
    static void expect_change(Configurations& all) {
        EXPECT_FALSE(all.files_have_changed()) << "may still be changing";
        EXPECT_TRUE(all.files_have_changed());
    }
    static void expect_rest(Configurations& all) {
        for (int i = 0; i < 3; i++) {
            EXPECT_FALSE(all.files_have_changed());
        }
    }

    const test::TempDirectory directory_;
    mutable time_t seconds_ = 1'700'000'000;
};

TEST_F(ConfigurationsTest, AFileAppliesToAllHosts) {
    const std::string path = write("limits.json", rule_for("a"));
    const Configurations all = good(path, std::nullopt);
    EXPECT_EQ(all.all().size(), 1U);
    EXPECT_EQ(all.common().pattern, "*");
    EXPECT_EQ(all.common().path, path);
    EXPECT_FALSE(all.common().is_edited);
    EXPECT_EQ(&all.for_host("web-1"), &all.common());
    EXPECT_EQ(&all.for_host(""), &all.common());
    EXPECT_EQ(all.common().hash, wire::sha256_hex(all.common().text));
    EXPECT_EQ(all.common().text.find('\n'), std::string::npos);
    EXPECT_EQ(rules::parse(all.common().text, "text").value().at(0).process, "a");
}

TEST_F(ConfigurationsTest, TheHashDependsOnTheMeaningOnly) {
    const auto one = good(write("a.json", R"([{"process":"a","cpu":1}])"), std::nullopt);
    const auto two =
        good(write("b.json", "[\n { \"cpu\": 1.0, \"process\": \"\\u0061\" } ]\n"), std::nullopt);
    const auto three = good(write("c.json", R"([{"process":"a","cpu":2}])"), std::nullopt);
    EXPECT_EQ(one.common().hash, two.common().hash);
    EXPECT_NE(one.common().hash, three.common().hash);
}

TEST_F(ConfigurationsTest, ADirectoryHasRulesByHostName) {
    for (const char* name :
         {"default", "web-1", "web-*", "web-1?", "*-1", "z", "a.example.org", "[ab]*"}) {
        write(std::string(name) + ".json", rule_for(name));
    }
    write("notes.txt", "no rules");
    write(".json", "no name");
    write(".hidden.json", "an editor's");
    const Configurations all = good(std::nullopt, directory());
    EXPECT_EQ(all.all().size(), 8U);
    EXPECT_EQ(first(all.common()), "default");
    const std::pair<const char*, const char*> cases[] = {{"web-1", "web-1"},
                                                         {"web-12", "web-1?"},
                                                         {"web-123", "web-*"},
                                                         {"db-1", "*-1"},
                                                         {"z", "z"},
                                                         {"zz", "default"},
                                                         {"", "default"},
                                                         {"default", "default"},
                                                         {"b-2", "[ab]*"},
                                                         {"b-1", "[ab]*"},
                                                         {"a.example.org", "a.example.org"},
                                                         {"WEB-1", "*-1"}};
    for (const auto& [host, expected] : cases) {
        EXPECT_EQ(first(all.for_host(host)), expected) << host;
    }
}

TEST_F(ConfigurationsTest, AFileOverridesTheDirectorysDefault) {
    write("default.json", rule_for("directory"));
    write("web-1.json", rule_for("web-1"));
    const test::TempDirectory elsewhere;
    const std::string file = elsewhere.write("x.json", rule_for("file"));
    const Configurations all = good(file, directory());
    EXPECT_EQ(first(all.common()), "file");
    EXPECT_EQ(first(all.for_host("db")), "file");
    EXPECT_EQ(first(all.for_host("web-1")), "web-1");
    EXPECT_EQ(all.all().size(), 2U);
}

TEST_F(ConfigurationsTest, ReportsInvalidFiles) {
    const std::string wrong = write("wrong.json", "[{]");
    EXPECT_NE(bad(wrong, std::nullopt).find(":1:"), std::string::npos) << "the place";
    EXPECT_NE(bad(directory_.path("no_such.json"), std::nullopt).find("no_such.json"),
              std::string::npos);
    EXPECT_NE(bad(std::nullopt, directory_.path("no_such")).find("expected a directory"),
              std::string::npos);
    EXPECT_NE(bad(std::nullopt, directory()).find("wrong.json"), std::string::npos);
    remove("wrong.json");
    EXPECT_NE(bad(std::nullopt, directory()).find("no rules for all hosts"), std::string::npos);
    write("web-1.json", rule_for("a"));
    EXPECT_NE(bad(std::nullopt, directory()).find("no rules for all hosts"), std::string::npos);
    EXPECT_NE(bad(std::nullopt, std::nullopt).find("no rules for all hosts"), std::string::npos);
}

TEST_F(ConfigurationsTest, AnErrorChangesNothing) {
    write("default.json", rule_for("a"));
    write("web-1.json", rule_for("b"));
    Configurations all = good(std::nullopt, directory());
    write("default.json", rule_for("new"));
    write("web-1.json", "[{]");
    EXPECT_FALSE(all.reload());
    EXPECT_EQ(first(all.common()), "a");
    EXPECT_EQ(first(all.for_host("web-1")), "b");
    write("web-1.json", rule_for("b2"));
    EXPECT_TRUE(all.reload());
    EXPECT_EQ(first(all.common()), "new");
    EXPECT_EQ(first(all.for_host("web-1")), "b2");
    remove("default.json");
    EXPECT_FALSE(all.reload());
    EXPECT_EQ(first(all.common()), "new");
}

TEST_F(ConfigurationsTest, DetectsAChangedFile) {
    const std::string path = write("limits.json", rule_for("a"));
    Configurations all = good(path, std::nullopt);
    expect_rest(all);
    write("limits.json", rule_for("b"));
    expect_change(all);
    ASSERT_TRUE(all.reload());
    EXPECT_EQ(first(all.common()), "b");
    expect_rest(all);
    remove("limits.json");
    expect_rest(all);
}

TEST_F(ConfigurationsTest, DetectsChangedNewAndRemovedFilesOfADirectory) {
    write("default.json", rule_for("a"));
    write("web-1.json", rule_for("b"));
    Configurations all = good(std::nullopt, directory());
    expect_rest(all);
    write("web-1.json", rule_for("b2"));
    expect_change(all);
    ASSERT_TRUE(all.reload());
    expect_rest(all);
    write("db.json", rule_for("db"));
    expect_change(all);
    ASSERT_TRUE(all.reload());
    EXPECT_EQ(first(all.for_host("db")), "db");
    expect_rest(all);
    remove("web-1.json");
    expect_change(all);
    ASSERT_TRUE(all.reload());
    EXPECT_EQ(first(all.for_host("web-1")), "a");
    expect_rest(all);
    write("notes.txt", "nothing to us");
    expect_rest(all);
}

// Otherwise the same error would be reported every second.
TEST_F(ConfigurationsTest, ReportsAnInvalidFileOncePerChange) {
    write("default.json", rule_for("a"));
    Configurations all = good(std::nullopt, directory());
    write("default.json", "[{]");
    expect_change(all);
    EXPECT_FALSE(all.reload());
    expect_rest(all);
    write("web-1.json", "[{]");
    expect_change(all);
    EXPECT_FALSE(all.reload());
    expect_rest(all);
    write("default.json", rule_for("b"));
    expect_change(all);
    EXPECT_FALSE(all.reload()) << "the other one is still wrong";
    expect_rest(all);
    EXPECT_EQ(first(all.common()), "a");
    write("web-1.json", rule_for("w"));
    expect_change(all);
    EXPECT_TRUE(all.reload());
    EXPECT_EQ(first(all.common()), "b");
    EXPECT_EQ(first(all.for_host("web-1")), "w");
    expect_rest(all);
}

TEST_F(ConfigurationsTest, TheCommonFileMayBeInTheDirectory) {
    const std::string path = write("all.json", rule_for("a"));
    write("web-1.json", rule_for("b"));
    Configurations all = good(path, directory());
    EXPECT_EQ(first(all.common()), "a");
    expect_rest(all);
    const Configurations other = good(write("default.json", rule_for("d")), directory());
    EXPECT_EQ(first(other.common()), "d");
}

TEST_F(ConfigurationsTest, SetChangesTheUnrestrictedRuleOfTheProcess) {
    const std::string path = write("limits.json", R"([{"process": "a", "cpu": 1, "user": "bob"},)"
                                                  R"({"process": "a", "cpu": 2, "memory": 3},)"
                                                  R"({"process": "b", "cpu": 4}])");
    Configurations all = good(path, std::nullopt);
    const std::string before = all.common().hash;
    all.set("a", model::Metric::cpu, 50);
    all.set("c*", model::Metric::network, 0.5);
    const rules::RuleSet& rules = all.common().rules;
    ASSERT_EQ(rules.size(), 4U);
    EXPECT_EQ(rules[0].limits[model::index(model::Metric::cpu)], 1);
    EXPECT_EQ(rules[1].limits[model::index(model::Metric::cpu)], 50);
    EXPECT_EQ(rules[1].limits[model::index(model::Metric::memory)], 3);
    EXPECT_EQ(rules[3].process, "c*");
    EXPECT_EQ(rules[3].limits[model::index(model::Metric::network)], 0.5);
    EXPECT_EQ(rules[3].limits[model::index(model::Metric::cpu)], 0);
    EXPECT_TRUE(all.common().is_edited);
    EXPECT_NE(all.common().hash, before);
    EXPECT_EQ(all.common().hash, wire::sha256_hex(all.common().text));
    expect_rest(all);
}

// Formatted rules are longer than the file, and an agent accepts no such line.
TEST_F(ConfigurationsTest, RejectsRulesThatNoAgentAccepts) {
    std::string many = "[";
    for (int i = 0; i < 4'400; i++) {
        many += R"({"process":")" + std::string(200, 'a') + std::to_string(i) + R"(","cpu":1},)";
    }
    many.back() = ']';
    ASSERT_LT(many.size(), rules::max_configuration_bytes);
    const std::string path = write("limits.json", rule_for("a"));
    Configurations all = good(path, std::nullopt);
    const std::string before = all.common().hash;
    EXPECT_FALSE(all.load_rules(write("many.json", many)));
    write("limits.json", many);
    const auto reloaded = all.reload();
    ASSERT_FALSE(reloaded);
    EXPECT_NE(reloaded.error().context.find("expected at most 1048576"), std::string::npos);
    EXPECT_EQ(all.common().hash, before);
    EXPECT_NE(bad(path, std::nullopt), "");
}

TEST_F(ConfigurationsTest, AddAndRemove) {
    Configurations all = good(write("limits.json", rule_for("a")), std::nullopt);
    const std::string before = all.common().hash;
    rules::Rule rule;
    rule.process = "a";
    rule.user = "bob";
    all.add(rule);
    EXPECT_EQ(all.common().rules.size(), 2U);
    EXPECT_EQ(all.remove("b"), 0U);
    EXPECT_EQ(all.remove("a"), 2U) << "all rules of that name";
    EXPECT_TRUE(all.common().rules.empty());
    EXPECT_EQ(all.common().text, "[]");
    EXPECT_NE(all.common().hash, before);
    EXPECT_EQ(all.remove("a"), 0U);
}

TEST_F(ConfigurationsTest, SavedRulesAreLoadedAgain) {
    const std::string path = write("limits.json", rule_for("a"));
    Configurations all = good(path, std::nullopt);
    all.set("b \"c\"", model::Metric::memory, 12.25);
    const std::string hash = all.common().hash;
    const std::string copy = directory_.path("copy.json");
    ASSERT_TRUE(all.save(copy));
    EXPECT_TRUE(all.common().is_edited) << "its own file is still another";
    EXPECT_EQ(good(copy, std::nullopt).common().hash, hash);
    EXPECT_EQ(test::content_of(path), rule_for("a"));

    ASSERT_TRUE(all.save(""));
    EXPECT_FALSE(all.common().is_edited);
    expect_rest(all);
    ASSERT_TRUE(all.reload());
    EXPECT_EQ(all.common().hash, hash);
    all.remove("a");
    ASSERT_TRUE(all.save(path)) << "its own file by its name";
    EXPECT_FALSE(all.common().is_edited);
    expect_rest(all);

    all.remove("b \"c\"");
    ASSERT_TRUE(all.load_rules(copy));
    EXPECT_EQ(all.common().hash, hash);
    EXPECT_EQ(all.common().path, path);
    EXPECT_TRUE(all.common().is_edited);
    EXPECT_FALSE(all.load_rules(directory_.path("no_such.json")));
    EXPECT_EQ(all.common().hash, hash);
    EXPECT_FALSE(all.save(directory_.path("no/such/directory.json")));
}

TEST_F(ConfigurationsTest, AnEditSinceReadingIsAConflict) {
    const std::string path = write("limits.json", rule_for("a"));
    Configurations all = good(path, std::nullopt);
    all.set("b", model::Metric::memory, 12);
    for (const std::string& edit : {rule_for("edited"), std::string("[{\"half an edit")}) {
        write("limits.json", edit);
        const auto saved = all.save("");
        ASSERT_FALSE(saved);
        EXPECT_NE(saved.error().context.find("was edited since its rules were read"),
                  std::string::npos);
        EXPECT_EQ(test::content_of(path), edit);
        // An edit that can't be applied is one all the same.
        (void)all.reload();
        all.set("b", model::Metric::memory, 12);
        EXPECT_EQ(all.save("").has_value(), edit == rule_for("edited"));
        EXPECT_EQ(test::content_of(path) == edit, edit != rule_for("edited"));
    }
    remove("limits.json");
    EXPECT_TRUE(all.save("")) << "nothing is lost";
}

TEST_F(ConfigurationsTest, SavesToFilesOfRulesOnly) {
    Configurations all = good(write("limits.json", rule_for("a")), std::nullopt);
    const std::string other = write("other.json", rule_for("b"));
    EXPECT_TRUE(all.save(other));
    const std::string log = write("events.log", "{\"kind\":\"fork\"}\n");
    const auto saved = all.save(log);
    ASSERT_FALSE(saved);
    EXPECT_NE(saved.error().context.find("contains no rules"), std::string::npos);
    EXPECT_EQ(test::content_of(log), "{\"kind\":\"fork\"}\n");
    EXPECT_FALSE(all.save("/dev/null"));
    EXPECT_FALSE(all.save("/dev/stdin"));
}

}  // namespace
}  // namespace vigil::server
