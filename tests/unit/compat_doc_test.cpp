// SPDX-License-Identifier: Apache-2.0
// docs/compat.md names the test of each promise: those tests exist.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

namespace vigil {
namespace {

namespace fs = std::filesystem;

const fs::path root = VIGIL_SOURCE_DIR;

std::string text_of(const fs::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
}

// "Suite.Name" of each test in the tree.
std::set<std::string> tests() {
    static const std::regex form(R"(\bTEST(?:_F|_P)?\((\w+), (\w+)\))");
    std::set<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(root / "tests")) {
        if (entry.path().extension() != ".cpp") {
            continue;
        }
        const std::string text = text_of(entry.path());
        for (std::sregex_iterator it(text.begin(), text.end(), form), end; it != end; ++it) {
            names.insert((*it)[1].str() + '.' + (*it)[2].str());
        }
    }
    return names;
}

TEST(CompatDocument, NamesTestsThatExist) {
    static const std::regex form(R"(`([A-Z]\w+\.)(\*|[A-Z]\w+)`)");
    const std::set<std::string> names = tests();
    const std::string text = text_of(root / "docs/compat.md");
    size_t cited = 0;
    for (std::sregex_iterator it(text.begin(), text.end(), form), end; it != end; ++it, cited++) {
        const std::string suite = (*it)[1];
        const bool exists =
            (*it)[2] == "*" ? std::any_of(names.begin(), names.end(),
                                          [&](const auto& name) { return name.starts_with(suite); })
                            : names.count(suite + (*it)[2].str()) != 0;
        EXPECT_TRUE(exists) << (*it)[0];
    }
    EXPECT_GT(cited, 20U);
}

}  // namespace
}  // namespace vigil
