// SPDX-License-Identifier: Apache-2.0
// The loop of `vigil agent` and `vigil up` around an agent: signals, messages to the user, and for
// `up` the screen. Runs on one thread; only inbox() takes messages from others.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "base/result.h"
#include "commands/agent/agent_options.h"
#include "format/formatter.h"
#include "monitor/event_loop.h"
#include "output/message_queue.h"
#include "output/status_terminal.h"

namespace vigil::commands {

class AgentLoop final : public monitor::LoopClient, public agent::AgentClient {
 public:
    // `on_screen`: print events on standard output. The sources must outlive the loop.
    AgentLoop(const AgentRequest& request, monitor::EventSources& sources, bool on_screen);
    AgentLoop(const AgentLoop&) = delete;
    AgentLoop& operator=(const AgentLoop&) = delete;

    // Blocks the termination signals, also for threads started later.
    Result<void> open();

    // Runs until a termination signal, or until the screen is closed. `servers` replace those of
    // the request if not empty.
    Result<void> run(std::vector<Address> servers = {});

    // Sets the action of SIGHUP; by default it does nothing.
    void set_hangup_handler(std::function<void()> handler) { hangup_ = std::move(handler); }

    // For messages to this loop from any thread.
    agent::Inbox& inbox() { return agent_.inbox(); }

    uint64_t violations() const { return agent_.violations(); }
    uint64_t queued() const { return agent_.queued(); }

    // --- LoopClient
    void on_hangup() override;
    void on_second() override;
    void on_iteration() override { flush(); }
    void on_message(const std::string& text) override;

    // --- AgentClient
    void on_agent_event(const model::Event& event) override;
    void on_agent_message(const std::string& text) override { on_message(text); }
    void on_agent_stop() override { loop_.stop(); }

 private:
    void flush();
    std::string status() const;
    void finish();

    agent::Agent agent_;
    monitor::EventLoop loop_;
    std::unique_ptr<format::Formatter> text_;
    bool on_screen_;
    std::optional<output::StatusTerminal> terminal_;
    output::MessageQueue messages_;
    std::optional<Error> output_error_;
    std::function<void()> hangup_;
};

}  // namespace vigil::commands
