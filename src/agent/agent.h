// SPDX-License-Identifier: Apache-2.0
// An agent monitors this machine under the rules of its server, stores deaths, and sends events.
//
//   events, samples ─► process table ─► limits ─► deaths recorder ─► this agent (losses)
//                                         │ violations    │ deaths
//                                         ▼               ▼
//                            recorder, spool, screen    store, spool, screen
//
// Everything runs on the monitor's thread. The spool's journal and the server client have threads
// of their own, which reach this one through the inbox.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/heartbeat.h"
#include "agent/inbox.h"
#include "agent/rule_cache.h"
#include "agent/server_client.h"
#include "agent/spool.h"
#include "base/clock.h"
#include "base/result.h"
#include "deaths/death_recorder.h"
#include "deaths/death_writer.h"
#include "format/formatter.h"
#include "monitor/event_sources.h"
#include "monitor/process_monitor.h"
#include "rules/limit_monitor.h"

namespace vigil::agent {

struct AgentOptions {
    std::string state;  // directory
    ServerClientOptions client;
    uint64_t interval_ns = ns_per_s;
    uint64_t queue_bytes = 256 << 20;
    deaths::Retention retention;
    deaths::DeathForwarding forwarding = deaths::DeathForwarding::abnormal;
};

// Callbacks to the command. They come on the monitor's thread, during calls of the agent.
class AgentClient {
 public:
    virtual ~AgentClient() = default;

    // A violation, a loss, or a death by a signal.
    virtual void on_agent_event(const model::Event& /*event*/) {}
    virtual void on_agent_message(const std::string& text) = 0;  // for the user: one sentence
    virtual void on_agent_stop() = 0;                            // a StopRequest came
};

class Agent final : public process::ProcessObserver,
                    public model::EventSink,
                    public deaths::DeathListener {
 public:
    static constexpr process::Needs sources_needs =
        rules::LimitMonitor::observer_needs | deaths::DeathRecorder::observer_needs;

    // Sources and client must outlive the agent. Without events no deaths are stored.
    Agent(const AgentOptions& options, monitor::EventSources& sources, AgentClient& client);
    ~Agent() override;
    Agent(const Agent&) = delete;
    Agent& operator=(const Agent&) = delete;

    // Opens the inbox. Call on_inbox() when its descriptor is readable.
    Result<void> open();
    Inbox& inbox() { return *inbox_; }
    void on_inbox();

    // Opens spool and store, loads the living processes and starts to connect. Call it once, before
    // the monitor's first tick. `servers` replace those of the options if not empty.
    Result<void> start(std::vector<Address> servers);

    // Call it about once a second.
    void on_second();

    // At the end: waits until all is durable; then is_sending() is true while a connected server
    // has not acknowledged all.
    void flush_to_disk();
    bool is_sending() const;
    void mark_end();

    bool keeps_deaths() const { return keeps_deaths_; }
    bool is_connected() const { return client_state_.connected; }
    monitor::ProcessMonitor& monitor() { return monitor_; }
    const monitor::ProcessMonitor& monitor() const { return monitor_; }
    const rules::LimitMonitor& limits() const { return limits_; }
    uint64_t violations() const { return violations_; }
    uint64_t queued() const { return spool_ ? spool_->queued() : 0; }

    // --- ProcessObserver
    process::Needs needs() const override { return {}; }
    void on_loss(const model::Event& event) override;

    // --- EventSink: violations.
    void on_event(const model::Event& event) override;

    // --- DeathListener
    void on_death(const model::Event& death, std::string_view line) override;
    void on_store_message(const std::string& text) override { client_->on_agent_message(text); }

 private:
    Result<void> use_cached_rules();
    void apply(const wire::Config& config);
    void on_link_state(const ServerClientState& state);
    void report_downtime();
    void report_spool();
    void report_rule_users();
    void beat_if_durable();
    void send(const model::Event& event);
    wire::AgentStatus wire_status() const;

    AgentOptions options_;
    AgentClient* client_;
    bool keeps_deaths_;
    std::unique_ptr<format::Formatter> json_;
    std::string line_;
    RuleCache rule_cache_;
    Heartbeat heartbeat_;

    monitor::ProcessMonitor monitor_;
    deaths::DeathWriter writer_;
    deaths::DeathRecorder recorder_;
    rules::LimitMonitor limits_;

    std::string config_hash_;
    std::string config_error_;
    ServerClientState client_state_;
    std::string spool_error_;
    uint64_t reported_lost_ = 0;
    uint64_t next_beat_ns_ = 0;
    uint64_t beat_sequence_ = 0;  // the last line in the spool at the last beat
    uint64_t violations_ = 0;

    std::unique_ptr<Inbox> inbox_;  // used by the threads of the next two members
    std::unique_ptr<Spool> spool_;
    std::unique_ptr<ServerClient> link_;
};

}  // namespace vigil::agent
