// SPDX-License-Identifier: Apache-2.0
// What `vigil watch` does with what its monitor sees: lines to the screen and the log; and a
// configuration that may change.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "apps/monitor.h"
#include "apps/screen.h"
#include "apps/watch_options.h"
#include "apps/words.h"
#include "base/fd.h"
#include "base/result.h"
#include "rules/config_file.h"
#include "sinks/line_queue.h"
#include "sinks/sink.h"

namespace vigil::apps {

// "120 processes, 3 rules, 1 limits broken now; vigil itself: 0.2 % CPU, 24.0 MB".
std::string status_of(const agent::Watcher& watcher);

class WatchLoop {
 public:
    // The configuration and the observation must outlive the loop.
    WatchLoop(const WatchRequest& request, rules::ConfigFile& configuration,
              Observation& observation);
    WatchLoop(const WatchLoop&) = delete;
    WatchLoop& operator=(const WatchLoop&) = delete;

    // Opens what it waits for, and the log.
    Result<void> open();

    // Until a signal asks for the end, or nobody reads the output any more.
    Result<void> run(rules::RuleSet rules);

    const agent::Watcher& watcher() const { return monitor_.watcher(); }
    uint64_t told() const { return told_; }
    // Lines that the screen, or the log, did not take.
    uint64_t unwritten() const;

 private:
    MonitorHandlers handlers();
    Result<void> open_log();
    void look_at_configuration();
    void hang_up();
    void reload();
    void show(const model::Event& event);
    void flush();
    void say_to_user(const std::string& text);
    size_t waiting() const;

    WatchRequest request_;
    rules::ConfigFile* configuration_;
    Monitor monitor_;
    std::unique_ptr<sinks::Sink> json_;
    std::unique_ptr<sinks::Sink> text_;
    Screen screen_;
    Words words_;
    Fd log_fd_;
    sinks::LineQueue log_;
    uint64_t log_dropped_told_ = 0;
    std::string log_error_;  // said already
    uint64_t told_ = 0;
    std::optional<Error> output_error_;
};

}  // namespace vigil::apps
