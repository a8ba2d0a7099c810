// SPDX-License-Identifier: Apache-2.0
// `vigil pin`: programs and ring outlive their readers. In the tests' own bpffs.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <map>
#include <memory>
#include <regex>
#include <set>
#include <tuple>

#include "harness.h"
#include "pinned.h"
#include "processes.h"

namespace vigil::tests {
namespace {

// Forks about 500 per second until stopped, and records each child's pid.
class ForkLoad {
 public:
    static constexpr size_t room = 20'000;

    ForkLoad()
        : mapping_(::mmap(nullptr, sizeof(Notes), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0),
                   sizeof(Notes)),
          root_(start([this] {
              go_.pass();
              while (!notes()->stop && notes()->count < room) {
                  const pid_t pid = start([] { return 0; });
                  wait_for(pid);
                  notes()->pids[notes()->count++] = pid;
                  ::usleep(1'500);
              }
              return 0;
          })) {}

    pid_t root() const { return root_; }
    void begin() const { go_.open(); }
    size_t count() const { return notes()->count; }
    void wait_for_more(size_t more) const {
        const size_t goal = count() + more;
        wait_until([&] { return count() >= goal; }, "forks of the storm");
    }
    std::multiset<int64_t> end() {
        notes()->stop = true;
        wait_for(root_);
        return {notes()->pids, notes()->pids + count()};
    }

 private:
    struct Notes {
        std::atomic<bool> stop;
        std::atomic<size_t> count;
        pid_t pids[room];
    };
    Notes* notes() const { return mapping_.as<Notes>(); }

    Gate go_;
    Mapping mapping_;
    pid_t root_;
};

// Output of readers that are killed repeatedly, each continued by the next.
class Readings {
 public:
    // Output of a killed reader: the last line may be incomplete.
    void add_killed(const std::string& output) { add(output.substr(0, output.rfind('\n') + 1)); }
    void add(const std::string& output) {
        for (Event& event : parse_lines(output)) {
            EXPECT_NE(event.kind(), "loss") << event.line();
            if (event.kind() == "loss") {
                continue;
            }
            const auto id = std::make_tuple(event.kind(), event.number("cpu"), event.number("seq"));
            const auto [it, is_new] = events_.emplace(id, event);
            EXPECT_TRUE(is_new || it->second.line() == event.line());
            repeated_ += is_new ? 0 : 1;
        }
    }

    std::multiset<int64_t> pids(const std::string& kind, pid_t except) const {
        std::multiset<int64_t> found;
        for (const auto& [id, event] : events_) {
            if (event.kind() == kind && event.pid() != except) {
                found.insert(event.pid());
            }
        }
        return found;
    }
    void expect_no_gap() const {
        std::vector<Event> all;
        for (const auto& [id, event] : events_) {
            all.push_back(event);
        }
        check_numbers(all);
    }
    size_t repeated() const { return repeated_; }

 private:
    std::map<std::tuple<std::string, int64_t, int64_t>, Event> events_;
    size_t repeated_ = 0;
};

TEST_F(Pinned, ReaderKilledThreeTimesUnderLoadLosesNothing) {
    ForkLoad load;
    pin({"-e", "fork,exit", "--tree", std::to_string(load.root())});
    load.begin();
    Readings readings;
    for (int i = 0; i < 3; i++) {
        auto run = reader();
        load.wait_for_more(static_cast<size_t>(scaled(500)));
        run->program().send(SIGKILL);
        EXPECT_EQ(run->program().wait(), 128 + SIGKILL);
        EXPECT_FALSE(run->program().output().empty());
        readings.add_killed(run->program().output());
        load.wait_for_more(static_cast<size_t>(scaled(100)));  // nobody reads
    }
    auto last = reader();
    load.wait_for_more(static_cast<size_t>(scaled(100)));
    const auto forked = load.end();
    wait_for_exit(*last, load.root());
    last->program().send(SIGINT);
    EXPECT_EQ(last->program().wait(), 0);
    readings.add(last->program().output());
    EXPECT_GT(forked.size(), 0U);
    EXPECT_TRUE(readings.pids("fork", load.root()) == forked);
    EXPECT_TRUE(readings.pids("exit", load.root()) == forked);
    readings.expect_no_gap();
    RecordProperty("repeated", static_cast<int>(readings.repeated()));
    RecordProperty("forks", static_cast<int>(forked.size()));
}

TEST_F(Pinned, SecondReaderIsRefused) {
    pin({"-e", "exit"});
    auto first = reader();
    std::string errors;
    EXPECT_EQ(run_vigil({"trace", "--pinned", "-o", "json"}, &errors), 1);
    EXPECT_NE(errors.find("another reader"), std::string::npos) << errors;
    first->program().send(SIGINT);
    EXPECT_EQ(first->program().wait(), 0);
    // And the reader's lock is free again.
    auto second = reader();
    second->program().send(SIGINT);
    EXPECT_EQ(second->program().wait(), 0);
}

TEST_F(Pinned, WhatHappenedWithoutAReaderIsRead) {
    ForkLoad load;
    pin({"-e", "fork,exit", "--tree", std::to_string(load.root())});
    load.begin();
    load.wait_for_more(50);
    const auto forked = load.end();
    auto run = reader();
    wait_for_exit(*run, load.root());
    run->program().send(SIGINT);
    run->program().wait();
    Readings readings;
    readings.add(run->program().output());
    EXPECT_TRUE(readings.pids("fork", load.root()) == forked);
    EXPECT_TRUE(readings.pids("exit", load.root()) == forked);
    // All confirmed: the next reader has nothing to read.
    auto next = reader();
    next->program().send(SIGINT);
    next->program().wait();
    EXPECT_EQ(next->program().output(), "");
}

struct SincePinning {
    uint64_t seen = 0, filtered = 0, confirmed = 0, dropped = 0, unconfirmed = 0;
};

SincePinning parse_since(const std::string& errors, const std::string& kind) {
    const std::regex form(
        "vigil: " + kind +
        R"( since pinning: seen=(\d+) filtered=(\d+) confirmed=(\d+) dropped=(\d+) unconfirmed=(\d+);)");
    std::smatch match;
    if (!std::regex_search(errors, match, form)) {
        ADD_FAILURE() << "no account of " << kind << " in: " << errors;
        return {};
    }
    const auto number = [&](size_t i) { return std::stoull(match[i]); };
    return {number(1), number(2), number(3), number(4), number(5)};
}

TEST_F(Pinned, LossBeyondTheRingIsExact) {
    const int count = scaled(5'000);
    const Gate go;
    const pid_t root = start([&] {
        go.pass();
        exec_self({"storm", std::to_string(count)});
        return 0;
    });
    pin({"-e", "fork,exit", "--tree", std::to_string(root), "--ring-size", "16K"});
    go.open();
    wait_for(root);
    std::map<std::string, uint64_t> lines, lost;
    std::map<std::string, SincePinning> accounts;
    // The signal may come before a reader has read all: the next one continues there.
    for (int i = 0; i < 100; i++) {
        auto run = reader();
        run->program().send(SIGINT);
        EXPECT_EQ(run->program().wait(), 0);
        for (const Event& event : parse_lines(run->program().output())) {
            if (event.kind() == "loss") {
                lost[event.text("lost_kind")] += static_cast<uint64_t>(event.number("count"));
            } else {
                lines[event.kind()]++;
            }
        }
        accounts["fork"] = parse_since(run->program().errors(), "fork");
        accounts["exit"] = parse_since(run->program().errors(), "exit");
        if (accounts["fork"].unconfirmed + accounts["exit"].unconfirmed == 0) {
            break;
        }
    }
    for (const std::string kind : {"fork", "exit"}) {
        const auto expected = static_cast<uint64_t>(kind == "fork" ? count : count + 1);
        EXPECT_EQ(lines[kind] + lost[kind], expected) << kind;
        EXPECT_GT(lost[kind], 0U);
        const SincePinning& since = accounts[kind];
        EXPECT_EQ(since.seen - since.filtered, expected);
        EXPECT_EQ(since.dropped, lost[kind]);
        EXPECT_EQ(since.confirmed, lines[kind]);
        EXPECT_EQ(since.unconfirmed, 0U);
    }
}

TEST_F(Pinned, CountStopsAfterTheLastOne) {
    ForkLoad load;
    pin({"-e", "exit", "--tree", std::to_string(load.root())});
    load.begin();
    load.wait_for_more(20);
    const auto forked = load.end();
    Readings readings;
    for (int i = 0; i < 2; i++) {
        Program some({"trace", "--pinned", "-o", "json", "-n", "5"});
        EXPECT_EQ(some.wait(), 0);
        EXPECT_EQ(parse_lines(some.output()).size(), 5U);
        readings.add(some.output());
    }
    auto rest = reader();
    wait_for_exit(*rest, load.root());
    rest->program().send(SIGINT);
    rest->program().wait();
    readings.add(rest->program().output());
    EXPECT_EQ(readings.repeated(), 0U);
    EXPECT_TRUE(readings.pids("exit", load.root()) == forked);
    readings.expect_no_gap();
}

TEST_F(Pinned, PinnedTwiceIsRefusedAndUnpinRemovesAll) {
    pin({"-e", "exit"});
    std::string errors;
    EXPECT_EQ(run_vigil({"pin", "-e", "exit"}, &errors), 1);
    EXPECT_NE(errors.find("unpin"), std::string::npos) << errors;
    EXPECT_EQ(run_vigil({"unpin"}), 0);
    EXPECT_NE(::access("/sys/fs/bpf/vigil", F_OK), 0);
    EXPECT_EQ(run_vigil({"unpin"}, &errors), 1);
    EXPECT_NE(errors.find("nothing is pinned"), std::string::npos) << errors;
    EXPECT_EQ(run_vigil({"trace", "--pinned"}, &errors), 1);
    EXPECT_NE(errors.find("vigil pin"), std::string::npos) << errors;
}

std::string bpftool() {
    for (const char* path : {"/usr/sbin/bpftool", "/opt/bpftool", "/usr/bin/bpftool"}) {
        if (::access(path, X_OK) == 0) {
            return path;
        }
    }
    return {};
}

std::string output_of(const std::string& command) {
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "re"), ::pclose);
    std::string output;
    std::array<char, 4096> bytes;
    size_t got = 0;
    while (pipe && (got = std::fread(bytes.data(), 1, bytes.size(), pipe.get())) > 0) {
        output.append(bytes.data(), got);
    }
    return output;
}

TEST_F(Pinned, BpftoolShowsTheCountOfProcesses) {
    if (bpftool().empty()) {
        GTEST_SKIP() << "no bpftool";
    }
    ForkLoad load;
    pin({"-e", "fork,exit", "--tree", std::to_string(load.root())});
    const auto count = [] {
        const std::string text =
            output_of(bpftool() + " -j map dump pinned /sys/fs/bpf/vigil/process_count 2>&1");
        std::smatch match;
        const bool found = std::regex_search(text, match, std::regex(R"("value":\s*(\d+))"));
        EXPECT_TRUE(found) << text;
        return found ? std::stoull(match[1]) : 0;
    };
    const uint64_t before = count();
    load.begin();
    load.wait_for_more(100);
    const size_t forked = load.end().size();
    EXPECT_GE(count(), before + forked);
    const std::string by_name = output_of(bpftool() + " map dump name process_count 2>&1");
    EXPECT_TRUE(std::regex_search(by_name, std::regex(R"("value":\s*\d+)"))) << by_name;
}

}  // namespace
}  // namespace vigil::tests
