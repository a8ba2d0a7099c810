// SPDX-License-Identifier: Apache-2.0
// The half of a filter that the kernel side applies: pipeline/filter.h has the other one.
#pragma once

#include <linux/types.h>

#include "abi/control.h"
#include "pipeline/filter.h"

namespace vigil::pipeline {

// Where the name of a new process comes from: its fork only has that of its parent.
constexpr model::KindSet naming_kinds =
    model::kind_bit(model::Kind::exec) | model::kind_bit(model::Kind::exit);

// The filter's conditions as far as the kernel side knows them.
vigil_filter kernel_filter(const Filter& filter);

// Lets the execs and exits through that name forks. The name comes with the exec of the child,
// which can have another pid and user than the filter's.
void widen_for_names(vigil_filter& filter);

// Lets all through that a NameTracker has to see.
void widen_for_tracking(vigil_filter& filter);

// Adds the conditions of programs that were pinned, where the filter leaves them open.
void narrow_to(const vigil_filter& pinned, Filter& filter);

}  // namespace vigil::pipeline
