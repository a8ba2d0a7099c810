// SPDX-License-Identifier: Apache-2.0
#include "flow/fork_namer.h"

namespace vigil::flow {

using model::Kind;

bool ForkNamer::take(const model::Event& event) {
    advance(event.boot_ns);
    if (event.kind == Kind::exec) {
        release(event.process.pid, &event.process.comm);
        return false;
    }
    const auto* exit = std::get_if<model::Exit>(&event.body);
    if (exit != nullptr && !exit->thread) {
        release(event.process.pid, nullptr);
        return false;
    }
    const auto* fork = std::get_if<model::Fork>(&event.body);
    if (fork == nullptr || fork->thread) {
        return false;
    }
    release(event.process.pid, nullptr);  // the pid is used again: its exit was lost
    if (waiting_.size() >= capacity) {
        release_oldest();
    }
    const uint64_t ticket = next_ticket_++;
    waiting_.emplace(event.process.pid, Waiting{event, ticket});
    turns_.push_back({event.process.pid, ticket, event.boot_ns});
    return true;
}

void ForkNamer::advance(uint64_t boot_ns) {
    drop_stale_turns();
    while (!turns_.empty() && turns_.front().boot_ns + patience_ns <= boot_ns) {
        release_oldest();
    }
}

void ForkNamer::flush() {
    while (!waiting_.empty()) {
        release_oldest();
    }
}

uint64_t ForkNamer::oldest_boot_ns() {
    drop_stale_turns();
    return turns_.empty() ? UINT64_MAX : turns_.front().boot_ns;
}

void ForkNamer::release(uint32_t pid, const model::Comm* comm) {
    const auto it = waiting_.find(pid);
    if (it == waiting_.end()) {
        return;
    }
    model::Event event = it->second.event;
    waiting_.erase(it);
    if (comm != nullptr) {
        event.process.comm = *comm;
    }
    named_(event);
}

void ForkNamer::drop_stale_turns() {
    while (!turns_.empty()) {
        const auto it = waiting_.find(turns_.front().pid);
        if (it != waiting_.end() && it->second.ticket == turns_.front().ticket) {
            return;
        }
        turns_.pop_front();
    }
}

void ForkNamer::release_oldest() {
    drop_stale_turns();
    if (!turns_.empty()) {
        release(turns_.front().pid, nullptr);
        drop_stale_turns();
    }
}

}  // namespace vigil::flow
