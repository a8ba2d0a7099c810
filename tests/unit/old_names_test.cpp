// SPDX-License-Identifier: Apache-2.0
// A renamed type or function keeps its new name: tests/old_names.txt is checked against the tree.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>

namespace vigil {
namespace {

namespace fs = std::filesystem;

const fs::path root = VIGIL_SOURCE_DIR;
const fs::path list = root / "tests/old_names.txt";

using Names = std::map<std::string, std::string>;  // old to new

Names old_names() {
    Names names;
    std::ifstream in(list);
    for (std::string line; std::getline(in, line);) {
        std::istringstream words(line);
        std::string old_name;
        std::string new_name;
        if (!line.starts_with('#') && words >> old_name >> new_name) {
            names.emplace(old_name, new_name);
        }
    }
    return names;
}

bool is_word_byte(char c) { return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0; }

void expect_no_old_name(const fs::path& file, const Names& names) {
    std::ifstream in(file);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    for (auto begin = text.begin(); begin != text.end();) {
        begin = std::find_if(begin, text.end(), is_word_byte);
        const auto end = std::find_if_not(begin, text.end(), is_word_byte);
        if (const auto found = names.find(std::string(begin, end)); found != names.end()) {
            ADD_FAILURE() << fs::relative(file, root).string() << ':'
                          << std::count(text.begin(), begin, '\n') + 1 << ": '" << found->first
                          << "' is now called '" << found->second << "' (tests/old_names.txt)";
        }
        begin = end;
    }
}

TEST(OldNames, StandNowhere) {
    const Names names = old_names();
    ASSERT_GT(names.size(), 100U);
    for (const char* directory :
         {"abi", "bench", "bpf", "cmake", "docs", "kmod", "scripts", "src", "tests"}) {
        for (const auto& entry : fs::recursive_directory_iterator(root / directory)) {
            const bool is_glossary = entry.path().filename() == "glossary.md";
            if (entry.is_regular_file() && entry.path() != list && !is_glossary) {
                expect_no_old_name(entry.path(), names);
            }
        }
    }
}

TEST(OldNames, NoneIsANewNameToo) {
    const Names names = old_names();
    for (const auto& [old_name, new_name] : names) {
        EXPECT_EQ(names.count(new_name), 0U) << old_name;
    }
}

}  // namespace
}  // namespace vigil
