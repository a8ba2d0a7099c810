// SPDX-License-Identifier: Apache-2.0
// A file in the state directory whose modification time is when this machine was last monitored.
// From it the next start reports the monitoring gap.
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

    // The time since the last beat of an earlier run, as an event of kind unobserved. Empty if
    // there was no earlier run.
    std::optional<model::Event> downtime() const;

    // Records that this machine is monitored now.
    Result<void> beat();

 private:
    std::string path_;
    Fd file_;
};

}  // namespace vigil::agent
