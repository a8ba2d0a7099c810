// SPDX-License-Identifier: Apache-2.0
// The half of a filter that the kernel side applies: pipeline/filter.h has the other one.
#pragma once

#include <linux/types.h>

#include <cstdint>
#include <optional>

#include "abi/control.h"
#include "base/result.h"
#include "pipeline/filter.h"

namespace vigil::pipeline {

// Where the name of a new process comes from: its fork only has that of its parent.
constexpr model::KindSet naming_kinds =
    model::kind_bit(model::Kind::exec) | model::kind_bit(model::Kind::exit);

// True if a NameTracker can follow the processes of a ring with events of these kinds.
constexpr bool can_track_names(model::KindSet kinds) {
    return (kinds & naming_kinds) == naming_kinds;
}

// The filter's conditions as far as the kernel side knows them.
vigil_filter kernel_filter(const Filter& filter);

// The process of a pid field of `filter`; nullopt if it is 0.
std::optional<WantedProcess> wanted_process(const vigil_filter& filter, uint32_t pid,
                                            uint64_t start_ns);

// Lets the execs and exits through that name forks. The name comes with the exec of the child,
// which can have another pid and user than the filter's.
void widen_for_names(vigil_filter& filter);

// Lets all through that a NameTracker has to see.
void widen_for_tracking(vigil_filter& filter);

// Adds the conditions of programs that were pinned. Fails if the filter selects what was not
// pinned: it would show nothing, and the reader consumes what it skips.
Result<void> narrow_to(const vigil_control& pinned, Filter& filter);

}  // namespace vigil::pipeline
