// SPDX-License-Identifier: Apache-2.0
// The last rules that the server sent, in the state directory. They are used from the next start
// until the server sends others. The file has the configuration's hash on the first line, then the
// rules.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "wire/protocol.h"

namespace vigil::agent {

class RuleCache {
 public:
    explicit RuleCache(const std::string& state) : path_(state + "/rules") {}

    // Empty if none are stored.
    Result<std::optional<wire::Config>> load() const;
    Result<void> store(const wire::Config& config) const;

 private:
    std::string path_;
};

}  // namespace vigil::agent
