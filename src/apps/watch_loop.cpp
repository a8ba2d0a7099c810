// SPDX-License-Identifier: Apache-2.0
#include "apps/watch_loop.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "apps/cli.h"
#include "base/clock.h"
#include "base/say.h"
#include "host/kernel.h"

namespace vigil::apps {
namespace {

// The configuration is looked at no less often.
constexpr uint64_t look_interval_ns = ns_per_s;
// At the end: for a reader of the output, or of the log, that is slow.
constexpr int last_words_ms = 1'000;
constexpr int last_words_step_ms = 10;
constexpr mode_t log_mode = 0640;

Error failure(const std::string& what) {
    return {ErrorCode::failed, fmt::format("{}: {}", what, std::strerror(errno))};
}

bool add_to(const Fd& epoll, int fd, uint32_t events) {
    epoll_event event{.events = events, .data = {.fd = fd}};
    return ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

sigset_t awaited_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int number : {SIGINT, SIGTERM, SIGQUIT, SIGHUP}) {
        sigaddset(&signals, number);
    }
    return signals;
}

// Rounded up, for epoll_wait(2).
int ms_until(uint64_t then_ns) {
    const uint64_t now_ns = boot_now_ns();
    return now_ns < then_ns ? static_cast<int>((then_ns - now_ns) / ns_per_ms + 1) : 0;
}

}  // namespace

WatchLoop::WatchLoop(const WatchRequest& request, ConfigFile& configuration,
                     sample::Sampler sampler, capture::Reader* reader)
    : request_(request),
      configuration_(&configuration),
      reader_(reader),
      watcher_(std::move(sampler), reader, request.interval_ns,
               [this](const model::Event& event) { show(event); }),
      json_(sinks::make_json_sink(host::host_name())),
      text_(sinks::make_text_sink(true, wants_colour())),
      screen_(STDOUT_FILENO, !request.json),
      log_(-1),
      no_kernel_sweep_(watcher_.sampler().reason()) {}

Result<void> WatchLoop::open() {
    const sigset_t awaited = awaited_signals();
    ::sigprocmask(SIG_BLOCK, &awaited, nullptr);
    signals_ = Fd(::signalfd(-1, &awaited, SFD_NONBLOCK | SFD_CLOEXEC));
    epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!signals_ || !epoll_ || !add_to(epoll_, signals_.get(), EPOLLIN) ||
        (reader_ != nullptr && !add_to(epoll_, reader_->wake_fd(), EPOLLIN | EPOLLET))) {
        return failure("preparing to wait");
    }
    // Reports only that the reading end is gone; a plain file can't be watched and needs not.
    (void)add_to(epoll_, STDOUT_FILENO, 0);
    next_tick_ns_ = boot_now_ns();
    return open_log();
}

Result<void> WatchLoop::open_log() {
    if (!request_.log) {
        return {};
    }
    Fd fd(::open(request_.log->c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK,
                 log_mode));
    if (!fd) {
        Error error = failure(fmt::format("opening the log '{}'", *request_.log));
        error.code = ErrorCode::usage;
        return error;
    }
    log_fd_ = std::move(fd);
    log_.set_fd(log_fd_.get());
    return {};
}

Result<void> WatchLoop::run(rules::RuleSet rules) {
    watcher_.apply(std::move(rules));
    while (!stop_) {
        TRY(do_what_is_due());
        wait(ms_until(std::min(next_tick_ns_, next_look_ns_)));
    }
    watcher_.finish();
    for (int ms = 0; ms < last_words_ms && waiting() > 0; ms += last_words_step_ms) {
        flush();
        (void)::poll(nullptr, 0, waiting() > 0 ? last_words_step_ms : 0);
    }
    screen_.clear_status();
    return output_error_ ? Result<void>(*output_error_) : Result<void>();
}

void WatchLoop::wait(int timeout_ms) {
    std::array<epoll_event, 4> ready{};
    const int count =
        ::epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), timeout_ms);
    for (int i = 0; i < count; i++) {
        const int fd = ready[static_cast<size_t>(i)].data.fd;
        if (fd == signals_.get()) {
            take_signals();
        } else if (reader_ != nullptr && fd == reader_->wake_fd()) {
            watcher_.drain();
        } else {
            stop_ = true;  // nobody reads the output any more
        }
    }
    flush();
}

Result<void> WatchLoop::do_what_is_due() {
    const uint64_t now_ns = boot_now_ns();
    if (now_ns >= next_look_ns_) {
        next_look_ns_ = now_ns + look_interval_ns;
        if (configuration_->has_changed()) {
            reload();
        }
        watcher_.drain();  // what has ended is not to wait for a tick that is far away
    }
    if (now_ns >= next_tick_ns_) {
        // On time on the average; what was missed (a suspend) is not made up for.
        next_tick_ns_ =
            std::max(next_tick_ns_ + request_.interval_ns, now_ns + request_.interval_ns / 2);
        TRY(watcher_.tick());
    }
    if (const std::string& reason = watcher_.sampler().reason(); reason != no_kernel_sweep_) {
        no_kernel_sweep_ = reason;
        say_to_user("sampling /proc, which costs more: " + reason);
    }
    if (screen_.has_status()) {
        screen_.set_status(status());
    }
    flush();
    return {};
}

void WatchLoop::take_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
        if (info.ssi_signo != SIGHUP) {
            stop_ = true;
            continue;
        }
        reload();
        if (const auto opened = open_log(); !opened) {
            say_to_user(opened.error().context + "; the old one stays");
        }
    }
}

void WatchLoop::reload() {
    if (!configuration_->can_be_read_again()) {
        say_to_user(fmt::format("'{}' is no regular file: the limits stay as they were",
                                configuration_->path()));
        return;
    }
    auto rules = configuration_->load();
    if (!rules) {
        say_to_user(rules.error().context + "\nvigil: the limits stay as they were");
        return;
    }
    watcher_.apply(std::move(*rules));
    say_to_user(fmt::format("applied {}: {} rules", configuration_->path(),
                            watcher_.engine().rules().size()));
}

void WatchLoop::show(const model::Event& event) {
    told_ += event.kind == model::Kind::violation ? 1 : 0;
    std::string line;
    json_->append(line, event);
    if (request_.log) {
        log_.add(line);
    }
    if (!request_.json) {
        line.clear();
        text_->append(line, event);
    }
    screen_.add(std::move(line));
}

// The log may be on a full disk for a while: said once, and again when it is over.
void WatchLoop::flush() {
    const auto logged = log_.flush();
    const std::string error = logged ? "" : logged.error().context;
    if (error != log_error_) {
        log_error_ = error;
        say_to_user(error.empty() ? fmt::format("writing to '{}' again", *request_.log)
                                  : fmt::format("writing to '{}': {}; lines wait in memory",
                                                *request_.log, error));
    }
    if (const uint64_t dropped = log_.dropped(); error.empty() && dropped > log_dropped_told_) {
        say_to_user(fmt::format("{} lines are missing in '{}'", dropped - log_dropped_told_,
                                *request_.log));
        log_dropped_told_ = dropped;
    }
    if (auto shown = screen_.flush(); !shown) {
        output_error_ = Error{ErrorCode::failed, "writing the output: " + shown.error().context};
    }
    stop_ = stop_ || output_error_ || screen_.closed();
}

void WatchLoop::say_to_user(const std::string& text) {
    screen_.clear_status();
    say(stderr, "vigil: {}\n", text);
}

std::string WatchLoop::status() const {
    const auto own_cpu = watcher_.own_usage()[model::index(model::Metric::cpu)];
    const auto own_memory = watcher_.own_usage()[model::index(model::Metric::memory)];
    return fmt::format("{} processes, {} rules, {} limits broken now; vigil itself: {} CPU, {}",
                       watcher_.processes(), watcher_.engine().rules().size(),
                       watcher_.engine().raised(),
                       own_cpu ? fmt::format("{:.1f} %", *own_cpu) : "-",
                       own_memory ? fmt::format("{:.1f} MB", *own_memory) : "-");
}

size_t WatchLoop::waiting() const {
    return (screen_.closed() ? 0 : screen_.waiting()) + log_.waiting();
}

uint64_t WatchLoop::unwritten() const { return screen_.dropped() + log_.dropped() + waiting(); }

}  // namespace vigil::apps
