// SPDX-License-Identifier: Apache-2.0
// Questions about past deaths, answered from journals of death records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "query/record_parser.h"

namespace vigil::query {

// All that are given must hold. Names and units may hold the wildcards of fnmatch(3).
struct DeathFilter {
    int64_t since_unix_ns = INT64_MIN;
    int64_t until_unix_ns = INT64_MAX;
    std::optional<std::string> name;  // comm, base name of the executable or script
    std::optional<uint32_t> pid;
    std::optional<std::string> user;  // name, or number
    std::optional<std::string> unit;  // of systemd; ".service" may be left out
    std::optional<model::Cause> cause;
    bool abnormal = false;  // not with exit code 0
};

bool matches(const DeathRecord& record, const DeathFilter& filter);

// Whether deaths with exit code 0 can match.
bool includes_clean_exits(const DeathFilter& filter);

enum class Order { newest, cpu, memory, disk, network, lifetime };

struct Query {
    DeathFilter filter;
    Order order = Order::newest;  // the largest first; what is not known comes last
    size_t max_deaths = 50;
};

struct Match {
    DeathRecord record;
    std::string line;  // of the journal, safe for a terminal
};

struct QueryResult {
    std::vector<Match> deaths;
    // Newest first: those that overlap the time that was asked for, as far back as was read.
    std::vector<CoverageGap> gaps;
    std::optional<int64_t> oldest_unix_ns;  // as far back as was read
    std::vector<std::string> errors;        // what could not be read
};

// `journals`: paths of active files; those that are not there are empty. They are merged by time,
// the newest first, and one death that two journals tell comes once.
QueryResult run_query(const std::vector<std::string>& journals, const Query& query);

// The same without keeping the deaths: `each` gets them one by one, and says whether it wants more.
QueryResult run_query(const std::vector<std::string>& journals, const Query& query,
                      const std::function<bool(Match)>& on_match);

}  // namespace vigil::query
