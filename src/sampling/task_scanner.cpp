// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>
#include <linux/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "base/fd.h"
#include "sampling/bpf_loader.h"
#include "sampling/convert.h"
#include "sampling/process_scanner.h"
#include "vigil_sweep_each.skel.h"

namespace vigil::sampling {
namespace {

constexpr size_t read_records = 512;

// Adds one thread's share. Between the visits of two threads a third one may have been released: it
// is then counted twice or not at all.
void add_share(vigil_sample& process, const vigil_sample& share) {
    process.runtime_ns += share.runtime_ns;
    process.read_bytes += share.read_bytes;
    process.write_bytes += share.write_bytes;
    if (process.rss_pages == 0) {
        process.rss_pages = share.rss_pages;
    }
    if (share.releases != process.releases || (share.releases & 1) != 0) {
        process.flags |= VIGIL_SAMPLE_INCONSISTENT;
    }
}

class TaskScanner final : public ProcessScanner {
 public:
    TaskScanner(LoadedProgram<vigil_sweep_each> program, Fd link)
        : program_(std::move(program)), link_(std::move(link)) {}

    Result<void> scan(std::vector<model::Sample>& out) override {
        TRY(read_all());
        by_pid_.clear();
        for (size_t i = 0; i < processes_.size(); i++) {
            by_pid_[processes_[i].pid] = i;
        }
        std::vector<uint32_t> counted(processes_.size(), 1);
        for (const vigil_sample& share : threads_) {
            if (const auto it = by_pid_.find(share.pid); it != by_pid_.end()) {
                add_share(processes_[it->second], share);
                counted[it->second]++;
            }
        }
        out.clear();
        out.reserve(processes_.size());
        for (size_t i = 0; i < processes_.size(); i++) {
            if (counted[i] < processes_[i].threads) {
                processes_[i].flags |= VIGIL_SAMPLE_INCONSISTENT;
            }
            model::Sample& sample = out.emplace_back(sample_of(processes_[i]));
            if ((processes_[i].flags & VIGIL_SAMPLE_INCONSISTENT) != 0) {
                // A thread may be included twice.
                sample.counters.read_bytes = sample.counters.write_bytes = std::nullopt;
            }
        }
        return {};
    }

    std::string_view name() const override { return "a kernel program for each task (iterator)"; }

 private:
    Result<void> read_all() {
        const Fd iterator(::bpf_iter_create(link_.get()));
        if (!iterator) {
            return failure("starting the sweep", errno);
        }
        processes_.clear();
        threads_.clear();
        std::vector<std::byte> buffer(read_records * sizeof(vigil_sample));
        size_t filled = 0;
        while (true) {
            const ssize_t got =
                ::read(iterator.get(), buffer.data() + filled, buffer.size() - filled);
            if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
                continue;
            }
            if (got < 0) {
                return failure("reading the sweep", errno);
            }
            if (got == 0) {
                return {};
            }
            filled += static_cast<size_t>(got);
            filled = parse_records(buffer, filled);
        }
    }

    // Removes the whole records from the front; returns the bytes of the partial record that
    // remain.
    size_t parse_records(std::vector<std::byte>& buffer, size_t filled) {
        size_t parsed_bytes = 0;
        for (; filled - parsed_bytes >= sizeof(vigil_sample);
             parsed_bytes += sizeof(vigil_sample)) {
            vigil_sample record;
            std::memcpy(&record, buffer.data() + parsed_bytes, sizeof record);
            const bool thread = (record.flags & VIGIL_SAMPLE_THREAD) != 0;
            (thread ? threads_ : processes_).push_back(record);
        }
        std::memmove(buffer.data(), buffer.data() + parsed_bytes, filled - parsed_bytes);
        return filled - parsed_bytes;
    }

    LoadedProgram<vigil_sweep_each> program_;
    Fd link_;
    std::vector<vigil_sample> processes_;
    std::vector<vigil_sample> threads_;
    std::unordered_map<uint32_t, size_t> by_pid_;
};

}  // namespace

Result<std::unique_ptr<ProcessScanner>> open_task_scanner(const ScannerOptions& options) {
    TRY_ASSIGN(auto program,
               load_program<vigil_sweep_each>(options, [](const vigil_sweep_each&) {}));
    Fd link(
        ::bpf_link_create(::bpf_program__fd(program->progs.task_iter), 0, BPF_TRACE_ITER, nullptr));
    if (!link) {
        return failure("attaching the sweep program", errno);
    }
    return std::unique_ptr<ProcessScanner>(
        std::make_unique<TaskScanner>(std::move(program), std::move(link)));
}

}  // namespace vigil::sampling
