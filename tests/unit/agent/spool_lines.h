// SPDX-License-Identifier: Apache-2.0
// A spool with numbered lines, and the lines that a server would get from it.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "agent/spool.h"
#include "base/clock.h"
#include "support/events.h"
#include "support/processes.h"

namespace vigil::agent {

constexpr uint64_t long_ns = 10 * ns_per_s;

// The time of a line: one second after the previous line.
inline int64_t time_of_line(uint64_t number) {
    return test::evening_ns + static_cast<int64_t>(number * ns_per_s);
}

// {"time":...,"kind":"fork","n":17,"x":"..."}, with its line end, of at least this size.
inline std::string spool_line(uint64_t number, size_t size_bytes = 0) {
    std::string line = "{\"time\":\"";
    TimeFormat().append_utc(line, time_of_line(number));
    line += fmt::format(R"(","kind":"fork","n":{},"x":")", number);
    line.resize(std::max(line.size(), size_bytes), 'x');
    return line + "\"}\n";
}

// The value of "n" in the line; 0: none.
inline uint64_t number_in(std::string_view line) {
    const size_t at = line.find("\"n\":");
    return at == std::string_view::npos
               ? 0
               : std::strtoull(std::string(line.substr(at + 4, 20)).c_str(), nullptr, 10);
}

inline std::unique_ptr<Spool> open_spool(const std::string& directory,
                                         uint64_t total_bytes = 64 << 20) {
    SpoolOptions options;
    options.directory = directory;
    options.total_bytes = total_bytes;
    auto spool = Spool::open(options);
    EXPECT_TRUE(spool) << (spool ? "" : spool.error().context);
    return spool ? std::move(*spool) : nullptr;
}

inline void add_lines(Spool& spool, uint64_t first, uint64_t last, size_t size_bytes = 0) {
    for (uint64_t i = first; i <= last; i++) {
        EXPECT_TRUE(spool.add(spool_line(i, size_bytes), time_of_line(i))) << i;
    }
    spool.wait_durable(long_ns);
}

// The id of a line (journal, sequence) and its number.
struct Sent {
    std::string journal;
    uint64_t sequence;
    uint64_t number;

    bool operator==(const Sent&) const = default;
};
inline void PrintTo(const Sent& sent, std::ostream* out) {
    *out << sent.journal << ' ' << sent.sequence << " (" << sent.number << ')';
}

// All lines that a client would send after sequence `after`, in order.
inline std::vector<Sent> unsent(Spool& spool, uint64_t after = 0, size_t max_bytes = 4096) {
    std::vector<Sent> all;
    while (true) {
        const auto batch = spool.next(after, max_bytes);
        EXPECT_TRUE(batch) << (batch ? "" : batch.error().context);
        if (!batch || !*batch) {
            return all;
        }
        uint64_t sequence = (*batch)->first_sequence;
        std::string_view rest = (*batch)->lines;
        for (uint64_t i = 0; i < (*batch)->count; i++) {
            const size_t end = rest.find('\n');
            EXPECT_NE(end, std::string_view::npos);
            all.push_back({(*batch)->journal, sequence++, number_in(rest.substr(0, end))});
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
        EXPECT_EQ(rest, "");
        after = sequence - 1;
    }
}

inline std::vector<uint64_t> numbers_of(const std::vector<Sent>& lines) {
    std::vector<uint64_t> numbers;
    for (const Sent& line : lines) {
        numbers.push_back(line.number);
    }
    return numbers;
}

inline std::vector<uint64_t> from_to(uint64_t first, uint64_t last) {
    std::vector<uint64_t> numbers;
    for (uint64_t i = first; i <= last; i++) {
        numbers.push_back(i);
    }
    return numbers;
}

}  // namespace vigil::agent
