// SPDX-License-Identifier: Apache-2.0
// Any bytes as the file of a journal of deaths: its lines are those that a plain reader finds, and
// what is said of them is printable, whatever they hold.
#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "check.h"
#include "format/coverage_gaps.h"
#include "format/death_report.h"
#include "format/death_table.h"
#include "query/query.h"
#include "query/reverse_line_reader.h"
#include "support/printable.h"

namespace {

using vigil::fuzz::require;
using namespace vigil;
using namespace vigil::query;
using namespace vigil::format;

constexpr int64_t now_unix_ns = 1'795'214'029'000'000'000;

class TempDirectory {
 public:
    TempDirectory() {
        if (::mkdtemp(path_.data()) == nullptr) {
            std::abort();
        }
    }
    TempDirectory(const TempDirectory&) = delete;
    TempDirectory& operator=(const TempDirectory&) = delete;
    ~TempDirectory() { std::filesystem::remove_all(path_); }

    std::string file() const { return path_ + "/x.log"; }

 private:
    std::string path_ = "/dev/shm/vigil_fuzz_XXXXXX";
};

const std::string& path() {
    static const TempDirectory directory;
    static const std::string file = directory.file();
    return file;
}

void check_printable(std::string text) {
    text.erase(std::remove(text.begin(), text.end(), '\n'), text.end());
    const std::string wrong = vigil::test::unprintable(text, false);
    require(wrong.empty(), wrong.c_str(), text);
}

void check_lines(std::string_view input) {
    auto lines = ReverseLineReader::open(path());
    require(lines.has_value(), "can't be opened", input);
    std::string_view rest = input.substr(0, input.rfind('\n') + 1);
    while (true) {
        const auto line = lines->next();
        require(line.has_value(), "can't be read", input);
        require(line->has_value() == !rest.empty(), "number of lines", input);
        if (!*line) {
            return;
        }
        rest.remove_suffix(1);
        const size_t begin = rest.rfind('\n') + 1;
        require(**line == rest.substr(begin), "another line", input);
        rest = rest.substr(0, begin);
    }
}

void check_query(std::string_view input) {
    static simdjson::dom::parser json;
    Query query;
    query.filter.abnormal = input.size() % 2 == 0;
    query.order = static_cast<Order>(input.size() % 6);
    query.max_deaths = 10;
    const QueryResult result = run_query({path()}, query);
    require(result.errors.empty(), "trouble", input);
    for (const Match& match : result.deaths) {
        check_printable(match.line);
        require(json.parse(match.line).error() == simdjson::SUCCESS, "no JSON", match.line);
        check_printable(death_report(match.record, now_unix_ns, false));
        require(matches(match.record, query.filter, match.unix_ns), "no match", match.line);
    }
    check_printable(death_table(result.deaths, {.now_unix_ns = now_unix_ns}));
    check_printable(format_coverage_gaps(result.gaps, now_unix_ns));
}

// The same line in any case, also where it begins as no writer begins one.
void check_record(std::string_view line) {
    static RecordParser parser;
    const ParsedRecord parsed = parser.parse(line);
    if (const auto* record = std::get_if<DeathRecord>(&parsed)) {
        check_printable(death_report(*record, now_unix_ns, false));
    } else if (const auto* gap = std::get_if<CoverageGap>(&parsed)) {
        check_printable(format_coverage_gaps(std::vector<CoverageGap>(5, *gap), now_unix_ns));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    std::ofstream(path(), std::ios::binary) << input;
    check_lines(input);
    check_query(input);
    check_record(input.substr(0, input.find('\n')));
    return 0;
}
