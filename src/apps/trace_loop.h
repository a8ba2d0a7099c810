// SPDX-License-Identifier: Apache-2.0
// The way of an event in `vigil trace`: ring, names, filter, format, output, confirmation.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>

#include "apps/child.h"
#include "apps/trace_options.h"
#include "base/fd.h"
#include "base/result.h"
#include "capture/reader.h"
#include "flow/fork_namer.h"
#include "sinks/output.h"
#include "sinks/sink.h"

namespace vigil::apps {

class TraceLoop {
 public:
    // All but the request must outlive the loop. `child` may be null. Blocks SIGINT, SIGTERM,
    // SIGHUP, SIGQUIT and SIGCHLD for the process and takes them from a descriptor.
    static Result<TraceLoop> open(capture::Reader& reader, TraceRequest request, sinks::Sink& sink,
                                  int output_fd, Child* child);

    // Until a signal, the duration, the count, the command's end or a closed output.
    Result<void> run();

    // Reads what is in the ring now. The programs go on.
    Result<void> catch_up();

    // After detaching: reads what is left, up to the last event that the kernel side has seen.
    Result<void> drain();

    // By kind: what this loop did with the events that it read.
    uint64_t filtered(model::Kind kind) const { return filtered_[model::index(kind)]; }
    uint64_t delivered(model::Kind kind) const { return output_.delivered()[model::index(kind)]; }
    uint64_t undelivered(model::Kind kind) const;

    // The signal that asked for the end; 0 if none did.
    int stop_signal() const { return stop_signal_; }

    // The command's exit code, once it has ended.
    std::optional<int> child_exit_code() const { return child_exit_code_; }

    // The last place that was confirmed.
    const capture::Cursor& confirmed() const { return confirmed_; }

 private:
    TraceLoop(capture::Reader& reader, TraceRequest request, sinks::Sink& sink, int output_fd,
              Child* child, Fd signals, Fd epoll);

    capture::Reader::Drained read_once();
    bool handle(const model::Event& event);
    void show(const model::Event& event);
    Result<void> write_out();
    void confirm_what_is_named();

    int wait_ms(capture::Reader::Drained drained);
    void wait(int timeout_ms);
    void take_signals();
    void note_child();
    void on_stop_signal(int number);
    void stop();
    bool has_patience(uint64_t stalled_ms);

    bool count_reached() const { return request_.count && shown_ >= *request_.count; }

    capture::Reader* reader_;
    TraceRequest request_;
    sinks::Sink* sink_;
    Child* child_;
    Fd signals_;
    Fd epoll_;
    sinks::Output output_;
    flow::ForkNamer namer_;
    bool names_;

    bool stop_ = false;
    bool stop_now_ = false;  // asked twice: a stalled output gets no more time
    int stop_signal_ = 0;    // the last one
    uint64_t deadline_ns_ = UINT64_MAX;
    uint64_t shown_ = 0;      // handed to the output
    uint64_t handled_ = 0;    // read in the current round
    uint64_t newest_ns_ = 0;  // of all events that were read
    int quiet_rounds_ = 0;
    std::array<uint64_t, model::kind_count> filtered_{};
    std::array<uint64_t, model::kind_count> surplus_{};  // beyond -n
    std::optional<int> child_exit_code_;

    // Places between batches, each with the time of its newest event: confirmed once no older
    // fork waits for its name.
    struct Checkpoint {
        uint64_t newest_ns;
        capture::Cursor cursor;
    };
    std::deque<Checkpoint> checkpoints_;
    capture::Cursor confirmed_;
};

}  // namespace vigil::apps
