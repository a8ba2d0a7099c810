// SPDX-License-Identifier: Apache-2.0
#include "commands/watch/watch_loop.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/cli.h"
#include "host/kernel.h"
#include "output/color.h"
#include "output/final_flush.h"

namespace vigil::commands {
namespace {

constexpr mode_t log_mode = 0640;

}  // namespace

std::string status_of(const monitor::ProcessMonitor& monitor, const rules::LimitMonitor& limits) {
    const auto own_cpu = monitor.own_usage()[model::index(model::Metric::cpu)];
    const auto own_memory = monitor.own_usage()[model::index(model::Metric::memory)];
    return fmt::format("{} processes, {}, {} exceeded now; vigil itself: {} CPU, {}",
                       monitor.table().size(), count_of(limits.engine().rules().size(), "rule"),
                       count_of(limits.engine().raised(), "limit"),
                       own_cpu ? fmt::format("{:.1f} %", *own_cpu) : "-",
                       own_memory ? fmt::format("{:.1f} MB", *own_memory) : "-");
}

WatchLoop::WatchLoop(const WatchRequest& request, rules::ConfigFile& configuration,
                     monitor::EventSources& sources)
    : request_(request),
      configuration_(&configuration),
      monitor_(sources.move_sampler(), sources.reader(), request.interval_ns),
      limits_(monitor_.table(), {this}),
      loop_(monitor_, *this),
      json_(format::make_json_formatter(host::host_name())),
      text_(format::make_text_formatter(true, output::wants_color())),
      terminal_(STDOUT_FILENO, !request.json),
      messages_(STDERR_FILENO),
      log_(-1) {
    monitor_.set_observers({&limits_, this});
}

Result<void> WatchLoop::open() {
    TRY(loop_.open());
    // Reports only that the reading end was closed; a regular file can't be polled and needs no
    // check.
    (void)loop_.add(STDOUT_FILENO, 0, [this] { loop_.stop(); });
    return open_log();
}

Result<void> WatchLoop::open_log() {
    if (!request_.log) {
        return {};
    }
    struct stat log {};
    struct stat limits {};
    if (::stat(request_.log->c_str(), &log) == 0 &&
        ::stat(configuration_->path().c_str(), &limits) == 0 && log.st_dev == limits.st_dev &&
        log.st_ino == limits.st_ino) {
        return usage_error(fmt::format("-l '{}': the limits are in that file: expected another one",
                                       escape_terminal(*request_.log)));
    }
    Fd fd(::open(request_.log->c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK,
                 log_mode));
    if (!fd) {
        Error error = system_error("opening the log", *request_.log);
        error.code = ErrorCode::usage;
        return error;
    }
    log_fd_ = std::move(fd);
    log_.set_fd(log_fd_.get());
    return {};
}

Result<void> WatchLoop::run(rules::RuleSet rules) {
    limits_.apply(std::move(rules));
    print_rule_messages();
    TRY(loop_.run());
    output::final_flush([this] {
        if (waiting() > 0) {
            flush();
        }
        return waiting() > 0;
    });
    terminal_.clear_status();
    return output_error_ ? Result<void>(*output_error_) : Result<void>();
}

void WatchLoop::print_rule_messages() {
    for (const std::string& message : limits_.pop_messages()) {
        on_message(message);
    }
}

void WatchLoop::on_second() {
    print_rule_messages();
    if (configuration_->has_changed()) {
        reload();
    } else if (configuration_->has_gone()) {
        on_message(fmt::format("'{}' was removed: the limits stay as they were",
                               escape_terminal(configuration_->path())));
    }
}

void WatchLoop::on_hangup() {
    reload();
    if (const auto opened = open_log(); !opened) {
        on_message(opened.error().context + "; the old one stays");
    }
}

void WatchLoop::reload() {
    if (!configuration_->is_rereadable()) {
        on_message(fmt::format("'{}' is not a regular file: the limits stay as they were",
                               configuration_->path()));
        return;
    }
    auto rules = configuration_->load();
    if (!rules) {
        on_message(rules.error().context + "\nvigil: the limits stay as they were");
        return;
    }
    limits_.apply(std::move(*rules));
    on_message(fmt::format("applied {}: {}", configuration_->path(),
                           count_of(limits_.engine().rules().size(), "rule")));
    print_rule_messages();
}

void WatchLoop::show(const model::Event& event) {
    reported_violations_ += event.kind == model::Kind::violation ? 1 : 0;
    std::string line;
    json_->append(line, event);
    if (request_.log) {
        log_.add(line);
    }
    if (!request_.json) {
        line.clear();
        text_->append(line, event);
    }
    terminal_.add(std::move(line));
}

void WatchLoop::on_iteration() { flush(); }

// The log may be on a full disk for a while: reported once, and again when it works.
void WatchLoop::flush() {
    if (terminal_.has_status()) {
        terminal_.set_status(status_of(monitor_, limits_));
    }
    const auto logged = log_.flush();
    const std::string error = logged ? "" : logged.error().context;
    if (error != log_error_) {
        log_error_ = error;
        on_message(error.empty() ? fmt::format("writing to '{}' again", *request_.log)
                                 : fmt::format("writing to '{}': {}; lines wait in memory",
                                               *request_.log, error));
    }
    if (const uint64_t dropped = log_.dropped(); error.empty() && dropped > log_dropped_reported_) {
        on_message(fmt::format("{} missing in '{}'",
                               count_of(dropped - log_dropped_reported_, "line"), *request_.log));
        log_dropped_reported_ = dropped;
    }
    if (auto flushed = terminal_.flush(); !flushed) {
        output_error_ = Error{ErrorCode::failed, "writing the output: " + flushed.error().context};
    }
    messages_.flush();
    if (output_error_ || terminal_.closed()) {
        loop_.stop();
    }
}

void WatchLoop::on_message(const std::string& text) {
    terminal_.clear_status();
    messages_.add(fmt::format("vigil: {}\n", text));
}

size_t WatchLoop::waiting() const {
    return (terminal_.closed() ? 0 : terminal_.waiting()) + log_.waiting();
}

uint64_t WatchLoop::unwritten() const { return terminal_.dropped() + log_.dropped() + waiting(); }

}  // namespace vigil::commands
