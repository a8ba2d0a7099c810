// SPDX-License-Identifier: Apache-2.0
// Runs the real vigil, and checks for each run: seen = filtered + delivered + dropped +
// undelivered, lines written = delivered, and no gap in the sequence numbers without a loss event.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/fd.h"
#include "event.h"

namespace vigil::tests {

// The binary under test: $VIGIL, or the one built with the tests.
std::string vigil_path();

// `count` scaled by $VIGIL_TEST_SCALE percent: emulated machines are slow.
int scaled(int count);

int kernel_major();

// Polls for at most a minute; fails the test if the condition never becomes true.
bool wait_until(const std::function<bool()>& condition, const std::string& what);

// A running vigil. Killed and reaped with the object unless the test has waited for it.
class Program {
 public:
    enum class Output { file, pipe };
    struct Options {
        std::string called_as = "vigil";         // argv[0]
        std::string path = {};                   // if not vigil_path()
        Output output = Output::file;            // a file accepts everything; a pipe can be closed
        std::function<void()> before_exec = {};  // in the child
    };

    Program(const Strings& arguments, Options options);
    explicit Program(const Strings& arguments) : Program(arguments, Options{}) {}
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    ~Program();

    pid_t pid() const { return pid_; }
    void send(int signal) const;

    // Reads until the text appears. False, and the test fails, if the program ends before.
    bool wait_for_error(const std::string& text);
    bool wait_for_output(const std::string& text);

    // Reads the output so far, without waiting.
    void read_new();
    // Returns the complete lines since the last call, and frees their memory: the children of this
    // process inherit what it has resident.
    std::string pop_lines();
    // Afterwards output() is all of the output again. For Output::file.
    void undo_pop_lines();
    // Closes the reading end; for Output::pipe.
    void close_output() { output_fd_.reset(); }

    // Waits for the exit; returns the exit code, or 128 + signal. All output has been read then.
    int wait();

    // From the first line on that pop_lines() has not returned.
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
    size_t popped_ = 0;  // bytes before output_
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

// All output of a run.
struct Trace {
    std::vector<Event> events;
    std::map<std::string, EventTotals> totals;
    std::string errors;
    int exit_code = -1;

    std::vector<Event> of(const std::string& kind) const;
    std::vector<Event> of(const std::string& kind, pid_t pid) const;
    // The only event of this kind and process; fails the test if there is none or more than one.
    Event only(const std::string& kind, pid_t pid) const;
    std::vector<Event> signals(pid_t target, int number) const;
    Event only_signal(pid_t target, int number) const;
    // Index of the first such event, or -1.
    ptrdiff_t index_of(const std::string& kind, pid_t pid) const;
    // Sum of the loss events.
    uint64_t lost(const std::string& kind) const;
};

// Fails the test if a line is not an event.
std::vector<Event> parse_lines(const std::string& output);

// Whether every sequence number of a CPU and kind must occur. Events that user space filters (-c,
// -p, -u, -n and the like) are gaps in the output, though not in the ring.
enum class Sequences { complete, with_gaps };

// Within a CPU and kind, numbers rise by one, except where a loss event has reported how many are
// missing.
void check_numbers(const std::vector<Event>& events);

// Reads the rest of an ended `trace -o json` and checks the sums described at the top of this file.
Trace read_trace(Program& program, Sequences sequences = Sequences::complete);

// `vigil trace -o json ARGUMENTS...`, which traces from the constructor to end().
class TraceRun {
 public:
    explicit TraceRun(Strings arguments = {}, Program::Options options = {});

    // Interrupts it, reads and checks everything. The test checks the exit code.
    Trace end();
    // The same if it ends by itself.
    Trace wait();

    Program& program() { return program_; }

 private:
    Sequences sequences_;
    Program program_;
};

// One shared `trace -o json` that runs as long as this process and whose sums are checked at its
// end. A test gets the events of its own window.
class TraceWindow {
 public:
    TraceWindow();
    // All events until now; the totals are not known yet.
    Trace end();

    // Ends and checks the shared trace, if any.
    static void end_all();
};

// Options for runs without filter: only this test's tree, so that other activity of the machine
// does not count.
Strings own_tree();

}  // namespace vigil::tests
