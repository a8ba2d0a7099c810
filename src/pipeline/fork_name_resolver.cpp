// SPDX-License-Identifier: Apache-2.0
#include "pipeline/fork_name_resolver.h"

namespace vigil::pipeline {

using model::Kind;

bool ForkNameResolver::handle(const model::Event& event) {
    advance(event.boot_ns);
    if (event.kind == Kind::exec) {
        emit(event.process.pid, &event.process.comm);
        return false;
    }
    const auto* exit = std::get_if<model::Exit>(&event.body);
    if (exit != nullptr && !exit->thread) {
        emit(event.process.pid, nullptr);
        return false;
    }
    const auto* fork = std::get_if<model::Fork>(&event.body);
    if (fork == nullptr || fork->thread) {
        return false;
    }
    emit(event.process.pid, nullptr);  // the pid was reused: the exit event was lost
    if (pending_.size() >= capacity) {
        emit_oldest();
    }
    const uint64_t generation = next_generation_++;
    pending_.emplace(event.process.pid, PendingFork{event, generation});
    timeouts_.push_back({event.process.pid, generation, event.boot_ns});
    return true;
}

void ForkNameResolver::advance(uint64_t boot_ns) {
    drop_stale_timeouts();
    while (!timeouts_.empty() && timeouts_.front().boot_ns + timeout_ns <= boot_ns) {
        emit_oldest();
    }
}

void ForkNameResolver::flush() {
    while (!pending_.empty()) {
        emit_oldest();
    }
}

uint64_t ForkNameResolver::oldest_boot_ns() {
    drop_stale_timeouts();
    return timeouts_.empty() ? UINT64_MAX : timeouts_.front().boot_ns;
}

void ForkNameResolver::emit(uint32_t pid, const model::Comm* comm) {
    const auto it = pending_.find(pid);
    if (it == pending_.end()) {
        return;
    }
    model::Event event = it->second.event;
    pending_.erase(it);
    if (comm != nullptr) {
        event.process.comm = *comm;
    }
    handler_(event);
}

void ForkNameResolver::drop_stale_timeouts() {
    while (!timeouts_.empty()) {
        const auto it = pending_.find(timeouts_.front().pid);
        if (it != pending_.end() && it->second.generation == timeouts_.front().generation) {
            return;
        }
        timeouts_.pop_front();
    }
}

void ForkNameResolver::emit_oldest() {
    drop_stale_timeouts();
    if (!timeouts_.empty()) {
        emit(timeouts_.front().pid, nullptr);
        drop_stale_timeouts();
    }
}

}  // namespace vigil::pipeline
