// SPDX-License-Identifier: Apache-2.0
#include "host/procfs.h"
#include "sampling/convert.h"
#include "sampling/process_scanner.h"

namespace vigil::sampling {
namespace {

class ProcScanner final : public ProcessScanner {
 public:
    Result<void> scan(std::vector<model::Sample>& out) override {
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

std::unique_ptr<ProcessScanner> make_proc_scanner() { return std::make_unique<ProcScanner>(); }

}  // namespace vigil::sampling
