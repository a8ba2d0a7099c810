// SPDX-License-Identifier: Apache-2.0
// Runs the real vigil, and holds each run to the sum: seen = filtered + delivered + dropped +
// undelivered, lines written = delivered, and no gap in the sequences that no loss event tells.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/fd.h"
#include "event.h"

namespace vigil::tests {

// The binary under test: $VIGIL, or the one that was built with the tests.
std::string vigil_path();

// `count` scaled by $VIGIL_TEST_SCALE percent: emulated machines are slow.
int scaled(int count);

int kernel_major();

// Looks again and again, for a minute at most; fails the test where it never came true.
bool wait_until(const std::function<bool()>& condition, const std::string& what);

// A vigil that runs. Killed and reaped with the object where the test did not wait for it.
class Program {
 public:
    enum class Output { file, pipe };
    struct Options {
        std::string called_as = "vigil";         // argv[0]
        std::string path = {};                   // where it is not vigil_path()
        Output output = Output::file;            // a file takes everything; a pipe can be closed
        std::function<void()> before_exec = {};  // in the child
    };

    Program(const Strings& arguments, Options options);
    explicit Program(const Strings& arguments) : Program(arguments, Options{}) {}
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    ~Program();

    pid_t pid() const { return pid_; }
    void send(int signal) const;

    // Read until the text stands there. False, and the test fails, where it ends before.
    bool wait_for_error(const std::string& text);
    bool wait_for_output(const std::string& text);

    // Takes in what it has written until now, without waiting.
    void read_new();
    // As a reader that goes away does; for Output::pipe.
    void close_output() { output_fd_.reset(); }

    // Waits for its end: exit code, or 128 + the signal that ended it. All output is read then.
    int wait();

    const std::string& output() const { return output_; }
    const std::string& errors() const { return errors_; }

 private:
    bool pump(int timeout_ms);
    bool wait_for(const std::string& text, const std::string& where);
    void read_file();

    pid_t pid_ = -1;
    bool ended_ = false;
    int exit_code_ = -1;
    Output output_kind_;
    Fd process_;  // pidfd
    Fd output_fd_;
    Fd errors_fd_;
    std::string output_;
    std::string errors_;
};

// One of the accounting lines.
struct EventTotals {
    uint64_t seen = 0;
    uint64_t filtered = 0;
    uint64_t delivered = 0;
    uint64_t dropped = 0;
    uint64_t undelivered = 0;
};

std::map<std::string, EventTotals> parse_totals(const std::string& errors);

// All that a run has said.
struct Trace {
    std::vector<Event> events;
    std::map<std::string, EventTotals> totals;
    std::string errors;
    int exit_code = -1;

    std::vector<Event> of(const std::string& kind) const;
    std::vector<Event> of(const std::string& kind, pid_t pid) const;
    // The only event of this kind and process; fails the test where there is none or another.
    Event only(const std::string& kind, pid_t pid) const;
    std::vector<Event> signals(pid_t target, int number) const;
    Event only_signal(pid_t target, int number) const;
    // Place of the first such event in the stream, or -1.
    ptrdiff_t index_of(const std::string& kind, pid_t pid) const;
    // Sum of the loss events.
    uint64_t lost(const std::string& kind) const;
};

// Each line an event, or the test fails.
std::vector<Event> parse_lines(const std::string& output);

// Whether every number of a CPU and kind must come. What user space leaves out (-c, -p, -u, -n
// and the like) is a gap in the output, though none in the ring.
enum class Sequences { complete, with_gaps };

// Within a CPU and kind, numbers rise by one, except where a loss event has told how many are gone.
void check_numbers(const std::vector<Event>& events);

// Reads what an ended `trace -o json` has left and checks the sums of the head of this file.
Trace read_trace(Program& program, Sequences sequences = Sequences::complete);

// `vigil trace -o json ARGUMENTS...`, tracing from the constructor to end().
class TraceRun {
 public:
    explicit TraceRun(Strings arguments = {}, Program::Options options = {});

    // Interrupts it, reads and checks everything. The exit code is left to the test.
    Trace end();
    // The same where it ends by itself.
    Trace wait();

    Program& program() { return program_; }

 private:
    Sequences sequences_;
    Program program_;
};

// One `trace -o json` that runs for as long as this process and is held to the sums at its end.
// A test takes from it what happened while its Watch stood.
class TraceWindow {
 public:
    TraceWindow();
    // All events until now; of the account nothing is known yet.
    Trace end();

    // Ends the shared trace and checks it, where there is one.
    static void end_all();
};

// For runs that take everything: the tree of this test only, so that what else happens on the
// machine does not count.
Strings own_tree();

}  // namespace vigil::tests
