// SPDX-License-Identifier: Apache-2.0
#include "commands/trace/trace_loop.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "host/hints.h"
#include "monitor/signals.h"
#include "pipeline/kernel_filter.h"

namespace vigil::commands {
namespace {

using capture::RingReader;
using model::Kind;

// Bytes read between two writes and confirmations.
constexpr size_t batch_bytes = 256 << 10;
// While events come: batching time before output; longer if the output is not a terminal.
constexpr int batch_interval_ms = 25;
constexpr int unseen_batch_interval_ms = 100;
// Second drain after going idle: by then no program acts on the reader's old state.
constexpr int recheck_ms = 20;
// While the last processes of a tree are exiting.
constexpr uint64_t end_recheck_ns = 50 * ns_per_ms;
// How long a reader of the output may stall after a termination signal.
constexpr uint64_t stalled_output_ms = 2'000;
// How long the end waits for programs that are still running on another CPU.
constexpr uint64_t drain_timeout_ns = 2 * ns_per_s;

Error failure(const char* what) { return host::system_failure(what, errno); }

}  // namespace

Result<TraceLoop> TraceLoop::open(RingReader& reader, TraceRequest request,
                                  format::Formatter& formatter, int output_fd, host::Child* child,
                                  pipeline::EndCondition* end) {
    std::vector<int> stops;
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD}) {
        struct sigaction inherited {};
        ::sigaction(number, nullptr, &inherited);
        // nohup(1) ignores SIGHUP, and it stays ignored. SIGINT is ignored in every background job
        // of a script, which may send it later: it is handled.
        if (number != SIGHUP || inherited.sa_handler != SIG_IGN) {
            stops.push_back(number);
        }
    }
    TRY_ASSIGN(Fd signals, monitor::block_signals(stops));
    Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll) {
        return failure("preparing to wait");
    }
    epoll_event on_signal{.events = EPOLLIN, .data = {.fd = signals.get()}};
    epoll_event on_ring{.events = EPOLLIN | EPOLLET, .data = {.fd = reader.wake_fd()}};
    if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, signals.get(), &on_signal) != 0 ||
        ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, reader.wake_fd(), &on_ring) != 0) {
        return failure("preparing to wait");
    }
    for (const int fd : end != nullptr ? end->wake_fds() : std::vector<int>{}) {
        epoll_event on_end{.events = EPOLLIN | EPOLLET, .data = {.fd = fd}};
        if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &on_end) != 0) {
            return failure("preparing to wait");
        }
    }
    // Reports only that the reading end was closed; a regular file can't be polled and needs no
    // check.
    epoll_event on_closed{.events = 0, .data = {.fd = output_fd}};
    (void)::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, output_fd, &on_closed);
    return TraceLoop(reader, std::move(request), formatter, output_fd, child, end,
                     std::move(signals), std::move(epoll));
}

TraceLoop::TraceLoop(RingReader& reader, TraceRequest request, format::Formatter& formatter,
                     int output_fd, host::Child* child, pipeline::EndCondition* end, Fd signals,
                     Fd epoll)
    : reader_(&reader),
      request_(std::move(request)),
      formatter_(&formatter),
      child_(child),
      end_(end),
      output_fd_(output_fd),
      signals_(std::move(signals)),
      epoll_(std::move(epoll)),
      output_(output_fd),
      resolves_names_(needs_names(request_)),
      confirmed_(reader.cursor()) {
    if (request_.filter.name && pipeline::can_track_names(reader.control().filter.kinds)) {
        names_.emplace(*request_.filter.name);
        names_->load_all();
    }
}

// The callbacks capture `this`, so they are set here, once the object no longer moves.
Result<void> TraceLoop::run() {
    output_.set_stall_handler([this](uint64_t stalled_ms) { return keep_waiting(stalled_ms); });
    fork_names_.set_handler([this](const model::Event& event) { show(event); });
    output_.buffer() += formatter_->header();
    if (child_ != nullptr) {
        check_child();  // the command may have ended before SIGCHLD was blocked
    }
    if (request_.duration_ns) {
        deadline_ns_ = boot_now_ns() + *request_.duration_ns;
    }
    while (!stop_) {
        const RingReader::Drained drained = read_once();
        TRY(write_out());
        if (output_.closed() || count_reached() || boot_now_ns() >= deadline_ns_ ||
            is_over(drained)) {
            stop();
            break;
        }
        wait(wait_ms(drained));
    }
    reader_->set_state(VIGIL_READER_AWAKE);
    return {};
}

// A fork that waits for its name may get it from a process that goes on. Later forks are of other
// processes: a machine that always has some must not delay the end.
bool TraceLoop::is_over(RingReader::Drained drained) {
    if (end_ == nullptr) {
        return false;
    }
    if (!end_reached_ns_) {
        if (end_->reached()) {
            end_reached_ns_ = std::max(boot_now_ns(), newest_ns_);
            idle_iterations_ = 0;
        }
        return false;  // the ring may have got more since it was read
    }
    return drained == RingReader::Drained::empty && fork_names_.oldest_boot_ns() > *end_reached_ns_;
}

Result<void> TraceLoop::catch_up() {
    const uint64_t deadline_ns = boot_now_ns() + drain_timeout_ns;
    while (!output_.closed() && !count_reached() && boot_now_ns() < deadline_ns) {
        const RingReader::Drained drained = read_once();
        TRY(write_out());
        if (drained == RingReader::Drained::empty) {
            break;
        }
        if (drained == RingReader::Drained::pending) {
            wait(1);
        }
    }
    // Forks without a final name are emitted as they are: the next reader must not repeat the
    // events after them.
    fork_names_.flush();
    return write_out();
}

Result<void> TraceLoop::drain() {
    const uint64_t deadline_ns = boot_now_ns() + drain_timeout_ns;
    Result<void> first;
    const auto keep_first = [&](Result<void> result) {
        if (first && !result) {
            first = std::move(result);
        }
    };
    while (true) {
        const RingReader::Drained drained = read_once();
        keep_first(write_out());
        if (drained == RingReader::Drained::more) {
            continue;
        }
        if ((drained == RingReader::Drained::empty && reader_->is_drained()) ||
            boot_now_ns() > deadline_ns) {
            break;
        }
        wait(1);
    }
    fork_names_.flush();
    keep_first(write_out());
    return first;
}

uint64_t TraceLoop::undelivered(Kind kind) const {
    return output_.undelivered()[model::index(kind)] + beyond_count_[model::index(kind)];
}

RingReader::Drained TraceLoop::read_once() {
    handled_ = 0;
    const auto drained =
        reader_->drain(batch_bytes, [this](const model::Event& event) { return handle(event); });
    if (drained == RingReader::Drained::empty) {
        fork_names_.advance(boot_now_ns());
    }
    return drained;
}

bool TraceLoop::handle(const model::Event& event) {
    handled_++;
    newest_ns_ = std::max(newest_ns_, event.boot_ns);
    if (names_) {
        names_->apply(event);
    }
    if (!resolves_names_ || !fork_names_.handle(event)) {
        show(event);
    }
    if (names_) {
        names_->forget(event);
    }
    // Events after the last wanted one stay in a pinned ring for the next reader.
    return !(request_.pinned && count_reached());
}

void TraceLoop::show(const model::Event& event) {
    if (!pipeline::passes(request_.filter, event, names_ ? &*names_ : nullptr)) {
        filtered_[model::index(event.kind)]++;
        return;
    }
    if (count_reached()) {
        beyond_count_[model::index(event.kind)]++;
        return;
    }
    formatter_->append(output_.buffer(), event);
    output_.end_event(event.kind);
    shown_ += event.kind == Kind::loss ? 0 : 1;
}

Result<void> TraceLoop::write_out() {
    TRY(output_.flush());
    if (output_.closed()) {
        return {};
    }
    if (request_.pinned && resolves_names_) {
        confirm_resolved();
    } else if (handled_ > 0) {
        reader_->confirm(reader_->cursor());
        confirmed_ = reader_->cursor();
    }
    return {};
}

void TraceLoop::confirm_resolved() {
    if (handled_ > 0) {
        checkpoints_.push_back({newest_ns_, reader_->cursor()});
    }
    bool moved = false;
    while (!checkpoints_.empty() && checkpoints_.front().newest_ns < fork_names_.oldest_boot_ns()) {
        confirmed_ = std::move(checkpoints_.front().cursor);
        checkpoints_.pop_front();
        moved = true;
    }
    if (moved) {
        reader_->confirm(confirmed_);
    }
}

// Chooses the wait from recent activity: first batch, then sleep until woken.
int TraceLoop::wait_ms(RingReader::Drained drained) {
    if (drained == RingReader::Drained::more) {
        return 0;
    }
    idle_iterations_ =
        handled_ > 0 || drained == RingReader::Drained::pending ? 0 : idle_iterations_ + 1;
    int timeout_ms = -1;
    switch (idle_iterations_) {
        case 0:
            reader_->set_state(VIGIL_READER_BATCHING);
            timeout_ms =
                request_.format == Format::none ? unseen_batch_interval_ms : batch_interval_ms;
            break;
        case 1:
            reader_->set_state(VIGIL_READER_IDLE);
            timeout_ms = 0;
            break;
        case 2:
            reader_->set_state(VIGIL_READER_IDLE);
            timeout_ms = recheck_ms;
            break;
        default:
            reader_->set_state(VIGIL_READER_IDLE);
            break;
    }
    const auto limit = [&](uint64_t until_ns) {
        const uint64_t now = boot_now_ns();
        const uint64_t left = until_ns > now ? (until_ns - now) / ns_per_ms + 1 : 0;
        const int left_ms = static_cast<int>(std::min<uint64_t>(left, 3'600'000));
        timeout_ms = timeout_ms < 0 ? left_ms : std::min(timeout_ms, left_ms);
    };
    if (deadline_ns_ != UINT64_MAX) {
        limit(deadline_ns_);
    }
    if (end_ != nullptr && end_->must_recheck()) {
        limit(boot_now_ns() + end_recheck_ns);
    }
    if (fork_names_.pending() > 0) {
        limit(fork_names_.oldest_boot_ns() + pipeline::ForkNameResolver::timeout_ns);
    }
    return timeout_ms;
}

void TraceLoop::wait(int timeout_ms) {
    std::array<epoll_event, 4> ready{};
    const int count =
        ::epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), timeout_ms);
    for (int i = 0; i < count; i++) {
        const int fd = ready[static_cast<size_t>(i)].data.fd;
        if (fd == signals_.get()) {
            on_signals();
        } else if (fd == reader_->wake_fd()) {
            idle_iterations_ = 0;
        } else if (fd == output_fd_) {
            stop();  // it was closed
        } else {
            end_->on_wake(fd);
            idle_iterations_ = 0;  // is_over() may be true now
        }
    }
}

void TraceLoop::on_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
        const int number = static_cast<int>(info.ssi_signo);
        if (number != SIGCHLD) {
            on_stop_signal(number);
        } else if (child_ != nullptr) {
            check_child();
        }
    }
}

void TraceLoop::check_child() {
    if (!child_exit_code_) {
        child_exit_code_ = child_->exit_code();
    }
    if (child_exit_code_) {
        stop();
    }
}

// With a command, the first Ctrl-C is left to the command (the terminal sends it to both), and a
// signal to vigil alone is forwarded; the trace ends with the command.
void TraceLoop::on_stop_signal(int number) {
    const bool running = child_ != nullptr && !child_exit_code_;
    if (running && (number == SIGTERM || number == SIGHUP)) {
        child_->send(number);
    }
    const bool first = stop_signal_ == 0;
    abandon_output_ = abandon_output_ || (!first && stop_);
    stop_signal_ = number;
    if (!running || !first) {
        stop();
    }
}

// Events after the end are not wanted; a pinned ring continues for other readers.
void TraceLoop::stop() {
    stop_ = true;
    if (!request_.pinned) {
        reader_->end();
    }
}

// Waits for a slow reader without limit, unless a termination signal came.
bool TraceLoop::keep_waiting(uint64_t stalled_ms) {
    on_signals();
    if (boot_now_ns() >= deadline_ns_) {
        stop();
    }
    return stop_signal_ == 0 || !stop_ || (!abandon_output_ && stalled_ms < stalled_output_ms);
}

}  // namespace vigil::commands
