// SPDX-License-Identifier: Apache-2.0
// What `vigil agent` and `vigil up` do with what their monitor sees: lines into the spool, from
// where a link brings them to the server, which sends the rules. `up` shows them on the screen too.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agent/link.h"
#include "agent/spool.h"
#include "apps/agent_options.h"
#include "apps/alive_mark.h"
#include "apps/death_log.h"
#include "apps/monitor.h"
#include "apps/screen.h"
#include "apps/words.h"
#include "base/fd.h"
#include "base/result.h"
#include "sinks/sink.h"

namespace vigil::apps {

class AgentLoop {
 public:
    // `on_screen`: events are shown on standard output. The observation must outlive the loop.
    AgentLoop(const AgentRequest& request, Observation& observation, bool on_screen);
    ~AgentLoop();
    AgentLoop(const AgentLoop&) = delete;
    AgentLoop& operator=(const AgentLoop&) = delete;

    // Blocks the signals that end the program, for threads started from now on too.
    Result<void> open();

    // Until a signal asks for the end, or nobody reads the screen any more. `servers`: replaces
    // those of the request if not empty.
    Result<void> run(std::vector<wire::Address> servers = {});

    // What SIGHUP is to do; nothing if this is not called.
    void on_hangup(std::function<void()> handler) { on_hangup_ = std::move(handler); }

    // Words for the user, on standard error. From any thread.
    void post_word(const std::string& text);
    // From any thread.
    void post_stop();

    uint64_t told() const { return told_; }
    uint64_t queued() const { return spool_ ? spool_->queued() : 0; }

 private:
    MonitorHandlers handlers();
    void take_news();
    void take_configuration();
    void do_each_second();
    void tell(const model::Event& event);
    void died(const model::Event& event);
    void show(const model::Event& event);
    void keep(const model::Event& event);
    void tell_time_away();
    void mark_alive();
    void look_at_link();
    void flush();
    void say_to_user(const std::string& text);
    Result<void> use_kept_rules();
    std::string status() const;
    wire::Status wire_status() const;
    void finish();

    AgentRequest request_;
    bool on_screen_;
    Monitor monitor_;
    std::unique_ptr<sinks::Sink> json_;
    std::unique_ptr<sinks::Sink> text_;
    std::optional<Screen> screen_;
    Words words_;
    std::optional<Error> output_error_;
    std::function<void()> on_hangup_;
    Fd news_;  // eventfd(2): something is new for this thread
    AliveMark alive_;
    DeathLog deaths_;
    bool keeps_deaths_;

    std::string config_hash_;
    std::string config_error_;
    agent::LinkState link_state_;
    std::string spool_trouble_;
    uint64_t lost_told_ = 0;
    uint64_t next_mark_ns_ = 0;
    uint64_t marked_sequence_ = 0;  // the last line before the last mark
    uint64_t told_ = 0;

    std::mutex mutex_;
    std::vector<std::string> posted_;      // under the mutex
    bool stop_asked_ = false;              // under the mutex
    std::unique_ptr<agent::Spool> spool_;  // their threads use what stands above
    std::unique_ptr<agent::Link> link_;
};

}  // namespace vigil::apps
