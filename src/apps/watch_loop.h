// SPDX-License-Identifier: Apache-2.0
// The loop of `vigil watch`: ticks, events, signals and changes of the configuration come in,
// lines go out.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "agent/watcher.h"
#include "apps/config_file.h"
#include "apps/screen.h"
#include "apps/watch_options.h"
#include "base/fd.h"
#include "base/result.h"
#include "capture/reader.h"
#include "sinks/line_queue.h"
#include "sinks/sink.h"

namespace vigil::apps {

class WatchLoop {
 public:
    // `reader` may be null. It and the configuration must outlive the loop.
    WatchLoop(const WatchRequest& request, ConfigFile& configuration, sample::Sampler sampler,
              capture::Reader* reader);
    WatchLoop(const WatchLoop&) = delete;
    WatchLoop& operator=(const WatchLoop&) = delete;

    // Opens what it waits for, and the log.
    Result<void> open();

    // Until a signal asks for the end, or nobody reads the output any more.
    Result<void> run(rules::RuleSet rules);

    const agent::Watcher& watcher() const { return watcher_; }
    uint64_t told() const { return told_; }
    // Lines that the screen, or the log, did not take.
    uint64_t unwritten() const;

 private:
    Result<void> open_log();
    Result<void> do_what_is_due();
    void wait(int timeout_ms);
    void take_signals();
    void reload();
    void show(const model::Event& event);
    void flush();
    void say_to_user(const std::string& text);
    std::string status() const;
    size_t waiting() const;

    WatchRequest request_;
    ConfigFile* configuration_;
    capture::Reader* reader_;
    agent::Watcher watcher_;
    std::unique_ptr<sinks::Sink> json_;
    std::unique_ptr<sinks::Sink> text_;
    Screen screen_;
    Fd log_fd_;
    sinks::LineQueue log_;
    uint64_t log_dropped_told_ = 0;
    std::string log_error_;        // said already
    std::string no_kernel_sweep_;  // said already
    Fd epoll_;
    Fd signals_;
    uint64_t next_tick_ns_ = 0;
    uint64_t next_look_ns_ = 0;  // at the configuration
    uint64_t told_ = 0;
    std::optional<Error> output_error_;
    bool stop_ = false;
};

}  // namespace vigil::apps
