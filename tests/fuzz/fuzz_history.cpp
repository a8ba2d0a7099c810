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
#include "history/gaps.h"
#include "history/lines.h"
#include "history/query.h"
#include "history/rows.h"
#include "history/story.h"
#include "support/printable.h"

namespace {

using vigil::fuzz::require;
using namespace vigil::history;

constexpr int64_t now_unix_ns = 1'795'214'029'000'000'000;

class Folder {
 public:
    Folder() {
        if (::mkdtemp(path_.data()) == nullptr) {
            std::abort();
        }
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { std::filesystem::remove_all(path_); }

    std::string file() const { return path_ + "/x.log"; }

 private:
    std::string path_ = "/dev/shm/vigil_fuzz_XXXXXX";
};

const std::string& path() {
    static const Folder folder;
    static const std::string file = folder.file();
    return file;
}

void check_printable(std::string text) {
    text.erase(std::remove(text.begin(), text.end(), '\n'), text.end());
    const std::string wrong = vigil::test::unprintable(text, false);
    require(wrong.empty(), wrong.c_str(), text);
}

void check_lines(std::string_view input) {
    auto lines = Lines::open(path());
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

void check_answer(std::string_view input) {
    static simdjson::dom::parser json;
    Query query;
    query.conditions.abnormal = input.size() % 2 == 0;
    query.order = static_cast<Order>(input.size() % 6);
    query.most = 10;
    const Answer answer = ask({path()}, query);
    require(answer.troubles.empty(), "trouble", input);
    for (const Found& found : answer.deaths) {
        check_printable(found.line);
        require(json.parse(found.line).error() == simdjson::SUCCESS, "no JSON", found.line);
        check_printable(story(found.certificate, now_unix_ns, false));
        require(matches(found.certificate, query.conditions), "no match", found.line);
    }
    check_printable(rows(answer.deaths, {.now_unix_ns = now_unix_ns}));
    check_printable(gaps_text(answer.receipts, now_unix_ns));
}

// The same line in any case, also where it begins as no writer begins one.
void check_record(std::string_view line) {
    static Parser parser;
    const Record record = parser.parse(line);
    if (const auto* certificate = std::get_if<Certificate>(&record)) {
        check_printable(story(*certificate, now_unix_ns, false));
    } else if (const auto* receipt = std::get_if<Receipt>(&record)) {
        check_printable(gaps_text(std::vector<Receipt>(5, *receipt), now_unix_ns));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    std::ofstream(path(), std::ios::binary) << input;
    check_lines(input);
    check_answer(input);
    check_record(input.substr(0, input.find('\n')));
    return 0;
}
