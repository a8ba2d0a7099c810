// SPDX-License-Identifier: Apache-2.0
#include "sample/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "host/kernel.h"
#include "host/probe.h"
#include "host/procfs.h"
#include "sample/convert.h"

namespace vigil::sample {
namespace {

// Listing /proc costs many times what a sweep does.
constexpr uint64_t comparison_interval_ns = 60 * ns_per_s;

// Which of `pids` (sorted) the sweep shows.
std::vector<bool> shown(const std::vector<uint32_t>& pids, const std::vector<model::Sample>& out) {
    std::vector<bool> is_shown(pids.size());
    for (const model::Sample& sample : out) {
        const auto it = std::lower_bound(pids.begin(), pids.end(), sample.process.pid);
        if (it != pids.end() && *it == sample.process.pid) {
            is_shown[static_cast<size_t>(it - pids.begin())] = true;
        }
    }
    return is_shown;
}

// Why the kernel can't be asked from here; empty if it can.
std::string objection() {
    if (const auto can = host::check_can_trace(); !can) {
        return can.error().context;
    }
    if (!host::in_initial_pid_namespace()) {
        return "this is a pid namespace: the kernel's pids are not those of /proc here";
    }
    return {};
}

}  // namespace

Sampler Sampler::open(const SweepOptions& options) {
    std::string reason = objection();
    if (reason.empty()) {
        SweepOptions sized = options;
        sized.expected_processes = host::list_processes().size();
        for (const auto open : {open_fast_sweep, open_task_sweep}) {
            auto sweep = open(sized);
            if (sweep) {
                return {std::move(*sweep), false};
            }
            reason += fmt::format("{}{}", reason.empty() ? "" : "; ", sweep.error().context);
        }
    }
    Sampler sampler(make_proc_sweep(), true);
    sampler.reason_ = std::move(reason);
    return sampler;
}

Sampler::Sampler(std::unique_ptr<Sweep> sweep, bool complete)
    : sweep_(std::move(sweep)), complete_(complete) {}

Result<void> Sampler::take(std::vector<model::Sample>& out, uint64_t now_ns) {
    if (auto taken = sweep_->take(out); !taken) {
        if (complete_) {
            return taken;
        }
        reason_ = std::move(taken.error().context);
        sweep_ = make_proc_sweep();
        complete_ = true;
        return sweep_->take(out);
    }
    if (complete_) {
        return {};
    }
    // What was missing last time and is missing again is hidden; the rest was only young.
    if (!suspected_.empty()) {
        const std::vector<bool> is_shown = shown(suspected_, out);
        for (size_t i = 0; i < suspected_.size(); i++) {
            if (!is_shown[i]) {
                hidden_.push_back(suspected_[i]);
            }
        }
        suspected_.clear();
        std::sort(hidden_.begin(), hidden_.end());
    }
    if (compared_ns_ == 0 || now_ns - compared_ns_ >= comparison_interval_ns) {
        compared_ns_ = now_ns;
        compare(out);
    }
    const std::vector<bool> is_shown = shown(hidden_, out);
    std::vector<uint32_t> still_hidden;
    for (size_t i = 0; i < hidden_.size(); i++) {
        const auto sample = is_shown[i] ? std::nullopt : sample_from_proc(hidden_[i]);
        if (sample) {
            out.push_back(*sample);
        }
        if (sample || hidden_[i] == 1) {
            still_hidden.push_back(hidden_[i]);
        }
    }
    hidden_ = std::move(still_hidden);
    return {};
}

void Sampler::compare(const std::vector<model::Sample>& out) {
    std::vector<uint32_t> swept(hidden_);
    for (const model::Sample& sample : out) {
        swept.push_back(sample.process.pid);
    }
    std::sort(swept.begin(), swept.end());
    for (const uint32_t pid : host::list_processes()) {
        if (!std::binary_search(swept.begin(), swept.end(), pid)) {
            suspected_.push_back(pid);
        }
    }
    std::sort(suspected_.begin(), suspected_.end());
}

}  // namespace vigil::sample
