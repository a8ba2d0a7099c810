// SPDX-License-Identifier: Apache-2.0
// Runs the real `vigil watch`, and checks its output for consistency: each limit is raised before
// it is ongoing or cleared, and the totals at the end match the lines.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "event.h"
#include "harness.h"
#include "processes.h"

namespace vigil::tests {

// Selects violations; empty or 0 members match anything.
struct ViolationMatch {
    pid_t pid = 0;
    std::string state = {};
    std::string metric = {};
    std::string rule = {};
};

bool matches(const Event& event, const ViolationMatch& match);

// A floating-point number. Fails the test, and returns 0, if it is absent.
double real(const Event& event, const std::string& key);
// Time of the report in CLOCK_BOOTTIME: for a measurement the time of the sweep.
uint64_t reported_ns(const Event& event);
// Value times seconds: usage since the violation began.
double used_until(const Event& event);
// The same of all cleared violations in `events`.
double used_in_all(const std::vector<Event>& events);

// `vigil watch -o json`, which monitors from the constructor to end().
class WatchRun {
 public:
    explicit WatchRun(const std::string& rules, Strings arguments = {"--interval", "100ms"},
                      Program::Options options = {});

    // Applies these rules at once. Events before this call are discarded.
    void apply(const std::string& rules);
    // Replaces the file; vigil must detect the change.
    void replace_file(const std::string& rules) const;
    const std::string& file() const { return file_; }

    // The nth matching violation since apply(); fails the test if it does not come.
    Event wait_for(const ViolationMatch& match, size_t nth = 1);
    // All matching violations since apply(), until now.
    std::vector<Event> all(const ViolationMatch& match);
    // Waits until a new sweep has been reported, by the rule of with_clock().
    void wait_for_sweep();

    // Interrupts it and checks everything; returns all events since the constructor.
    std::vector<Event> end();
    // The same if it ends by itself.
    std::vector<Event> wait();

    Program& program() { return program_; }
    bool samples_proc() const { return has_message("vigil: sampling /proc"); }
    bool counts_network() const {
        return !has_message("network limits can't be checked") && traces();
    }
    bool traces() const { return !has_message("are not seen"); }

 private:
    bool has_message(const std::string& text) const;
    void read_new();

    TempDirectory directory_;
    std::string file_;
    Program program_;
    std::vector<Event> events_;
    size_t begin_ = 0;  // first event since apply()
};

// A configuration of these rules and the clock's: a limit that is always exceeded, by a process
// that lives as long as this one.
std::string with_clock(const std::string& rules = "");

// A shared run that lives as long as this process, with these rules (without the brackets) and the
// clock's from now on: starting is slow in a guest. It sweeps each 100 ms.
WatchRun& shared_watch(const std::string& rules);

// Totals that a child process measured of itself at several times. Create it before the child.
class Meter {
 public:
    Meter();
    void mark(uint64_t total) const;
    // Marks the CPU time of the calling process.
    void mark_cpu() const;
    // From the first mark to the last.
    double growth() const;
    double seconds() const;
    // The total at a time, interpolated between marks.
    double at(uint64_t boot_ns) const;

 private:
    struct Marks;
    Mapping memory_;
    Marks* marks_;
};

// Gives the calling process a name (at most 15 bytes).
void set_own_name(const std::string& name);

// A process that has been sampled before its body begins, and that stays after the body has ended.
// Needs with_clock(). Killed with the object.
class MeasuredProcess {
 public:
    MeasuredProcess(WatchRun& run, const std::string& name, std::function<void()> body);
    MeasuredProcess(const MeasuredProcess&) = delete;
    MeasuredProcess& operator=(const MeasuredProcess&) = delete;
    ~MeasuredProcess();

    pid_t pid() const { return pid_; }
    void begin() const { begin_.open(); }
    void wait_for_body() const { ended_.pass(); }
    ExitResult kill(int signal = SIGKILL);

 private:
    Gate begin_;
    Gate ended_;
    pid_t pid_ = -1;
};

// A rule that reports any use of `metric` each sweep.
std::string report_all_rule(const std::string& name, const std::string& metric);

}  // namespace vigil::tests
