// SPDX-License-Identifier: Apache-2.0
// Tells of a line as it stands that it can't match, so that few lines have to be parsed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "history/query.h"

namespace vigil::history {

// What each line of an event begins with.
struct Head {
    std::string_view time;  // times compare as texts
    std::string_view kind;
};
std::optional<Head> read_head(std::string_view line);

class Sieve {
 public:
    explicit Sieve(const Query& query);

    bool is_before(const Head& head) const { return head.time < since_; }
    // False: a death that Query asks for is not written so. True: it may be.
    bool may_match(std::string_view line, const Head& head) const;
    // What Query orders by, of a line that a sink has written.
    std::optional<uint64_t> rank(std::string_view line) const;

 private:
    Order order_;
    std::string since_;
    std::string until_;
    std::optional<uint64_t> pid_;
    bool abnormal_;
    std::vector<std::string> parts_;  // that stand somewhere in the line
};

std::optional<uint64_t> rank(const Certificate& certificate, Order order);

// Of what is known; nothing where neither is. Never beyond what the type holds.
std::optional<uint64_t> sum(std::optional<uint64_t> a, std::optional<uint64_t> b);

}  // namespace vigil::history
