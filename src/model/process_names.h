// SPDX-License-Identifier: Apache-2.0
// What a process is called: the names that rules, queries and filters compare.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/exec_image.h"

namespace vigil::model {

struct ProcessNames {
    // its comm, and the base names of its executable, of the file that was executed, and of the
    // script, module or program that this runs; as far as known, none of them empty
    std::vector<std::string> names;
    std::vector<std::string> paths;  // of the latter, as they were passed; of an absolute `cwd` too
};

// `image` may be null. `cwd`: its working directory at the exec; "": unknown.
ProcessNames names_of(std::string_view comm, const ExecImage* image, std::string_view cwd = {});

// A pattern (model/name_pattern.h) of one of the names or, if it contains a slash, of a path. The
// directories below / that are links into /usr on today's systems count as those: /bin/sh is
// /usr/bin/sh.
bool matches_any(std::string_view pattern, const ProcessNames& names);

}  // namespace vigil::model
