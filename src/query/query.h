// SPDX-License-Identifier: Apache-2.0
// Queries for past deaths in journals of death records.
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

// All conditions that are set must match. Names and units may be patterns
// (model/name_pattern.h).
struct DeathFilter {
    int64_t since_unix_ns = INT64_MIN;
    int64_t until_unix_ns = INT64_MAX;
    std::optional<std::string> name;  // comm, base name of the executable or script
    std::optional<uint32_t> pid;
    std::optional<std::string> user;  // name, or number
    std::optional<std::string> unit;  // systemd unit; ".service" may be omitted
    std::optional<model::Cause> cause;
    bool abnormal = false;  // only deaths other than with exit code 0
};

// `unix_ns`: when the process ended.
bool matches(const DeathRecord& record, const DeathFilter& filter, int64_t unix_ns);

// Whether deaths with exit code 0 can match.
bool includes_clean_exits(const DeathFilter& filter);

enum class Order { newest, cpu, memory, disk, network, lifetime };

// How the wall clock is set in the present boot.
struct BootClock {
    std::string boot_id;
    int64_t unix_minus_boot_ns = 0;
};

// The bounds of the filter are times of the clock as it is set now. Within a boot the time since
// boot decides what lies between them, and what is newer: the wall clock may have been set since.
struct Query {
    DeathFilter filter;
    Order order = Order::newest;  // largest first; unknown values last
    size_t max_deaths = 50;
    std::optional<BootClock> clock{};  // absent: as it was set at the newest record
};

struct Match {
    DeathRecord record;   // its times as they were recorded
    std::string line;     // of the journal, safe for a terminal
    int64_t unix_ns = 0;  // of the death, by the query's clock
};

struct QueryResult {
    std::vector<Match> deaths;
    // Newest first: the gaps that overlap the queried time, as far back as was read.
    std::vector<CoverageGap> gaps;
    std::optional<int64_t> oldest_unix_ns;  // as far back as was read
    std::vector<std::string> errors;        // what could not be read
};

// `journals`: paths of active files; missing ones count as empty. They are merged by time, newest
// first; a death that occurs in two journals is returned once.
QueryResult run_query(const std::vector<std::string>& journals, const Query& query);

// The same without keeping the deaths: calls on_match for each, until it returns false.
QueryResult run_query(const std::vector<std::string>& journals, const Query& query,
                      const std::function<bool(Match)>& on_match);

}  // namespace vigil::query
