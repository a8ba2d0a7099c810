// SPDX-License-Identifier: Apache-2.0
#include "host/procfs.h"
#include "sample/convert.h"
#include "sample/sweep.h"

namespace vigil::sample {
namespace {

class ProcSweep final : public Sweep {
 public:
    Result<void> take(std::vector<model::Sample>& out) override {
        out.clear();
        for (const uint32_t pid : host::list_processes()) {
            if (const auto sample = sample_from_proc(pid)) {
                out.push_back(*sample);
            }
        }
        if (out.empty()) {
            return Error{ErrorCode::failed, "/proc shows no process: is it mounted?"};
        }
        return {};
    }

    std::string_view name() const override { return "/proc"; }
};

}  // namespace

std::unique_ptr<Sweep> make_proc_sweep() { return std::make_unique<ProcSweep>(); }

}  // namespace vigil::sample
