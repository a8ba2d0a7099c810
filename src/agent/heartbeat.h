// SPDX-License-Identifier: Apache-2.0
// A file in the state directory whose modification time says when this machine was last monitored,
// so that the next start reports the time in which it was not.
#pragma once

#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "model/event.h"

namespace vigil::agent {

class Heartbeat {
 public:
    explicit Heartbeat(const std::string& state) : path_(state + "/alive") {}

    // The time since the last beat of an earlier run, as an event of kind unobserved. Nothing where
    // there was none.
    std::optional<model::Event> downtime() const;

    // This machine is monitored now.
    Result<void> beat();

 private:
    std::string path_;
    Fd file_;
};

}  // namespace vigil::agent
