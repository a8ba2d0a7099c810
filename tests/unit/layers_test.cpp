// SPDX-License-Identifier: Apache-2.0
// The architecture as a test: who includes whom, how long files are, and whose they are.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace vigil {
namespace {

namespace fs = std::filesystem;

const fs::path root = VIGIL_SOURCE_DIR;

constexpr size_t longest_file_lines = 600;

// base <- model <- host <- {wire, journal} <- {process, capture, ...} <- {rules, deaths, monitor}
// <- {agent, server} <- apps. Layers in one group are peers: they never include each other.
const std::vector<std::set<std::string>> layers{
    {"base"},
    {"model"},
    {"host"},
    {"wire", "journal"},
    {"process", "capture", "sample", "flow", "history", "sinks"},
    {"rules", "deaths", "monitor"},
    {"agent", "server"},
    {"apps"},
};

size_t rank_of(const std::string& layer) {
    for (size_t rank = 0; rank < layers.size(); rank++) {
        if (layers[rank].count(layer) != 0) {
            return rank;
        }
    }
    return SIZE_MAX;
}

// "" where `from` may include `to`, both folders of src/ or "abi"; else why not.
std::string objection(const std::string& from, const std::string& to) {
    if (from == to) {
        return "";
    }
    if (to == "abi") {
        return from == "model" || from == "capture" || from == "sample"
                   ? ""
                   : "only model, capture and sample know the ABI";
    }
    if (rank_of(from) == SIZE_MAX || rank_of(to) == SIZE_MAX) {
        return "no layer has this name";
    }
    return rank_of(to) < rank_of(from) ? "" : "that is no layer below";
}

std::vector<std::string> lines_of(const fs::path& file) {
    std::ifstream in(file);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) {
        lines.push_back(line);
    }
    return lines;
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

std::vector<fs::path> files_below(const fs::path& folder) {
    std::vector<fs::path> files;
    if (fs::exists(folder)) {
        for (const auto& entry : fs::recursive_directory_iterator(folder)) {
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

std::string first_folder(const fs::path& relative) { return relative.begin()->string(); }

TEST(Layers, TheRulesThemselves) {
    EXPECT_EQ(objection("model", "base"), "");
    EXPECT_EQ(objection("apps", "base"), "");
    EXPECT_EQ(objection("sinks", "journal"), "");
    EXPECT_NE(objection("base", "model"), "");
    EXPECT_NE(objection("sinks", "flow"), "");
    EXPECT_NE(objection("wire", "journal"), "");
    EXPECT_NE(objection("flow", "apps"), "");
    EXPECT_NE(objection("sinks", "abi"), "");
    EXPECT_NE(objection("sinks", "elsewhere"), "");
}

TEST(Layers, SourcesIncludeOnlyWhatIsBelowThem) {
    int edges = 0;
    for (const fs::path& file : files_below(root / "src")) {
        if (!is_source(file)) {
            continue;
        }
        const std::string from = first_folder(fs::relative(file, root / "src"));
        for (const std::string& name : quoted_includes(file)) {
            if (is_generated(name)) {
                EXPECT_TRUE(from == "capture" || from == "sample") << file << " includes " << name;
                continue;
            }
            const bool exists = fs::exists(root / "src" / name) || fs::exists(root / name);
            EXPECT_TRUE(exists) << file << " includes " << name << " by another name";
            EXPECT_EQ(name.find(".."), std::string::npos) << file << " includes " << name;
            EXPECT_EQ(objection(from, first_folder(name)), "") << file << " includes " << name;
            edges++;
        }
    }
    EXPECT_GT(edges, 100) << "the test looks in the wrong place";
}

TEST(Layers, TheKernelSideIncludesOnlyTheAbiAndItself) {
    for (const char* side : {"bpf", "kmod"}) {
        for (const fs::path& file : files_below(root / side)) {
            for (const std::string& name : quoted_includes(file)) {
                const fs::path target = fs::weakly_canonical(file.parent_path() / name);
                const std::string folder = first_folder(fs::relative(target, root));
                EXPECT_TRUE(folder == side || folder == "abi") << file << " includes " << name;
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
    for (const char* folder : {"src", "bpf", "abi", "kmod"}) {
        for (const fs::path& file : files_below(root / folder)) {
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
    for (const char* folder : {"src", "bpf", "abi", "kmod", "tests", "cmake"}) {
        for (const fs::path& file : files_below(root / folder)) {
            EXPECT_LE(lines_of(file).size(), longest_file_lines) << file;
        }
    }
}

TEST(Layers, EveryFileSaysItsLicence) {
    for (const char* folder : {"src", "bpf", "abi", "tests", "scripts", "cmake"}) {
        for (const fs::path& file : files_below(root / folder)) {
            if (file.extension() == ".md" || file.extension() == ".json" ||
                file.extension() == ".seed") {
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
