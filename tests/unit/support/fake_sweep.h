// SPDX-License-Identifier: Apache-2.0
// A sweep that shows what the test wants.
#pragma once

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "sample/sweep.h"

namespace vigil::test {

using Samples = std::vector<model::Sample>;

class FakeSweep final : public sample::Sweep {
 public:
    using Script = std::function<Result<Samples>()>;

    explicit FakeSweep(Script script) : script_(std::move(script)) {}

    Result<void> take(Samples& out) override {
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
