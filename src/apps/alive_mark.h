// SPDX-License-Identifier: Apache-2.0
// A file in a state folder whose time says when somebody last watched here, so that the next start
// can tell of the time in which nobody did.
#pragma once

#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "model/event.h"

namespace vigil::apps {

class AliveMark {
 public:
    explicit AliveMark(const std::string& state) : path_(state + "/alive") {}

    // Since an earlier run left its last mark; an event of kind unobserved. Nothing where there was
    // none.
    std::optional<model::Event> time_away() const;

    // Now somebody watches.
    Result<void> set();

 private:
    std::string path_;
    Fd file_;
};

}  // namespace vigil::apps
