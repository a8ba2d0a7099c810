// SPDX-License-Identifier: Apache-2.0
// Messages from the agent's other threads to the monitor's thread, in order of arrival.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <variant>

#include "agent/spool_state.h"
#include "base/fd.h"
#include "base/result.h"
#include "base/thread_annotations.h"
#include "wire/protocol.h"

namespace vigil::agent {

struct ServerClientState {
    bool connected = false;
    std::string server;  // current server, or the last one tried
    std::string error;   // why it is not connected
};

// Lines that the server refused; they are not sent again.
struct RefusedLines {
    SpoolLoss loss;
};

struct UserMessage {
    std::string text;
};

struct StopRequest {};

// A new configuration is a wire::Config.
using AgentMessage =
    std::variant<wire::Config, ServerClientState, RefusedLines, UserMessage, StopRequest>;

class Inbox {
 public:
    static Result<std::unique_ptr<Inbox>> open();

    // Polls readable while messages wait.
    int fd() const { return event_.get(); }

    // From any thread. A configuration or state replaces a pending one, and refused lines are added
    // to the pending ones, so the queue stays bounded while the monitor is busy.
    void push(AgentMessage message) EXCLUDES(mutex_);

    // On the monitor's thread.
    std::deque<AgentMessage> pop_all() EXCLUDES(mutex_);

 private:
    explicit Inbox(Fd event) : event_(std::move(event)) {}
    bool merge(const AgentMessage& message) REQUIRES(mutex_);

    Fd event_;  // eventfd(2)
    Mutex mutex_;
    std::deque<AgentMessage> messages_ GUARDED_BY(mutex_);
};

}  // namespace vigil::agent
