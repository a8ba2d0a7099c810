// SPDX-License-Identifier: Apache-2.0
#include "server_log.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

namespace vigil::tests {
namespace {

namespace fs = std::filesystem;

using Origin = std::pair<std::string, std::string>;  // agent, journal

std::optional<LogLine> parse(std::string_view text) {
    static simdjson::dom::parser parser;
    simdjson::dom::object object;
    std::string_view kind;
    std::string_view agent;
    std::string_view journal;
    LogLine line;
    if (parser.parse(text.data(), text.size()).get(object) != simdjson::SUCCESS ||
        object["kind"].get(kind) != simdjson::SUCCESS ||
        object["agent"].get(agent) != simdjson::SUCCESS ||
        object["journal"].get(journal) != simdjson::SUCCESS ||
        object["journal_seq"].get(line.journal_sequence) != simdjson::SUCCESS) {
        return std::nullopt;
    }
    if (object["number"].get(line.number) != simdjson::SUCCESS) {
        line.number = -1;
    }
    line.kind = kind;
    line.agent = agent;
    line.journal = journal;
    line.text = text;
    return line;
}

struct File {
    uint64_t first = 0;  // from its name; 0: the active file
    std::string path;
};

std::vector<File> files_of(const std::string& path) {
    std::vector<File> files;
    const std::string begin = fs::path(path).filename().string() + ".";
    for (const auto& entry : fs::directory_iterator(fs::path(path).parent_path())) {
        const std::string name = entry.path().filename();
        const std::string end = name.substr(std::min(begin.size(), name.size()));
        if (name.starts_with(begin) && !end.empty() &&
            end.find_first_not_of("0123456789") == std::string::npos && fs::file_size(entry) > 0) {
            files.push_back({std::stoull(end), entry.path()});
        }
    }
    std::sort(files.begin(), files.end(),
              [](const File& a, const File& b) { return a.first < b.first; });
    files.push_back({0, path});
    return files;
}

// Finds invalid lines and lines out of order.
class Checker {
 public:
    void check(const LogLine& line) {
        uint64_t& last = last_[{line.agent, line.journal}];
        if (line.journal_sequence <= last && ++faults_ <= 5) {
            ADD_FAILURE() << (line.journal_sequence == last ? "twice: " : "not in order: ")
                          << line.text << " after number " << last;
        }
        last = std::max(last, line.journal_sequence);
    }

 private:
    std::map<Origin, uint64_t> last_;
    int faults_ = 0;
};

}  // namespace

ServerLog read_log(const std::string& path) {
    ServerLog log;
    Checker checker;
    int no_lines = 0;
    uint64_t next = 0;  // sequence of the next line, once known from a file name
    for (const File& file : files_of(path)) {
        if (file.first != 0) {
            EXPECT_TRUE(next == 0 || next == file.first)
                << file.path << ": the line to come is number " << next;
            next = file.first;
        }
        std::ifstream stream(file.path, std::ios::binary);
        const std::string text{std::istreambuf_iterator<char>(stream), {}};
        log.segments++;
        size_t begin = 0;
        for (size_t end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
            const auto line = parse(std::string_view(text).substr(begin, end - begin));
            if (!line && ++no_lines > 5) {
                continue;
            }
            if (!line) {
                ADD_FAILURE() << file.path << ": no line of a log: "
                              << text.substr(begin, std::min<size_t>(end - begin, 500));
                continue;
            }
            checker.check(*line);
            log.lines.push_back(*line);
            next += next == 0 ? 0 : 1;
        }
        EXPECT_TRUE(file.first == 0 || begin == text.size()) << file.path << " has a torn line";
    }
    return log;
}

std::vector<LogLine> ServerLog::of(const std::string& kind) const {
    std::vector<LogLine> found;
    std::copy_if(lines.begin(), lines.end(), std::back_inserter(found),
                 [&](const LogLine& line) { return line.kind == kind; });
    return found;
}

std::map<int64_t, int> ServerLog::numbers(const std::string& agent) const {
    std::map<int64_t, int> counts;
    for (const LogLine& line : lines) {
        if (line.number >= 0 && (agent.empty() || line.agent == agent)) {
            counts[line.number]++;
        }
    }
    return counts;
}

uint64_t ServerLog::lost(const std::string& place) const {
    uint64_t count = 0;
    for (const LogLine& line : of("loss")) {
        const auto event = Event::parse(line.text);
        if (event && event->text("place") == place) {
            count += static_cast<uint64_t>(event->number("count"));
        }
    }
    return count;
}

uint64_t missing(const ServerLog& log) {
    struct Span {
        uint64_t first = UINT64_MAX;
        uint64_t last = 0;
        uint64_t count = 0;
    };
    std::map<Origin, Span> spans;
    for (const LogLine& line : log.lines) {
        Span& span = spans[{line.agent, line.journal}];
        span.first = std::min(span.first, line.journal_sequence);
        span.last = std::max(span.last, line.journal_sequence);
        span.count++;
    }
    uint64_t count = 0;
    for (const auto& [origin, span] : spans) {
        count += span.last - span.first + 1 - span.count;
    }
    return count;
}

}  // namespace vigil::tests
