// SPDX-License-Identifier: Apache-2.0
// Any bytes as the files of a journal, under any names: what is read are whole lines whose
// numbers rise, and a writer goes on behind them.
//
// An input is text: a line "= NAME" begins a file, and what follows, less the line end before the
// next such line, is its content. (The seeds begin with a foreign file, whose name is their
// licence.)
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "check.h"
#include "journal/reader.h"
#include "journal/segments.h"
#include "journal/tail.h"
#include "journal/writer.h"
#include "support/journal.h"

namespace {

namespace fs = std::filesystem;
using vigil::fuzz::require;
using vigil::journal::Reader;
using vigil::journal::Writer;

class TempDirectory {
 public:
    TempDirectory() {
        for (const char* place : {"/dev/shm/vigil_fuzz_XXXXXX", "/tmp/vigil_fuzz_XXXXXX"}) {
            path_ = place;
            if (::mkdtemp(path_.data()) != nullptr) {
                return;
            }
        }
        std::abort();
    }
    TempDirectory(const TempDirectory&) = delete;
    TempDirectory& operator=(const TempDirectory&) = delete;
    ~TempDirectory() { fs::remove_all(path_); }

    std::string path(std::string_view name) const { return path_ + '/' + std::string(name); }
    void clear() const {
        for (const auto& entry : fs::directory_iterator(path_)) {
            fs::remove_all(entry);
        }
    }

 private:
    std::string path_;
};

bool is_name(std::string_view name) {
    return !name.empty() && name.size() <= 64 && name != "." && name != ".." &&
           name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

void write_files(const TempDirectory& directory, std::string_view input) {
    while (input.starts_with("= ")) {
        input.remove_prefix(2);
        const std::string_view name = input.substr(0, input.find('\n'));
        input.remove_prefix(std::min(input.size(), name.size() + 1));
        const bool empty = input.starts_with("= ");
        const size_t end = empty ? 0 : input.find("\n= ");
        if (is_name(name)) {
            std::ofstream(directory.path(name), std::ios::binary) << input.substr(0, end);
        }
        if (end == std::string_view::npos) {
            break;
        }
        input.remove_prefix(empty ? 0 : end + 1);
    }
}

void check_segments(const std::string& path, std::string_view input) {
    const auto segments = vigil::journal::list_segments(path);
    require(segments.has_value(), "segments can't be listed", input);
    uint64_t before = 0;
    for (const auto& segment : *segments) {
        require(segment.active == (segment.path == path), "active", input);
        require(segment.active ? segment.first_sequence >= before : segment.first_sequence > before,
                "numbers of segments don't rise", input);
        before = segment.first_sequence;
    }
}

// The number behind the last line.
uint64_t check_reading(const std::string& path, size_t max_bytes, std::string_view input) {
    Reader reader(path, 1);
    uint64_t expected_next = 1;
    size_t size = 0;
    while (true) {
        std::string lines;
        const auto count = reader.read(lines, max_bytes);
        require(count.has_value(), "can't be read", input);
        const auto ends = std::count(lines.begin(), lines.end(), '\n');
        require(static_cast<size_t>(ends) == *count, "count of lines", input);
        require(reader.next_sequence() - *count >= expected_next, "numbers don't rise", input);
        if (*count == 0) {
            return reader.next_sequence();
        }
        require(lines.back() == '\n', "half a line", input);
        require(*count == 1 || lines.size() <= max_bytes, "too much", input);
        expected_next = reader.next_sequence();
        size += lines.size();
        require(size <= input.size(), "more than there is", input);
    }
}

void check_writing(const std::string& path, std::string_view input) {
    static vigil::test::TestFileSystem file_system;
    file_system.skips_sync = true;
    vigil::journal::WriterOptions options;
    options.path = path;
    options.segment_bytes = 8;
    options.new_segment = input.size() % 2 == 0;
    auto writer = Writer::open(options, {}, file_system);
    if (!writer) {
        const std::string& why = writer.error().context;
        require(why.find("can't go on at number ") != std::string::npos ||
                    why.find("is in the way") != std::string::npos,
                why.c_str(), input);
        return;
    }
    const uint64_t next = (*writer)->next_sequence();
    require((*writer)->synced() == next - 1, "synced", input);
    for (uint64_t i = 0; i < 3; i++) {
        require((*writer)->append("line\n") == next + i, "numbers", input);
    }
    writer->reset();
    Reader reader(path, next);
    std::string lines;
    while (reader.next_sequence() < next + 3) {
        const auto count = reader.read(lines, 5);
        require(count.has_value() && *count == 1, "what was written can't be read", input);
    }
    require(lines == "line\nline\nline\n", "other lines", input);
    const auto tail = vigil::journal::tail(path, 3);
    require(tail && *tail == std::vector<std::string>(3, "line\n"), "tail", input);
    require(check_reading(path, 1 << 20, std::string(input) + lines) == next + 3, "the end", input);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const TempDirectory directory;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    if (!input.starts_with("= ")) {
        return 0;
    }
    directory.clear();
    write_files(directory, input);
    const std::string path = directory.path("events.log");
    check_segments(path, input);
    require(check_reading(path, 1, input) == check_reading(path, 1000, input), "bytes matter",
            input);
    check_writing(path, input);
    check_segments(path, input);
    return 0;
}
