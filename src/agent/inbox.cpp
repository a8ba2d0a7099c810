// SPDX-License-Identifier: Apache-2.0
#include "agent/inbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/file.h"

namespace vigil::agent {

Result<std::unique_ptr<Inbox>> Inbox::open() {
    Fd event(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!event) {
        return system_error("preparing", "messages");
    }
    return std::unique_ptr<Inbox>(new Inbox(std::move(event)));
}

bool Inbox::merge(const AgentMessage& message) {
    const auto waiting =
        std::find_if(messages_.begin(), messages_.end(),
                     [&](const AgentMessage& each) { return each.index() == message.index(); });
    if (waiting == messages_.end() || std::holds_alternative<UserMessage>(message)) {
        return false;
    }
    if (const auto* more = std::get_if<RefusedLines>(&message)) {
        SpoolLoss& loss = std::get<RefusedLines>(*waiting).loss;
        loss.count += more->loss.count;
        loss.to_unix_ns = more->loss.to_unix_ns;
        return true;
    }
    messages_.erase(waiting);  // the new message is queued at the end
    return false;
}

void Inbox::push(AgentMessage message) {
    {
        const MutexLock lock(mutex_);
        if (!merge(message)) {
            messages_.push_back(std::move(message));
        }
    }
    const uint64_t one = 1;
    (void)!::write(event_.get(), &one, sizeof one);
}

std::deque<AgentMessage> Inbox::pop_all() {
    uint64_t count = 0;
    (void)!::read(event_.get(), &count, sizeof count);
    const MutexLock lock(mutex_);
    return std::exchange(messages_, {});
}

}  // namespace vigil::agent
