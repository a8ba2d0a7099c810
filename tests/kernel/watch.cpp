// SPDX-License-Identifier: Apache-2.0
#include "watch.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <simdjson.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <map>
#include <memory>
#include <regex>

namespace vigil::tests {
namespace {

constexpr double ns_per_second = 1e9;
constexpr uint64_t proc_tick_ns = 10'000'000;
constexpr const char* clock_name = "vt-clock";

uint64_t clock_ns(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

void write_file(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
    EXPECT_EQ(std::ifstream(path).good(), true) << path;
}

Strings with_file(Strings arguments, const std::string& file) {
    arguments.insert(arguments.begin(), {"watch", "-c", file, "-o", "json"});
    return arguments;
}

size_t count_of(const std::string& text, const std::string& part) {
    size_t count = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
        count++;
    }
    return count;
}

// Start times from /proc are in ticks.
std::string course_of(const Event& event) {
    const auto tick = static_cast<uint64_t>(event.number("start_ns")) / proc_tick_ns;
    return std::to_string(event.pid()) + " " + std::to_string(tick) + " " + event.text("metric") +
           " " + event.text("rule");
}

// Returns the number of violations still open at the end.
size_t check_order(const std::vector<Event>& events) {
    std::map<std::string, bool> open;
    std::map<std::string, int64_t> ended;  // start of the process
    std::vector<const Event*> wrong;
    for (const Event& event : events) {
        if (event.kind() != "violation") {
            continue;
        }
        const std::string state = event.text("state");
        bool& is_open = open[course_of(event)];
        const int64_t start_ns = event.number("start_ns");
        int64_t& ended_start_ns = ended.try_emplace(course_of(event), -1).first->second;
        if (is_open != (state != "raised") || ended_start_ns == start_ns) {
            wrong.push_back(&event);
        }
        if (event.flag("exited")) {
            ended_start_ns = start_ns;
        }
        is_open = state == "ongoing" || (state == "raised" && !event.flag("exited"));
    }
    EXPECT_TRUE(wrong.empty()) << wrong.size()
                               << " out of order, the first: " << wrong.front()->line();
    return static_cast<size_t>(
        std::count_if(open.begin(), open.end(), [](const auto& each) { return each.second; }));
}

void check_account(const std::vector<Event>& events, const std::string& errors) {
    static const std::regex form(
        R"(vigil: (\d+) violations? reported; (\d+) limits? exceeded at the end\n)");
    std::smatch match;
    ASSERT_TRUE(std::regex_search(errors, match, form)) << errors;
    const auto reported = std::count_if(events.begin(), events.end(), [](const Event& event) {
        return event.kind() == "violation";
    });
    EXPECT_EQ(std::stoll(match[1]), reported);
    EXPECT_EQ(std::stoull(match[2]), check_order(events));
    EXPECT_EQ(errors.find("could not be written"), std::string::npos) << errors;
}

std::unique_ptr<WatchRun> shared;

class EndOfShared : public ::testing::Environment {
 public:
    void TearDown() override {
        if (shared) {
            shared->end();
            shared.reset();
        }
    }
};
const auto* const end_of_shared = ::testing::AddGlobalTestEnvironment(new EndOfShared);

}  // namespace

bool matches(const Event& event, const ViolationMatch& match) {
    const auto fits = [&](const std::string& key, const std::string& value) {
        return value.empty() || event.text(key) == value;
    };
    return event.kind() == "violation" && (match.pid == 0 || event.pid() == match.pid) &&
           fits("state", match.state) && fits("metric", match.metric) && fits("rule", match.rule);
}

double real(const Event& event, const std::string& key) {
    simdjson::dom::parser parser;
    double value = 0;
    if (parser.parse(event.line())[key].get(value) != simdjson::SUCCESS) {
        ADD_FAILURE() << "no number '" << key << "' in: " << event.line();
    }
    return value;
}

uint64_t reported_ns(const Event& event) {
    const std::string text = event.text("time");
    tm parts{};
    long micros = 0;
    if (std::sscanf(text.c_str(), "%d-%d-%dT%d:%d:%d.%ldZ", &parts.tm_year, &parts.tm_mon,
                    &parts.tm_mday, &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &micros) != 7) {
        ADD_FAILURE() << "no time: " << text;
    }
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    const auto unix_ns = static_cast<uint64_t>(::timegm(&parts)) * 1'000'000'000 +
                         static_cast<uint64_t>(micros) * 1'000;
    return unix_ns - (clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME));
}

double used_until(const Event& event) {
    return real(event, "mean") * static_cast<double>(event.number("duration_ns")) / ns_per_second;
}

double used_in_all(const std::vector<Event>& events) {
    double sum = 0;
    for (const Event& event : events) {
        if (event.text("state") == "cleared" ||
            (event.text("state") == "raised" && event.flag("exited"))) {
            sum += used_until(event);
        }
    }
    return sum;
}

WatchRun::WatchRun(const std::string& rules, Strings arguments, Program::Options options)
    : file_(directory_.path() + "/limits.json"),
      program_(
          [&] {
              replace_file(rules);
              return with_file(std::move(arguments), file_);
          }(),
          std::move(options)) {
    program_.wait_for_error("vigil: watching with");
}

void WatchRun::replace_file(const std::string& rules) const {
    write_file(file_ + ".new", rules);
    EXPECT_EQ(::rename((file_ + ".new").c_str(), file_.c_str()), 0);
}

void WatchRun::apply(const std::string& rules) {
    read_new();
    begin_ = events_.size();
    const size_t before = count_of(program_.errors(), "vigil: applied");
    replace_file(rules);
    program_.send(SIGHUP);
    wait_until(
        [&] {
            read_new();
            return count_of(program_.errors(), "vigil: applied") > before;
        },
        "the new rules; on stderr: " + program_.errors());
}

bool WatchRun::has_message(const std::string& text) const {
    return program_.errors().find(text) != std::string::npos;
}

void WatchRun::read_new() {
    for (Event& event : parse_lines(program_.pop_lines())) {
        events_.push_back(std::move(event));
    }
}

Event WatchRun::wait_for(const ViolationMatch& match, size_t nth) {
    Event found;
    size_t next = begin_;
    size_t count = 0;
    const auto is_there = [&] {
        read_new();
        for (; next < events_.size() && count < nth; next++) {
            if (matches(events_[next], match) && ++count == nth) {
                found = events_[next];
            }
        }
        return count == nth;
    };
    if (!wait_until(is_there, match.state + " " + match.metric + " of pid " +
                                  std::to_string(match.pid) + " under " + match.rule)) {
        ADD_FAILURE() << count
                      << " such violations were reported; on stderr: " << program_.errors();
    }
    return found;
}

std::vector<Event> WatchRun::all(const ViolationMatch& match) {
    read_new();
    std::vector<Event> found;
    std::copy_if(events_.begin() + static_cast<ptrdiff_t>(begin_), events_.end(),
                 std::back_inserter(found),
                 [&](const Event& event) { return matches(event, match); });
    return found;
}

// The first may belong to a sweep in progress, and the last one may not be reported completely.
void WatchRun::wait_for_sweep() {
    const ViolationMatch clock{0, "", "memory", clock_name};
    wait_for(clock, all(clock).size() + 3);
}

std::vector<Event> WatchRun::end() {
    program_.send(SIGINT);
    return wait();
}

std::vector<Event> WatchRun::wait() {
    EXPECT_EQ(program_.wait(), 0) << program_.errors();
    read_new();
    EXPECT_EQ(program_.output(), "") << "the last line has no end";
    check_account(events_, program_.errors());
    return events_;
}

std::string with_clock(const std::string& rules) {
    static const pid_t clock = start([] {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        set_own_name(clock_name);
        while (true) {
            ::pause();
        }
        return 0;
    });
    EXPECT_EQ(::kill(clock, 0), 0);
    std::string all("[");
    all += report_all_rule(clock_name, "memory");
    all += rules.empty() ? "" : ",\n";
    all += rules;
    all += "]";
    return all;
}

WatchRun& shared_watch(const std::string& rules) {
    const std::string all = with_clock(rules);
    if (!shared) {
        shared = std::make_unique<WatchRun>(all, Strings{"--interval", "100ms"});
    }
    shared->apply(all);
    return *shared;
}

struct Meter::Marks {
    struct Mark {
        uint64_t boot_ns;
        uint64_t total;
    };
    static constexpr size_t most = 100'000;

    std::atomic<size_t> count;
    Mark mark[most];
};

Meter::Meter()
    : memory_(
          ::mmap(nullptr, sizeof(Marks), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
          sizeof(Marks)),
      marks_(memory_.as<Marks>()) {}

void Meter::mark(uint64_t total) const {
    const size_t count = marks_->count;
    if (count < Marks::most) {
        marks_->mark[count] = {clock_ns(CLOCK_BOOTTIME), total};
        marks_->count = count + 1;
    }
}

void Meter::mark_cpu() const { mark(clock_ns(CLOCK_PROCESS_CPUTIME_ID)); }

double Meter::growth() const {
    const size_t count = marks_->count;
    EXPECT_GE(count, 2U) << "the actor has not measured itself";
    return count < 2 ? 0
                     : static_cast<double>(marks_->mark[count - 1].total - marks_->mark[0].total);
}

double Meter::seconds() const {
    const size_t count = marks_->count;
    return count < 2
               ? 0
               : static_cast<double>(marks_->mark[count - 1].boot_ns - marks_->mark[0].boot_ns) /
                     ns_per_second;
}

double Meter::at(uint64_t boot_ns) const {
    const auto* begin = marks_->mark;
    const auto* end = begin + marks_->count.load();
    const auto* next = std::upper_bound(
        begin, end, boot_ns,
        [](uint64_t moment, const Marks::Mark& mark) { return moment < mark.boot_ns; });
    if (next == begin || next == end) {
        return static_cast<double>(next == begin ? begin->total : end[-1].total);
    }
    const Marks::Mark& before = next[-1];
    const double share = static_cast<double>(boot_ns - before.boot_ns) /
                         static_cast<double>(next->boot_ns - before.boot_ns);
    return static_cast<double>(before.total) +
           share * static_cast<double>(next->total - before.total);
}

void set_own_name(const std::string& name) { ::prctl(PR_SET_NAME, name.c_str()); }

MeasuredProcess::MeasuredProcess(WatchRun& run, const std::string& name,
                                 std::function<void()> body) {
    pid_ = start([&] {
        ::alarm(120);
        set_own_name(name);
        begin_.pass();
        body();
        ended_.open();
        while (true) {
            ::pause();
        }
        return 0;
    });
    run.wait_for_sweep();
}

MeasuredProcess::~MeasuredProcess() {
    if (pid_ > 0) {
        kill();
    }
}

ExitResult MeasuredProcess::kill(int signal) {
    return kill_and_wait(std::exchange(pid_, -1), signal);
}

std::string report_all_rule(const std::string& name, const std::string& metric) {
    return R"({"process": ")" + name + R"(", ")" + metric + R"(": 0.001, "cooldown": "1ms"})";
}

}  // namespace vigil::tests
