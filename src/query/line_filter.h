// SPDX-License-Identifier: Apache-2.0
// Recognises unparsed lines that cannot match a query, so that few lines have to be parsed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/json_layout.h"
#include "query/query.h"

namespace vigil::query {

// The first members of each event's line.
struct LinePrefix {
    std::string_view time;
    std::string_view kind;
    std::string_view boot_id;         // valid if boot_ns is
    std::optional<uint64_t> boot_ns;  // of a death; absent in lines of older versions
};
std::optional<LinePrefix> parse_line_prefix(std::string_view line);

class LineFilter {
 public:
    explicit LineFilter(const Query& query);

    // False: no match of the query has such a line. True: it may match; parse the line. Times are
    // not compared.
    bool may_match(std::string_view line) const;
    // The value by which the query orders, read from an unparsed line.
    std::optional<uint64_t> rank(std::string_view line) const;

 private:
    Order order_;
    std::optional<uint64_t> pid_;
    bool abnormal_;
    // As the JSON formatter writes them.
    const std::string pid_key_ = model::json_key(model::keys::pid);
    const std::string clean_exit_ = model::json_key(model::keys::exit_code) + "0,";
    std::vector<std::string> rank_keys_;
    std::vector<std::string> literals_;  // each occurs in every line that matches
};

std::optional<uint64_t> rank(const DeathRecord& record, Order order);

// Sum of the known values; empty if both are unknown. Saturates at the maximum of the type.
std::optional<uint64_t> sum(std::optional<uint64_t> a, std::optional<uint64_t> b);

}  // namespace vigil::query
