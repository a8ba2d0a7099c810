// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <map>
#include <utility>

#include "harness.h"

namespace vigil::tests {
namespace {

void check_sums(const Trace& trace) {
    std::map<std::string, uint64_t> lines;
    for (const Event& event : trace.events) {
        lines[event.kind()]++;
    }
    lines.erase("loss");
    for (const auto& [kind, account] : trace.totals) {
        EXPECT_EQ(account.seen,
                  account.filtered + account.delivered + account.dropped + account.undelivered)
            << kind << ": " << trace.errors;
        EXPECT_EQ(lines[kind], account.delivered) << kind << " lines";
        EXPECT_EQ(trace.lost(kind), account.dropped) << kind << " reported as lost";
    }
    for (const auto& [kind, count] : lines) {
        EXPECT_EQ(trace.totals.count(kind), 1U) << count << " lines of " << kind << ", no account";
    }
    EXPECT_EQ(trace.errors.find("NOT every event"), std::string::npos) << trace.errors;
    // From 7.0 on it is an upper bound, which may be printed though nothing is missing: the tests'
    // own counts decide.
    if (kernel_major() < 7) {
        EXPECT_EQ(trace.errors.find("the kernel skipped"), std::string::npos) << trace.errors;
    }
}

}  // namespace

// From 7.0 on up to four copies (lanes) of a hook number their events independently; the lane is in
// the number's last two bits.
void check_numbers(const std::vector<Event>& events) {
    const int64_t lanes = kernel_major() >= 7 ? 4 : 1;
    using Stream = std::pair<std::string, int64_t>;  // kind and CPU
    std::map<std::pair<Stream, int64_t>, int64_t> last;
    std::map<Stream, int64_t> missing;
    std::map<Stream, int64_t> lost;
    int wrong = 0;
    for (const Event& event : events) {
        if (event.kind() == "loss") {
            lost[{event.text("lost_kind"), event.number("cpu")}] += event.number("count");
            continue;
        }
        const Stream stream{event.kind(), event.number("cpu")};
        int64_t& before = last[{stream, event.number("seq") % lanes}];
        const int64_t number = event.number("seq") / lanes;
        missing[stream] += number - before - 1;
        if ((number <= before || missing[stream] > lost[stream]) && wrong++ < 3) {
            ADD_FAILURE() << "number " << number << " comes after " << before
                          << ", reported as lost " << lost[stream] << ": " << event.line();
        }
        before = number;
    }
}

std::vector<Event> parse_lines(const std::string& output) {
    std::vector<Event> events;
    size_t begin = 0;
    while (begin < output.size()) {
        const size_t end = output.find('\n', begin);
        if (end == std::string::npos) {
            ADD_FAILURE() << "a line without an end: " << output.substr(begin);
            break;
        }
        const std::string_view line(output.data() + begin, end - begin);
        begin = end + 1;
        auto event = Event::parse(line);
        if (event) {
            events.push_back(std::move(*event));
        } else {
            ADD_FAILURE() << "no JSON: " << line;
        }
    }
    return events;
}

Trace read_trace(Program& program, Sequences sequences) {
    Trace trace;
    trace.exit_code = program.wait();
    trace.events = parse_lines(program.output());
    trace.errors = program.errors();
    trace.totals = parse_totals(trace.errors);
    EXPECT_FALSE(trace.totals.empty()) << trace.errors;
    check_sums(trace);
    if (sequences == Sequences::complete) {
        check_numbers(trace.events);
    }
    return trace;
}

std::vector<Event> Trace::of(const std::string& kind) const {
    std::vector<Event> found;
    for (const Event& event : events) {
        if (event.kind() == kind) {
            found.push_back(event);
        }
    }
    return found;
}

std::vector<Event> Trace::of(const std::string& kind, pid_t pid) const {
    std::vector<Event> found;
    for (const Event& event : events) {
        if (event.kind() == kind && event.pid() == pid) {
            found.push_back(event);
        }
    }
    return found;
}

namespace {

Event the_one(const std::vector<Event>& found, const std::string& what) {
    if (found.size() == 1) {
        return found[0];
    }
    std::string lines;
    for (const Event& event : found) {
        lines += "\n  " + event.line();
    }
    ADD_FAILURE() << found.size() << " instead of one: " << what << lines;
    return found.empty() ? Event{} : found[0];
}

}  // namespace

Event Trace::only(const std::string& kind, pid_t pid) const {
    return the_one(of(kind, pid), kind + " of " + std::to_string(pid));
}

std::vector<Event> Trace::signals(pid_t target, int number) const {
    std::vector<Event> found;
    for (const Event& event : of("signal", target)) {
        if (event.number("signal_number") == number) {
            found.push_back(event);
        }
    }
    return found;
}

Event Trace::only_signal(pid_t target, int number) const {
    return the_one(signals(target, number),
                   "signal " + std::to_string(number) + " to " + std::to_string(target));
}

ptrdiff_t Trace::index_of(const std::string& kind, pid_t pid) const {
    for (size_t i = 0; i < events.size(); i++) {
        if (events[i].kind() == kind && events[i].pid() == pid) {
            return static_cast<ptrdiff_t>(i);
        }
    }
    return -1;
}

uint64_t Trace::lost(const std::string& kind) const {
    uint64_t sum = 0;
    for (const Event& event : of("loss")) {
        if (event.text("lost_kind") == kind) {
            sum += static_cast<uint64_t>(event.number("count"));
        }
    }
    return sum;
}

}  // namespace vigil::tests
