// SPDX-License-Identifier: Apache-2.0
// The path of an event in `vigil trace`: ring, names, filter, format, output, confirmation.
// Single-threaded.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>

#include "base/fd.h"
#include "base/result.h"
#include "capture/ring_reader.h"
#include "commands/trace/trace_options.h"
#include "format/formatter.h"
#include "host/child.h"
#include "output/buffered_output.h"
#include "pipeline/end_condition.h"
#include "pipeline/fork_name_resolver.h"
#include "pipeline/name_tracker.h"

namespace vigil::commands {

class TraceLoop {
 public:
    // All except the request must outlive the loop. `child` and `end` may be null. Blocks SIGINT,
    // SIGTERM, SIGHUP, SIGQUIT and SIGCHLD for the process and reads them from a descriptor.
    static Result<TraceLoop> open(capture::RingReader& reader, TraceRequest request,
                                  format::Formatter& formatter, int output_fd, host::Child* child,
                                  pipeline::EndCondition* end = nullptr);

    // Runs until a signal, the duration, the count, the command's end, the end condition or a
    // closed output.
    Result<void> run();

    // Reads what is in the ring now. The programs stay attached.
    Result<void> catch_up();

    // After detaching: reads the rest, up to the last event that the kernel side has counted.
    Result<void> drain();

    // Numbers of read events by kind and outcome.
    uint64_t filtered(model::Kind kind) const { return filtered_[model::index(kind)]; }
    uint64_t delivered(model::Kind kind) const { return output_.delivered()[model::index(kind)]; }
    uint64_t undelivered(model::Kind kind) const;

    // See NameTracker; 0 if the filter has no name.
    uint64_t refused_lookups() const { return names_ ? names_->refused_lookups() : 0; }

    // The termination signal; 0 if none came.
    int stop_signal() const { return stop_signal_; }

    // The command's exit code, once it has ended.
    std::optional<int> child_exit_code() const { return child_exit_code_; }

    // The last confirmed position.
    const capture::Cursor& confirmed() const { return confirmed_; }

 private:
    TraceLoop(capture::RingReader& reader, TraceRequest request, format::Formatter& formatter,
              int output_fd, host::Child* child, pipeline::EndCondition* end, Fd signals, Fd epoll);

    capture::RingReader::Drained read_once();
    bool handle(const model::Event& event);
    void show(const model::Event& event);
    Result<void> write_out();
    void confirm_resolved();

    int wait_ms(capture::RingReader::Drained drained);
    void wait(int timeout_ms);
    void on_signals();
    void check_child();
    void on_stop_signal(int number);
    void stop();
    bool keep_waiting(uint64_t stalled_ms);

    // Nothing that is wanted can follow what has been read.
    bool is_over(capture::RingReader::Drained drained);
    bool count_reached() const { return request_.count && shown_ >= *request_.count; }

    capture::RingReader* reader_;
    TraceRequest request_;
    format::Formatter* formatter_;
    host::Child* child_;
    pipeline::EndCondition* end_;
    int output_fd_;
    Fd signals_;
    Fd epoll_;
    output::BufferedOutput output_;
    pipeline::ForkNameResolver fork_names_;
    std::optional<pipeline::NameTracker> names_;  // if the filter has a name
    bool resolves_names_;

    bool stop_ = false;
    bool abandon_output_ = false;  // two signals: do not wait for a stalled output
    int stop_signal_ = 0;          // last termination signal
    uint64_t deadline_ns_ = UINT64_MAX;
    std::optional<uint64_t> end_reached_ns_;  // when the end condition was
    uint64_t shown_ = 0;                      // events passed to the output
    uint64_t handled_ = 0;                    // events read in the current iteration
    uint64_t newest_ns_ = 0;                  // newest time of all read events
    int idle_iterations_ = 0;
    std::array<uint64_t, model::kind_count> filtered_{};
    std::array<uint64_t, model::kind_count> beyond_count_{};  // beyond -n
    std::optional<int> child_exit_code_;

    // Positions between batches, each with the time of its newest event: confirmed once no older
    // fork waits for its name.
    struct Checkpoint {
        uint64_t newest_ns;
        capture::Cursor cursor;
    };
    std::deque<Checkpoint> checkpoints_;
    capture::Cursor confirmed_;
};

}  // namespace vigil::commands
