// SPDX-License-Identifier: Apache-2.0
// Tells of a line as it stands that it can't match, so that few lines have to be parsed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/json_layout.h"
#include "query/query.h"

namespace vigil::query {

// What each line of an event begins with.
struct LinePrefix {
    std::string_view time;  // times compare as texts
    std::string_view kind;
};
std::optional<LinePrefix> parse_line_prefix(std::string_view line);

class LineFilter {
 public:
    explicit LineFilter(const Query& query);

    bool is_before(const LinePrefix& prefix) const { return prefix.time < since_; }
    // False: a death that Query asks for is not written so. True: it may be.
    bool may_match(std::string_view line, const LinePrefix& prefix) const;
    // What Query orders by, of a line that a sink has written.
    std::optional<uint64_t> rank(std::string_view line) const;

 private:
    Order order_;
    std::string since_;
    std::string until_;
    std::optional<uint64_t> pid_;
    bool abnormal_;
    // As the JSON formatter writes them.
    const std::string pid_key_ = model::json_key(model::keys::pid);
    const std::string clean_exit_ = model::json_key(model::keys::exit_code) + "0,";
    std::vector<std::string> rank_keys_;
    std::vector<std::string> literals_;  // that stand somewhere in the line
};

std::optional<uint64_t> rank(const DeathRecord& record, Order order);

// Of what is known; nothing where neither is. Never beyond what the type holds.
std::optional<uint64_t> sum(std::optional<uint64_t> a, std::optional<uint64_t> b);

}  // namespace vigil::query
