// SPDX-License-Identifier: Apache-2.0
// The loop of `vigil watch`: prints and logs violations and losses, and reloads a changed
// configuration. Single-threaded.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "commands/watch/watch_options.h"
#include "format/formatter.h"
#include "model/event_sink.h"
#include "monitor/event_loop.h"
#include "monitor/event_sources.h"
#include "monitor/process_monitor.h"
#include "output/message_queue.h"
#include "output/nonblocking_writer.h"
#include "output/status_terminal.h"
#include "rules/config_file.h"
#include "rules/limit_monitor.h"

namespace vigil::commands {

// "120 processes, 3 rules, 1 limits broken now; vigil itself: 0.2 % CPU, 24.0 MB".
std::string status_of(const monitor::ProcessMonitor& monitor, const rules::LimitMonitor& limits);

class WatchLoop final : public monitor::LoopClient,
                        public process::ProcessObserver,
                        public model::EventSink {
 public:
    // Configuration and sources must outlive the loop.
    WatchLoop(const WatchRequest& request, rules::ConfigFile& configuration,
              monitor::EventSources& sources);
    WatchLoop(const WatchLoop&) = delete;
    WatchLoop& operator=(const WatchLoop&) = delete;

    // Opens the descriptors that it polls, and the log.
    Result<void> open();

    // Runs until a termination signal, or until the output is closed.
    Result<void> run(rules::RuleSet rules);

    const rules::LimitMonitor& limits() const { return limits_; }
    uint64_t reported_violations() const { return reported_violations_; }
    // Lines that were not written to the screen or the log.
    uint64_t unwritten() const;

    // --- LoopClient
    void on_hangup() override;
    void on_second() override;
    void on_iteration() override;
    void on_message(const std::string& text) override;

    // --- ProcessObserver: prints losses.
    process::Needs needs() const override { return {}; }
    void on_loss(const model::Event& event) override { show(event); }

    // --- EventSink: prints violations.
    void on_event(const model::Event& event) override { show(event); }

 private:
    Result<void> open_log();
    void reload();
    void print_rule_messages();
    void show(const model::Event& event);
    void flush();
    size_t waiting() const;

    WatchRequest request_;
    rules::ConfigFile* configuration_;
    monitor::ProcessMonitor monitor_;
    rules::LimitMonitor limits_;
    monitor::EventLoop loop_;
    std::unique_ptr<format::Formatter> json_;
    std::unique_ptr<format::Formatter> text_;
    output::StatusTerminal terminal_;
    output::MessageQueue messages_;
    Fd log_fd_;
    output::NonblockingWriter log_;
    uint64_t log_dropped_reported_ = 0;
    std::string log_error_;  // last reported error
    uint64_t reported_violations_ = 0;
    std::optional<Error> output_error_;
};

}  // namespace vigil::commands
