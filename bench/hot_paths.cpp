// SPDX-License-Identifier: Apache-2.0
// vigil's work per event and per process, deterministic, without kernel or network: for counting
// instructions. Only measured_*() is counted.
//
// usage: hot_paths json EVENTS | text EVENTS | parse EVENTS | tick PROCESSES ROUNDS |
//                  lives EVENTS | all
//   json, text: a ring record to an event to a line
//   parse: bytes from an agent to lines to events to a server's batch for its log
//   tick: samples as a sweep brings them, compared with the last ones and held against rules
//   lives: forks, execs, signals and exits through the process table to limits and death records
#include <fmt/format.h>
#include <linux/types.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "abi/records.h"
#include "abi/sample.h"
#include "base/clock.h"
#include "base/units.h"
#include "capture/decode.h"
#include "deaths/death_recorder.h"
#include "format/formatter.h"
#include "model/event_sink.h"
#include "monitor/process_monitor.h"
#include "process/table_updater.h"
#include "rules/limit_monitor.h"
#include "rules/parse.h"
#include "sampling/convert.h"
#include "sampling/process_scanner.h"
#include "wire/line_buffer.h"
#include "wire/protocol.h"

namespace vigil::bench {

using namespace std::string_view_literals;

using Record = std::vector<std::byte>;
using Records = std::vector<Record>;

struct Server {
    wire::LineBuffer lines{wire::max_agent_line_bytes};
    wire::MessageParser parser;
    std::string batch;
};

// Found by name, so not mangled.
extern "C" {
size_t measured_format(const Records& records, format::Formatter& formatter, std::string& out,
                       size_t events);
size_t measured_parse(std::string_view bytes, Server& server, size_t events);
bool measured_tick(monitor::ProcessMonitor& monitor);
void measured_lives(process::TableUpdater& updater, std::span<const model::Event> events);
}

// Lines are passed on in pieces of about this size.
constexpr size_t piece_bytes = 64 << 10;

// Returns the number of lines.
[[gnu::noinline]] size_t measured_format(const Records& records, format::Formatter& formatter,
                                         std::string& out, size_t events) {
    const capture::DecodeContext context{.unix_minus_boot_ns = 1'795'000'000'000'000'000,
                                         .cpu_count = 8};
    size_t lines = 0;
    for (size_t i = 0; i < events; i++) {
        if (const auto event = capture::decode(records[i % records.size()], context)) {
            formatter.append(out, *event);
            lines++;
        }
        if (out.size() > piece_bytes) {
            out.clear();
        }
    }
    return lines;
}

// Parses `bytes` repeatedly. Returns the number of events.
[[gnu::noinline]] size_t measured_parse(std::string_view bytes, Server& server, size_t events) {
    size_t parsed = 0;
    while (parsed < events) {
        for (std::string_view left = bytes; !left.empty();) {
            char* const writable = server.lines.writable();
            const size_t size = std::min(left.size(), server.lines.writable_bytes());
            std::memcpy(writable, left.data(), size);
            server.lines.add(size);
            left.remove_prefix(size);
            while (const auto line = server.lines.next()) {
                const auto message = server.parser.from_agent(*line);
                const auto* event = message ? std::get_if<wire::EventLine>(&*message) : nullptr;
                if (event == nullptr) {
                    return 0;
                }
                wire::append_logged(server.batch, *event, "web-1"sv,
                                    "0b6e1f3a-7c52-4d7e-9a35-5f2f0e8c1d44"sv);
                parsed++;
            }
            if (server.batch.size() > piece_bytes) {
                server.batch.clear();
            }
        }
    }
    return parsed;
}

[[gnu::noinline]] bool measured_tick(monitor::ProcessMonitor& monitor) {
    return monitor.tick().has_value();
}

[[gnu::noinline]] void measured_lives(process::TableUpdater& updater,
                                      std::span<const model::Event> events) {
    for (const model::Event& event : events) {
        updater.apply(event);
    }
}

namespace {

constexpr uint64_t boot_ns = 86'400 * ns_per_s;
constexpr uint64_t ns_between = 40'000;
constexpr size_t distinct = 1000;  // number of records and of lines, a multiple of four
constexpr size_t default_events = 20'000;
constexpr size_t default_processes = 10'000;
constexpr size_t default_rounds = 5;
// Beyond the kernel's max pid, so nothing is read from /proc for them.
constexpr uint32_t first_pid = 1 << 23;

[[noreturn]] void fail(std::string_view what) {
    fmt::print(stderr, "hot_paths: {}\n", what);
    std::exit(1);
}

void set_comm(char (&to)[VIGIL_COMM_LENGTH], std::string_view comm) {
    std::memcpy(to, comm.data(), std::min(comm.size(), sizeof to - 1));
}

template <class Struct>
Struct blank(size_t number, int kind, std::string_view comm) {
    Struct record;
    std::memset(&record, 0, sizeof record);
    vigil_header& header = record.header;
    header.time_ns = boot_ns + number * ns_between;
    header.sequence = number / 4 + 1;
    header.start_ns = boot_ns + number / 4 * 4 * ns_between - 20 * ns_per_ms;
    header.cgroup_id = 4242;
    header.size = sizeof record;
    header.kind = static_cast<__u16>(kind);
    header.stream = number % 8;
    header.pid = header.tid = 20'000 + static_cast<__u32>(number / 4);
    header.ppid = 19'999;
    header.uid = header.gid = 1000;
    set_comm(header.comm, comm);
    return record;
}

Record bytes_of(const void* record, size_t size) {
    const auto* begin = static_cast<const std::byte*>(record);
    return {begin, begin + size};
}

Record fork_record(size_t number) {
    auto record = blank<vigil_fork>(number, VIGIL_FORK, "bash");
    record.parent_start_ns = boot_ns - 5 * ns_per_s;
    return bytes_of(&record, sizeof record);
}

Record exec_record(size_t number) {
    constexpr std::string_view file = "/usr/bin/gcc";
    constexpr std::string_view executable = "x86_64-linux-gnu-gcc-12";
    constexpr std::string_view argv = "gcc\0-O2\0-Wall\0-c\0-o\0main.o\0src/main.c\0"sv;
    auto record = blank<vigil_exec>(number, VIGIL_EXEC, "gcc");
    record.old_tid = record.header.tid;
    record.argc = static_cast<__u32>(std::count(argv.begin(), argv.end(), '\0'));
    record.argv_bytes = argv.size();
    record.file_length = file.size();
    record.executable_length = executable.size();
    record.argv_length = argv.size();
    char* to = record.data;
    for (const std::string_view part : {file, executable, argv}) {
        to = std::copy(part.begin(), part.end(), to);
    }
    const auto size = static_cast<size_t>(to - reinterpret_cast<const char*>(&record));
    record.header.size = static_cast<__u32>(size);
    return bytes_of(&record, size);
}

Record exit_record(size_t number) {
    auto record = blank<vigil_exit>(number, VIGIL_EXIT, "gcc");
    record.user_ticks_ns = 8'000'000;
    record.system_ticks_ns = 4'000'000;
    record.usage.runtime_ns = 12'345'678 + number;
    record.peak_rss_pages = 5'432;
    record.usage.read_bytes = 45'056;
    record.usage.write_bytes = 12'288;
    record.usage.sent_bytes = 1'500;
    record.usage.received_bytes = 150'000;
    record.voluntary_switches = 12;
    record.involuntary_switches = 3;
    record.minor_faults = 2'345;
    record.status = number % 8 == 0 ? 15 : 0;
    record.threads = 1;
    record.login_uid = 1000;
    return bytes_of(&record, sizeof record);
}

Record signal_record(size_t number) {
    auto record = blank<vigil_signal>(number, VIGIL_SIGNAL, "gcc");
    record.sender_start_ns = boot_ns - 5 * ns_per_s;
    record.sender_pid = record.sender_tid = 19'999;
    record.sender_uid = 1000;
    record.number = 15;
    record.context = VIGIL_CONTEXT_GROUP;
    set_comm(record.sender_comm, "bash");
    return bytes_of(&record, sizeof record);
}

// Processes from fork to exit: fork, exec, signal, exit.
Records make_records() {
    Records records;
    for (size_t number = 0; number < distinct; number += 4) {
        records.push_back(fork_record(number));
        records.push_back(exec_record(number + 1));
        records.push_back(signal_record(number + 2));
        records.push_back(exit_record(number + 3));
    }
    return records;
}

void format_events(std::unique_ptr<format::Formatter> formatter, size_t events) {
    const Records records = make_records();
    std::string out;
    out.reserve(2 * piece_bytes);
    if (measured_format(records, *formatter, out, events) != events) {
        fail("a record was not decoded");
    }
}

void parse_events(size_t events) {
    std::string bytes;
    for (size_t i = 0; i < distinct; i++) {
        wire::append_event(
            bytes,
            fmt::format(
                R"({{"time":"2026-11-20T22:33:49.{:06}Z","kind":"violation","host":"web-1",)"
                R"("pid":{},"ppid":1,"start_ns":123456789012345,"comm":"worker","uid":1000,)"
                R"("state":"raised","metric":"cpu","value":101.25,"limit":50,"unit":"%",)"
                R"("rule":"*","peak":101.25,"mean":99.5,"duration_ns":1000000000,)"
                R"("argv":["worker","--fast"]}})",
                i, 1000 + i),
            1'000'000 + i);
    }
    Server server;
    server.batch.reserve(2 * piece_bytes);
    events = events / distinct * distinct;
    if (measured_parse(bytes, server, events) != events) {
        fail("a line was not taken");
    }
}

using Machine = std::vector<vigil_sample>;

// Like the sweep in the kernel: its records become samples.
class PreparedScanner final : public sampling::ProcessScanner {
 public:
    explicit PreparedScanner(const Machine& machine) : machine_(machine) {}

    Result<void> scan(std::vector<model::Sample>& out) override {
        out.clear();
        out.reserve(machine_.size());
        for (const vigil_sample& record : machine_) {
            out.push_back(sampling::sample_of(record));
        }
        return {};
    }
    std::string_view name() const override { return "prepared"; }

 private:
    const Machine& machine_;
};

Machine make_machine(size_t processes) {
    constexpr std::string_view names[] = {"nginx",    "php-fpm",     "sh",   "python3",
                                          "postgres", "kworker/0:1", "sshd", "systemd-journal"};
    Machine machine(processes);
    for (size_t i = 0; i < processes; i++) {
        vigil_sample& sample = machine[i];
        sample.start_ns = 12'345 + i * 1'000'003;
        sample.exec_id = 1 + i;
        sample.rss_pages = 1'000 + i % 100 * 100;
        sample.cgroup_id = 1000 + i % 50;
        sample.pid = first_pid + static_cast<__u32>(i);
        sample.ppid = first_pid;
        sample.uid = sample.gid = static_cast<__u32>(i % 3 * 1000);
        sample.threads = 1 + static_cast<__u32>(i % 4);
        set_comm(sample.comm, names[i % std::size(names)]);
    }
    return machine;
}

// Every tenth process did something.
void use(Machine& machine) {
    for (size_t i = 0; i < machine.size(); i += 10) {
        machine[i].runtime_ns += 1'000'000 + i;
        machine[i].read_bytes += 4096;
        machine[i].sent_bytes += 1500;
    }
}

// Nothing is emitted, however far apart two ticks are: a limit must be exceeded for an hour.
constexpr std::string_view limits = R"([
    {"process": "*", "cpu": 900000000, "memory": 1000000, "disk": 900000000},
    {"process": "python3*", "memory": 20, "for": "1h"},
    {"process": "postgres", "user": "0", "cpu": 900000000, "network": 900000000}])";

class Nowhere final : public model::EventSink {
 public:
    void on_event(const model::Event& /*event*/) override { fail("no violation was to come"); }
};

void tick(size_t processes, size_t rounds) {
    Machine machine = make_machine(processes);
    monitor::ProcessMonitor monitor(
        sampling::Sampler(std::make_unique<PreparedScanner>(machine), true), nullptr, ns_per_s);
    Nowhere nowhere;
    rules::LimitMonitor limits_held(monitor.table(), {&nowhere});
    monitor.set_observers({&limits_held});
    auto parsed = rules::parse(limits, "limits");
    if (!parsed) {
        fail(parsed.error().context);
    }
    limits_held.apply(std::move(*parsed));
    // the first reads /proc, the second is the first that compares
    constexpr size_t first_rounds = 2;
    for (size_t i = 0; i < first_rounds; i++) {
        if (!monitor.tick()) {
            fail("no tick");
        }
        use(machine);
    }
    for (size_t i = 0; i < rounds; i++) {
        if (!measured_tick(monitor) || monitor.table().size() != processes) {
            fail("not a tick of all processes");
        }
        use(machine);
    }
}

class Counter final : public model::EventSink {
 public:
    void on_event(const model::Event& /*event*/) override { count++; }
    size_t count = 0;
};

// Each process is one fork, exec, signal and exit, before the next one starts.
void lives(size_t events) {
    const Records records = make_records();
    const capture::DecodeContext context{.unix_minus_boot_ns = 1'795'000'000'000'000'000,
                                         .cpu_count = 8};
    std::vector<model::Event> decoded;
    for (size_t i = 0; i < events / 4 * 4; i++) {
        auto event = capture::decode(records[i % records.size()], context);
        if (!event) {
            fail("a record was not decoded");
        }
        event->boot_ns = boot_ns + i * ns_between;
        event->process.pid += static_cast<uint32_t>(first_pid);
        decoded.push_back(*event);
    }
    process::TableUpdater updater(true, ns_per_s);
    Nowhere nowhere;
    Counter deaths;
    deaths::DeathRecorder recorder(updater.table(), deaths);
    rules::LimitMonitor limits_held(updater.table(), {&recorder, &nowhere});
    updater.set_observers({&limits_held, &recorder});
    auto parsed = rules::parse(limits, "limits");
    if (!parsed) {
        fail(parsed.error().context);
    }
    limits_held.apply(std::move(*parsed));
    measured_lives(updater, decoded);
    if (deaths.count != decoded.size() / 4 || updater.table().size() != 0) {
        fail("not a record of each death");
    }
}

size_t number(std::span<char*> arguments, size_t index, size_t otherwise) {
    if (index >= arguments.size()) {
        return otherwise;
    }
    const auto value = parse_number(arguments[index], 1, 1'000'000'000);
    if (!value) {
        fail(value.error().context);
    }
    return *value;
}

void run(std::span<char*> arguments) {
    const std::string_view path = arguments.size() > 1 ? arguments[1] : "";
    const bool all = path == "all";
    const size_t events = all ? default_events : number(arguments, 2, default_events);
    bool known = all;
    if (all || path == "json") {
        format_events(format::make_json_formatter("web-1"), events);
        known = true;
    }
    if (all || path == "text") {
        format_events(format::make_text_formatter(true, false), events);
        known = true;
    }
    if (all || path == "parse") {
        parse_events(events);
        known = true;
    }
    if (all || path == "tick") {
        tick(all ? default_processes : number(arguments, 2, default_processes),
             all ? default_rounds : number(arguments, 3, default_rounds));
        known = true;
    }
    if (all || path == "lives") {
        lives(events);
        known = true;
    }
    if (!known) {
        fail("expected json, text, parse, tick, lives or all");
    }
}

}  // namespace
}  // namespace vigil::bench

int main(int argc, char** argv) { vigil::bench::run(std::span(argv, static_cast<size_t>(argc))); }
