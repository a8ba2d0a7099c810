// SPDX-License-Identifier: Apache-2.0
// A process as rules and reports see it: identity, image and cgroup.
#pragma once

#include <memory>
#include <string>

#include "model/event.h"
#include "model/exec_image.h"

namespace vigil::model {

using SharedText = std::shared_ptr<const std::string>;  // null: unknown

// Cheap to copy.
struct ProcessView {
    Process process;
    ExecImagePtr image;  // may be null
    SharedText cgroup;   // path, "/system.slice/x.service"
};

}  // namespace vigil::model
