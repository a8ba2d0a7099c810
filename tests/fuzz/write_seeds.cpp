// SPDX-License-Identifier: Apache-2.0
// Writes the seeds of both fuzzers below the directory that is given, and a list of each.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "support/records.h"

namespace {

using vigil::test::Bytes;
using namespace std::string_view_literals;

std::vector<Bytes> records() {
    auto all = vigil::test::one_of_each();
    auto thread = vigil::test::fork_record();
    thread.header.flags = VIGIL_FLAG_THREAD;
    all.push_back(vigil::test::bytes_of(thread));
    auto kill = vigil::test::signal_record(9);
    kill.origin = VIGIL_ORIGIN_PRIV;
    all.push_back(vigil::test::bytes_of(kill));
    auto hostile = vigil::test::fork_record();
    vigil::test::set_comm(hostile.header.comm, "\x1b[31m\n\"\\\xff\xe2\x80\xae");
    all.push_back(vigil::test::bytes_of(hostile));
    all.push_back(vigil::test::exec_record("/tmp/\xc2\x9b \n", "a\0\0\"b\0\xf0\x9f"sv, 5000));
    Bytes unreadable = vigil::test::exec_record("/bin/x", "");
    vigil::test::patch_header(unreadable, &vigil_header::flags, VIGIL_FLAG_ARGV_UNREADABLE);
    all.push_back(unreadable);
    return all;
}

std::vector<Bytes> names() {
    std::vector<Bytes> all;
    for (const std::string_view name :
         {"bash"sv, "a\nb\t\r"sv, "\x1b[31m"sv, "\"\\="sv, "\0\x7f"sv, "\xc2\x85"sv,
          "\xe2\x80\xae\xe2\x81\xa6"sv, "\xf3\xa0\x80\xa1"sv, "\xff\xc0\xaf\xed\xa0\x80"sv,
          "\xf0\x9f\x98\x80\xc3\xbc"sv}) {
        const auto* begin = reinterpret_cast<const std::byte*>(name.data());
        all.emplace_back(begin, begin + name.size());
    }
    return all;
}

void write(const std::filesystem::path& directory, const std::string& kind,
           const std::vector<Bytes>& seeds) {
    std::filesystem::create_directories(directory / kind);
    std::ofstream list(directory / (kind + ".list"));
    for (size_t i = 0; i < seeds.size(); i++) {
        const auto path = directory / kind / std::to_string(i);
        std::ofstream file(path, std::ios::binary);
        file.write(reinterpret_cast<const char*>(seeds[i].data()),
                   static_cast<std::streamsize>(seeds[i].size()));
        list << (i == 0 ? "" : ",") << path.string();
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: vigil_fuzz_seeds FOLDER\n";
        return 2;
    }
    write(argv[1], "decode", records());
    write(argv[1], "text", names());
    return 0;
}
