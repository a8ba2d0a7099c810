// SPDX-License-Identifier: Apache-2.0
#include "pipeline/name_tracker.h"

#include <algorithm>

#include "model/name_pattern.h"
#include "model/process_names.h"
#include "model/sample.h"

namespace vigil::pipeline {

void NameTracker::load_all() {
    for (const uint32_t pid : process::ProcReader::list()) {
        if (const auto stat = process::ProcReader::stat(pid)) {
            (void)read(pid, stat->start_ns);
        }
    }
}

bool NameTracker::read(uint32_t pid, uint64_t start_ns) {
    model::Process process;
    process.pid = pid;
    const auto image = process::ProcReader::image(process, nullptr);
    const bool matches = model::matches_any(pattern_, model::names_of({}, image.get()));
    images_[pid] = {.start_ns = start_ns, .matches = matches};
    return matches;
}

void NameTracker::apply(const model::Event& event) {
    now_ns_ = std::max(now_ns_, event.boot_ns);
    const uint32_t pid = event.process.pid;
    const uint64_t start_ns = event.process.start_ns;
    if (const auto* exec = std::get_if<model::Exec>(&event.body)) {
        auto image = model::make_exec_image(*exec);
        bool complete = true;
        if (image->needs_proc()) {
            complete = proc_.acquire_proc_read(now_ns_);
            image = complete ? process::ProcReader::image(event.process, image.get()) : image;
        }
        images_[pid] = {.start_ns = start_ns,
                        .matches = model::matches_any(pattern_, model::names_of({}, image.get())),
                        .complete = complete};
        return;
    }
    const auto* fork = std::get_if<model::Fork>(&event.body);
    if (fork == nullptr || fork->thread) {
        return;
    }
    const auto parent = images_.find(event.process.ppid);
    if (parent == images_.end() ||
        !model::same_start(parent->second.start_ns, fork->parent_start_ns)) {
        images_.erase(pid);
    } else {
        Image image = parent->second;
        image.start_ns = start_ns;
        images_[pid] = image;
    }
}

void NameTracker::forget(const model::Event& event) {
    const auto* exit = std::get_if<model::Exit>(&event.body);
    if (exit != nullptr && !exit->thread) {
        images_.erase(event.process.pid);
    }
}

bool NameTracker::matches(uint32_t pid, uint64_t start_ns, const model::Comm& comm) {
    if (matches_comm(pattern_, comm)) {
        return true;
    }
    const auto it = images_.find(pid);
    const bool known = it != images_.end() && model::same_start(it->second.start_ns, start_ns);
    if (known && (it->second.matches || it->second.complete)) {
        return it->second.matches;
    }
    if (!proc_.acquire_proc_read(now_ns_)) {
        refused_lookups_++;
        return false;
    }
    if (!process::ProcReader::is_running({.pid = pid, .start_ns = start_ns})) {
        refused_lookups_ += known ? 1 : 0;  // at its exec
        return false;
    }
    return read(pid, start_ns);
}

bool NameTracker::matches_comm(const std::string& pattern, const model::Comm& comm) {
    constexpr size_t max_bytes = sizeof comm.bytes - 1;
    return (!comm.view().empty() && model::matches_pattern(pattern, comm.view())) ||
           (pattern.size() > max_bytes && !model::has_wildcards(pattern) &&
            std::string_view(pattern).substr(0, max_bytes) == comm.view());
}

}  // namespace vigil::pipeline
