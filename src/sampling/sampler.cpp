// SPDX-License-Identifier: Apache-2.0
#include "sampling/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "host/hints.h"
#include "host/kernel.h"
#include "host/probe.h"
#include "host/procfs.h"
#include "sampling/convert.h"

namespace vigil::sampling {
namespace {

// Listing /proc costs many times as much as a sweep.
constexpr uint64_t comparison_interval_ns = 60 * ns_per_s;

// For each of `pids` (sorted), whether the sweep has it.
std::vector<bool> find_scanned(const std::vector<uint32_t>& pids,
                               const std::vector<model::Sample>& out) {
    std::vector<bool> is_scanned(pids.size());
    for (const model::Sample& sample : out) {
        const auto it = std::lower_bound(pids.begin(), pids.end(), sample.process.pid);
        if (it != pids.end() && *it == sample.process.pid) {
            is_scanned[static_cast<size_t>(it - pids.begin())] = true;
        }
    }
    return is_scanned;
}

// Why the kernel's iterators can't be used here; empty if they can.
std::string unavailable_reason() {
    if (const auto can = host::check_can_trace(); !can) {
        return can.error().context;
    }
    if (!host::in_initial_pid_namespace()) {
        return "this is a PID namespace: the kernel's pids are not those of /proc here: " +
               host::pid_namespace_hint();
    }
    return {};
}

}  // namespace

Sampler Sampler::open(const ScannerOptions& options) {
    std::string reason = unavailable_reason();
    if (reason.empty()) {
        ScannerOptions sized = options;
        sized.expected_processes = host::list_processes().size();
        for (const auto open : {open_fast_scanner, open_task_scanner}) {
            auto scanner = open(sized);
            if (scanner) {
                return {std::move(*scanner), false};
            }
            reason += fmt::format("{}{}", reason.empty() ? "" : "; ", scanner.error().context);
        }
    }
    Sampler sampler(make_proc_scanner(), true);
    sampler.reason_ = std::move(reason);
    return sampler;
}

Sampler::Sampler(std::unique_ptr<ProcessScanner> scanner, bool complete)
    : scanner_(std::move(scanner)), complete_(complete) {}

Result<void> Sampler::sample(std::vector<model::Sample>& out, uint64_t now_ns) {
    if (auto scanned = scanner_->scan(out); !scanned) {
        if (complete_) {
            return scanned;
        }
        reason_ = std::move(scanned.error().context);
        scanner_ = make_proc_scanner();
        complete_ = true;
        return scanner_->scan(out);
    }
    if (complete_) {
        return {};
    }
    // Pids that are missing twice in a row are hidden; the others had only just started.
    if (!suspected_pids_.empty()) {
        const std::vector<bool> is_scanned = find_scanned(suspected_pids_, out);
        for (size_t i = 0; i < suspected_pids_.size(); i++) {
            if (!is_scanned[i]) {
                hidden_pids_.push_back(suspected_pids_[i]);
            }
        }
        suspected_pids_.clear();
        std::sort(hidden_pids_.begin(), hidden_pids_.end());
    }
    if (compared_ns_ == 0 || now_ns - compared_ns_ >= comparison_interval_ns) {
        compared_ns_ = now_ns;
        compare(out);
    }
    const std::vector<bool> is_scanned = find_scanned(hidden_pids_, out);
    std::vector<uint32_t> still_hidden;
    for (size_t i = 0; i < hidden_pids_.size(); i++) {
        const auto sample = is_scanned[i] ? std::nullopt : sample_from_proc(hidden_pids_[i]);
        if (sample) {
            out.push_back(*sample);
        }
        if (sample || hidden_pids_[i] == 1) {
            still_hidden.push_back(hidden_pids_[i]);
        }
    }
    hidden_pids_ = std::move(still_hidden);
    return {};
}

void Sampler::compare(const std::vector<model::Sample>& out) {
    std::vector<uint32_t> swept(hidden_pids_);
    for (const model::Sample& sample : out) {
        swept.push_back(sample.process.pid);
    }
    std::sort(swept.begin(), swept.end());
    for (const uint32_t pid : host::list_processes()) {
        if (!std::binary_search(swept.begin(), swept.end(), pid)) {
            suspected_pids_.push_back(pid);
        }
    }
    std::sort(suspected_pids_.begin(), suspected_pids_.end());
}

}  // namespace vigil::sampling
