// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/types.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

#include "base/fd.h"
#include "host/kernel_types.h"
#include "sampling/bpf_loader.h"
#include "sampling/convert.h"
#include "sampling/process_scanner.h"
#include "vigil_sweep.skel.h"

namespace vigil::sampling {
namespace {

// Array size relative to the present processes: growing takes another load of the program.
constexpr uint64_t headroom = 2;
constexpr uint64_t min_capacity = 1024;

class FastScanner final : public ProcessScanner {
 public:
    explicit FastScanner(const ScannerOptions& options) : options_(options) {}

    Result<void> load(uint64_t processes) {
        const uint64_t capacity = std::max(min_capacity, processes * headroom);
        TRY_ASSIGN(program_, load_program<vigil_sweep>(options_, [capacity](vigil_sweep& program) {
                       ::bpf_map__set_max_entries(program.maps.samples,
                                                  static_cast<__u32>(capacity));
                   }));
        const size_t bytes = capacity * sizeof(vigil_sample);
        void* address =
            ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, ::bpf_map__fd(program_->maps.samples), 0);
        if (address == MAP_FAILED) {
            return failure("mapping the samples", errno);
        }
        samples_ = Mapping(address, bytes);
        capacity_ = capacity;
        return {};
    }

    Result<void> scan(std::vector<model::Sample>& out) override {
        TRY_ASSIGN(uint64_t count, run());
        if (count > capacity_) {
            TRY(load(count));
            TRY_ASSIGN(count, run());
            count = std::min(count, capacity_);
        }
        out.clear();
        out.reserve(count);
        const auto* samples = samples_.as<vigil_sample>();
        for (uint64_t i = 0; i < count; i++) {
            out.push_back(sample_of(samples[i]));
        }
        return {};
    }

    std::string_view name() const override {
        return "one run of a kernel program (open-coded iterator)";
    }

 private:
    Result<uint64_t> run() {
        LIBBPF_OPTS(bpf_test_run_opts, options);
        const int error =
            ::bpf_prog_test_run_opts(::bpf_program__fd(program_->progs.sweep), &options);
        if (error != 0) {
            return failure("running the sweep program", -error);
        }
        return uint64_t{program_->bss->process_count};
    }

    ScannerOptions options_;
    LoadedProgram<vigil_sweep> program_{nullptr, vigil_sweep::destroy};
    Mapping samples_;
    uint64_t capacity_ = 0;
};

}  // namespace

Result<std::unique_ptr<ProcessScanner>> open_fast_scanner(const ScannerOptions& options) {
    if (!host::has_kernel_function("bpf_iter_task_new")) {
        return Error{ErrorCode::unsupported, "this kernel has no open-coded task iterator"};
    }
    auto scanner = std::make_unique<FastScanner>(options);
    TRY(scanner->load(options.expected_processes));
    return std::unique_ptr<ProcessScanner>(std::move(scanner));
}

}  // namespace vigil::sampling
