// SPDX-License-Identifier: Apache-2.0
// The parsed options of `vigil trace` and `vigil pin`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "capture/tracer.h"
#include "cli/arguments.h"
#include "pipeline/filter.h"

namespace vigil::commands {

// Without -e.
constexpr model::KindSet default_kinds =
    model::kind_bit(model::Kind::fork) | model::kind_bit(model::Kind::exec) |
    model::kind_bit(model::Kind::exit) | model::kind_bit(model::Kind::signal) |
    model::kind_bit(model::Kind::oom);

enum class Format { text, table, json, none };

struct TraceRequest {
    pipeline::Filter filter;
    bool kinds_given = false;    // set by -e, not implied
    bool signals_given = false;  // set by -s or -a
    bool threads = false;
    bool network = false;          // exits report the bytes sent and received
    std::optional<uint32_t> tree;  // root of a process tree
    std::optional<std::string> cgroup;
    uint64_t ring_bytes = capture::default_ring_bytes;
    bool ring_size_given = false;

    Format format = Format::text;
    std::optional<uint64_t> duration_ns;
    std::optional<uint64_t> count;
    bool pinned = false;
    std::vector<std::string> command;  // command of `-- CMD ARGS...`

    // Output of the legacy programs: only their lines, no messages of vigil.
    bool legacy_output = false;
};

using ParsedTrace = cli::ParseResult<TraceRequest>;

ParsedTrace parse_trace(const cli::Arguments& arguments);
ParsedTrace parse_pin(const cli::Arguments& arguments);

// The options of the kernel side for this request. Fails if the cgroup does not exist.
Result<capture::TraceOptions> kernel_options(const TraceRequest& request);

// The request of a reader of pinned programs, which can only narrow what was pinned. Fails if it
// requests more.
Result<TraceRequest> narrow_to_pinned(const vigil_control& pinned, TraceRequest request);

// True if forks must be held for their names: the table shows names, or the filter has one.
bool needs_names(const TraceRequest& request);

}  // namespace vigil::commands
