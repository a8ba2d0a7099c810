// SPDX-License-Identifier: Apache-2.0
// The rules that the server sent last, in the state directory: used from the next start on until
// the server sends others. The file has the configuration's hash, then the rules, a line each.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "wire/protocol.h"

namespace vigil::agent {

class RuleCache {
 public:
    explicit RuleCache(const std::string& state) : path_(state + "/rules") {}

    // Nothing where none are stored.
    Result<std::optional<wire::Config>> load() const;
    Result<void> store(const wire::Config& config) const;

 private:
    std::string path_;
};

}  // namespace vigil::agent
