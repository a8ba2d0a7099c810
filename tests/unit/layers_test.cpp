// SPDX-License-Identifier: Apache-2.0
// The architecture as a test: includes follow CMake's link lists, files stay short and carry their
// licence.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace vigil {
namespace {

namespace fs = std::filesystem;

const fs::path root = VIGIL_SOURCE_DIR;

constexpr size_t max_file_lines = 600;

// By directory below src/: the directories that its library links to.
using LinkLists = std::map<std::string, std::set<std::string>>;

std::vector<std::string> lines_of(const fs::path& file) {
    std::ifstream in(file);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) {
        lines.push_back(line);
    }
    return lines;
}

std::string text_of(const fs::path& file) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
}

// Reads every `vigil_library(DIRECTORY LINKS target...)` of a CMakeLists.txt. A library's target is
// vigil_ and its directory, with '_' for '/'.
void read_link_lists(const std::string& text, LinkLists& lists) {
    static const std::regex library(R"(vigil_library\(([a-z_/]+)\s+LINKS\s+([^)]*)\))");
    std::map<std::string, std::vector<std::string>> targets;
    for (auto it = std::sregex_iterator(text.begin(), text.end(), library);
         it != std::sregex_iterator(); ++it) {
        std::istringstream links((*it)[2]);
        auto& list = targets[(*it)[1]];
        for (std::string target; links >> target;) {
            list.push_back(target);
        }
    }
    for (const auto& [directory, links] : targets) {
        for (std::string target : links) {
            if (target.rfind("vigil_", 0) != 0) {
                continue;  // another project's
            }
            target.erase(0, std::string("vigil_").size());
            static const std::string commands = "commands_";
            if (target.rfind(commands, 0) == 0) {
                target = "commands/" + target.substr(commands.size());
            }
            lists[directory].insert(target);
        }
        lists.try_emplace(directory);
    }
}

LinkLists link_lists() {
    LinkLists lists;
    read_link_lists(text_of(root / "src/CMakeLists.txt"), lists);
    read_link_lists(text_of(root / "src/commands/CMakeLists.txt"), lists);
    return lists;
}

// Only these know the structures that kernel side and user space share.
bool may_include_abi(const std::string& directory) {
    return directory == "model" || directory == "capture" || directory == "sampling" ||
           directory == "pipeline" || directory == "commands/trace";
}

// "" where a file in `from` may include one in `to`, both directories below src/ or "abi"; else the
// reason why not.
std::string objection(const LinkLists& lists, const std::string& from, const std::string& to) {
    if (from == to) {
        return "";
    }
    if (to == "abi") {
        return may_include_abi(from) ? "" : from + " must not depend on the ABI";
    }
    if (from == "commands") {
        return "";  // main.cpp calls every command
    }
    const auto list = lists.find(from);
    if (list == lists.end() || lists.count(to) == 0) {
        return "no library has this name";
    }
    return list->second.count(to) != 0 ? "" : from + " does not link to " + to;
}

// What stands between the quotes of its #include "..." lines.
std::vector<std::string> quoted_includes(const fs::path& file) {
    std::vector<std::string> names;
    for (const std::string& line : lines_of(file)) {
        const size_t hash = line.find_first_not_of(" \t");
        if (hash == std::string::npos || line[hash] != '#' ||
            line.find("include", hash) == std::string::npos) {
            continue;
        }
        const size_t begin = line.find('"');
        const size_t end = line.find('"', begin + 1);
        if (begin != std::string::npos && end != std::string::npos) {
            names.push_back(line.substr(begin + 1, end - begin - 1));
        }
    }
    return names;
}

bool is_generated(const std::string& name) { return name.ends_with(".skel.h"); }

std::vector<fs::path> files_below(const fs::path& directory) {
    std::vector<fs::path> files;
    if (fs::exists(directory)) {
        for (const auto& entry : fs::recursive_directory_iterator(directory)) {
            if (entry.is_regular_file()) {
                files.push_back(entry.path());
            }
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

bool is_source(const fs::path& file) {
    const std::string extension = file.extension();
    return extension == ".h" || extension == ".cpp" || extension == ".c" || extension == ".hpp";
}

std::string first_directory(const fs::path& relative) { return relative.begin()->string(); }

TEST(Layers, LinkListsAreReadAsCMakeHasThem) {
    LinkLists lists;
    read_link_lists(
        "vigil_library(base LINKS fmt::fmt)\n"
        "vigil_library(commands/up\n\tLINKS vigil_base\n\t\tvigil_commands_agent)\n",
        lists);
    EXPECT_EQ(lists, (LinkLists{{"base", {}}, {"commands/up", {"base", "commands/agent"}}}));
    EXPECT_EQ(objection(lists, "commands/up", "base"), "");
    EXPECT_NE(objection(lists, "base", "commands/up"), "");
    EXPECT_NE(objection(lists, "base", "elsewhere"), "");
    EXPECT_NE(objection(lists, "base", "abi"), "");
}

TEST(Layers, EveryDirectoryIsALibrary) {
    const LinkLists lists = link_lists();
    std::set<std::string> directories;
    for (const fs::path& file : files_below(root / "src")) {
        if (is_source(file)) {
            directories.insert(fs::relative(file.parent_path(), root / "src"));
        }
    }
    directories.erase("commands");  // main.cpp
    for (const std::string& directory : directories) {
        EXPECT_EQ(lists.count(directory), 1U) << "src/" << directory << " is in no vigil_library()";
    }
    EXPECT_EQ(lists.size(), directories.size());
}

TEST(Layers, SourcesIncludeOnlyWhatTheirLibraryLinksTo) {
    const LinkLists lists = link_lists();
    std::map<std::string, std::set<std::string>> used;
    for (const fs::path& file : files_below(root / "src")) {
        if (!is_source(file)) {
            continue;
        }
        const std::string from = fs::relative(file.parent_path(), root / "src");
        for (const std::string& name : quoted_includes(file)) {
            if (is_generated(name)) {
                EXPECT_TRUE(from == "capture" || from == "sampling")
                    << file << " includes " << name;
                continue;
            }
            const bool exists = fs::exists(root / "src" / name) || fs::exists(root / name);
            EXPECT_TRUE(exists) << file << " includes " << name << " by another name";
            EXPECT_EQ(name.find(".."), std::string::npos) << file << " includes " << name;
            const std::string to = fs::path(name).parent_path();
            EXPECT_EQ(objection(lists, from, to), "") << file << " includes " << name;
            used[from].insert(to);
        }
    }
    for (const auto& [from, links] : lists) {
        for (const std::string& to : links) {
            const bool generated = lists.count(to) == 0;  // a BPF skeleton
            EXPECT_TRUE(generated || used[from].count(to) != 0)
                << "src/" << from << " includes nothing of " << to
                << ": drop it from the link list";
        }
    }
}

TEST(Layers, TheKernelSideIncludesOnlyTheAbiAndItself) {
    for (const char* side : {"bpf", "kmod"}) {
        for (const fs::path& file : files_below(root / side)) {
            for (const std::string& name : quoted_includes(file)) {
                const fs::path target = fs::weakly_canonical(file.parent_path() / name);
                const std::string directory = first_directory(fs::relative(target, root));
                EXPECT_TRUE(directory == side || directory == "abi")
                    << file << " includes " << name;
                EXPECT_TRUE(fs::exists(target)) << file << " includes " << name;
            }
        }
    }
    for (const fs::path& file : files_below(root / "abi")) {
        for (const std::string& name : quoted_includes(file)) {
            EXPECT_TRUE(fs::exists(root / "abi" / name)) << file << " includes " << name;
        }
    }
}

TEST(Layers, NoHeaderIncludesItselfInACircle) {
    std::map<std::string, std::vector<std::string>> includes;
    for (const char* directory : {"src", "bpf", "abi", "kmod"}) {
        for (const fs::path& file : files_below(root / directory)) {
            auto& names = includes[fs::relative(file, root)];
            for (const std::string& name : quoted_includes(file)) {
                for (const fs::path& base : {root / "src", root, file.parent_path()}) {
                    if (fs::exists(base / name)) {
                        names.push_back(fs::relative(fs::weakly_canonical(base / name), root));
                        break;
                    }
                }
            }
        }
    }
    std::map<std::string, int> state;  // 1: on the way, 2: done
    const std::function<void(const std::string&)> visit = [&](const std::string& file) {
        state[file] = 1;
        for (const std::string& next : includes[file]) {
            EXPECT_NE(state[next], 1) << file << " and " << next << " include each other";
            if (state[next] == 0) {
                visit(next);
            }
        }
        state[file] = 2;
    };
    for (const auto& [file, unused] : std::map(includes)) {
        if (state[file] == 0) {
            visit(file);
        }
    }
}

TEST(Layers, FilesStayShort) {
    for (const char* directory : {"src", "bpf", "abi", "kmod", "tests", "cmake"}) {
        for (const fs::path& file : files_below(root / directory)) {
            EXPECT_LE(lines_of(file).size(), max_file_lines) << file;
        }
    }
}

TEST(Layers, EveryFileSaysItsLicence) {
    for (const char* directory : {"src", "bpf", "abi", "tests", "scripts", "cmake"}) {
        for (const fs::path& file : files_below(root / directory)) {
            if (file.extension() == ".md" || file.extension() == ".json" ||
                file.extension() == ".seed" || file.extension() == ".patch" ||
                file.string().find("/tests/unit/stored/") != std::string::npos) {
                continue;  // prose, and what can hold no comment: the licence of the whole holds
            }
            const auto lines = lines_of(file);
            const auto begin = static_cast<ptrdiff_t>(std::min<size_t>(2, lines.size()));
            const bool said =
                std::any_of(lines.begin(), lines.begin() + begin, [](const std::string& line) {
                    return line.find("SPDX-License-Identifier: ") != std::string::npos;
                });
            EXPECT_TRUE(said) << file;
        }
    }
}

}  // namespace
}  // namespace vigil
