// SPDX-License-Identifier: Apache-2.0
#include "agent/rule_cache.h"

#include <sys/types.h>

#include "base/file.h"

namespace vigil::agent {
namespace {

constexpr mode_t file_mode = 0600;
constexpr size_t max_file_bytes = (1 << 20) + 4096;

}  // namespace

Result<std::optional<wire::Config>> RuleCache::load() const {
    TRY_ASSIGN(const auto text, read_optional_file(path_, max_file_bytes));
    const size_t end = text ? text->find('\n') : std::string::npos;
    if (end == std::string::npos) {
        return std::optional<wire::Config>();
    }
    wire::Config config;
    config.hash = text->substr(0, end);
    config.rules = text->substr(end + 1);
    return std::optional(std::move(config));
}

Result<void> RuleCache::store(const wire::Config& config) const {
    return replace_file(path_, config.hash + '\n' + config.rules + '\n', file_mode);
}

}  // namespace vigil::agent
