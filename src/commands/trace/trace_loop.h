// SPDX-License-Identifier: Apache-2.0
// The way of an event in `vigil trace`: ring, names, filter, format, output, confirmation.
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
#include "pipeline/fork_name_resolver.h"

namespace vigil::commands {

class TraceLoop {
 public:
    // All but the request must outlive the loop. `child` may be null. Blocks SIGINT, SIGTERM,
    // SIGHUP, SIGQUIT and SIGCHLD for the process and takes them from a descriptor.
    static Result<TraceLoop> open(capture::RingReader& reader, TraceRequest request,
                                  format::Formatter& formatter, int output_fd, host::Child* child);

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
    TraceLoop(capture::RingReader& reader, TraceRequest request, format::Formatter& formatter,
              int output_fd, host::Child* child, Fd signals, Fd epoll);

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

    bool count_reached() const { return request_.count && shown_ >= *request_.count; }

    capture::RingReader* reader_;
    TraceRequest request_;
    format::Formatter* formatter_;
    host::Child* child_;
    Fd signals_;
    Fd epoll_;
    output::BufferedOutput output_;
    pipeline::ForkNameResolver fork_names_;
    bool resolves_names_;

    bool stop_ = false;
    bool abandon_output_ = false;  // asked twice: a stalled output gets no more time
    int stop_signal_ = 0;          // the last one
    uint64_t deadline_ns_ = UINT64_MAX;
    uint64_t shown_ = 0;      // handed to the output
    uint64_t handled_ = 0;    // read in the current round
    uint64_t newest_ns_ = 0;  // of all events that were read
    int idle_iterations_ = 0;
    std::array<uint64_t, model::kind_count> filtered_{};
    std::array<uint64_t, model::kind_count> beyond_count_{};  // beyond -n
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

}  // namespace vigil::commands
