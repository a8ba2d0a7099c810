// SPDX-License-Identifier: Apache-2.0
// A sweep that shows what the test wants.
#pragma once

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "sampling/process_scanner.h"

namespace vigil::test {

using Samples = std::vector<model::Sample>;

class FakeScanner final : public sampling::ProcessScanner {
 public:
    using Script = std::function<Result<Samples>()>;

    explicit FakeScanner(Script script) : script_(std::move(script)) {}

    Result<void> scan(Samples& out) override {
        TRY_ASSIGN(out, script_());
        return {};
    }
    std::string_view name() const override { return "fake"; }

 private:
    Script script_;
};

inline auto count_of(const Samples& samples, uint32_t pid) {
    return std::count_if(samples.begin(), samples.end(),
                         [pid](const model::Sample& sample) { return sample.process.pid == pid; });
}

}  // namespace vigil::test
