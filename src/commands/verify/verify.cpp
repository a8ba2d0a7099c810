// SPDX-License-Identifier: Apache-2.0
// vigil verify: compares the kernel module's count of exited processes with eBPF's.
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/fd.h"
#include "base/print.h"
#include "base/units.h"
#include "capture/tracer.h"
#include "cli/cli.h"
#include "cli/common_options.h"
#include "commands/verify/verify.h"
#include "host/hints.h"
#include "host/kernel.h"
#include "host/module.h"
#include "host/process_tree.h"
#include "monitor/signals.h"
#include "verify/verdict.h"

namespace vigil::commands {
namespace {

using capture::RingReader;
using capture::Tracer;
using model::Kind;

constexpr size_t batch_bytes = 1 << 20;
// How long to look for a quiet snapshot, and how long remaining events may take to arrive.
constexpr uint64_t quiet_timeout_ns = ns_per_s / 2;
constexpr uint64_t drain_timeout_ns = 2 * ns_per_s;
constexpr uint64_t brief_wait_ns = 10 * ns_per_ms;
// Max time between two drains, as a ring that fills slowly does not wake the reader.
constexpr uint64_t max_wait_ns = 100 * ns_per_ms;

struct VerifyRequest {
    uint64_t duration_ns = 10 * ns_per_s;
    uint64_t ring_bytes = capture::default_ring_bytes;
    bool json = false;
};

Error no_module() {
    if (host::module_is_loaded()) {
        return {ErrorCode::unsupported,
                fmt::format(
                    "there is no second count: a module {0} is loaded, but {1} can't be "
                    "read: it is another module of this name; load vigil's: sudo rmmod {0}, then "
                    "make -C kmod && sudo insmod kmod/{0}.ko log=0",
                    host::module_name, host::module_totals_path)};
    }
    if (const std::string why = host::modules_unavailable_reason(); !why.empty()) {
        return {ErrorCode::unsupported,
                fmt::format("there is no second count: the module {} can't be loaded: {}",
                            host::module_name, why)};
    }
    return {ErrorCode::unsupported,
            fmt::format("there is no second count: the module {0} is not loaded; build it and "
                        "load it with: make -C kmod && sudo insmod kmod/{0}.ko log=0 "
                        "(docs/kernel-module.md)",
                        host::module_name)};
}

// The eBPF side of a run.
class ExitCounter {
 public:
    ExitCounter(Tracer& tracer, Fd signals) : tracer_(&tracer), signals_(std::move(signals)) {}

    uint64_t read() const { return read_; }
    uint64_t cpu_ns() const { return cpu_ns_; }

    verify::HookTotals totals() const {
        const capture::KindTotals total =
            reader().totals(reader().cursor())[model::index(Kind::exit)];
        return {total.seen, total.dropped};
    }

    // Counts the events that are in the ring now.
    RingReader::Drained drain() {
        const auto drained = reader().drain(batch_bytes, [this](const model::Event& event) {
            if (const auto* exit = std::get_if<model::Exit>(&event.body)) {
                read_++;
                cpu_ns_ += exit->cpu_ns;
            }
            return true;
        });
        reader().confirm(reader().cursor());
        return drained;
    }

    // Counts until that time or a termination signal.
    void run_until(uint64_t until_ns) {
        while (!interrupted_ && boot_now_ns() < until_ns) {
            if (drain() == RingReader::Drained::more) {
                continue;
            }
            reader().set_state(VIGIL_READER_BATCHING);
            wait(until_ns);
        }
        reader().set_state(VIGIL_READER_AWAKE);
    }

    // Counts for a moment, regardless of signals.
    void wait_briefly() {
        const uint64_t until_ns = boot_now_ns() + brief_wait_ns;
        while (drain() == RingReader::Drained::more || boot_now_ns() < until_ns) {
            wait(until_ns);
        }
    }

    // After detaching: counts everything that the programs have emitted.
    void drain_all() {
        const uint64_t deadline_ns = boot_now_ns() + drain_timeout_ns;
        while (drain() != RingReader::Drained::empty || !reader().is_drained()) {
            if (const uint64_t now = boot_now_ns(); now < deadline_ns) {
                wait(now + ns_per_ms);
            } else {
                return;
            }
        }
    }

 private:
    RingReader& reader() const { return tracer_->reader(); }

    void wait(uint64_t until_ns) {
        std::array<pollfd, 2> ready{
            {{interrupted_ ? -1 : signals_.get(), POLLIN, 0}, {reader().wake_fd(), POLLIN, 0}}};
        const uint64_t now = boot_now_ns();
        const uint64_t left_ns = std::min(until_ns > now ? until_ns - now : 0, max_wait_ns);
        ::poll(ready.data(), ready.size(), static_cast<int>(left_ns / ns_per_ms) + 1);
        interrupted_ = interrupted_ || (ready[0].revents & POLLIN) != 0;
    }

    Tracer* tracer_;
    Fd signals_;
    uint64_t read_ = 0;
    uint64_t cpu_ns_ = 0;
    bool interrupted_ = false;
};

verify::CounterSnapshot take_snapshot(const ExitCounter& counter) {
    verify::CounterSnapshot snapshot;
    snapshot.module_before = host::read_module_totals();
    snapshot.hook_before = counter.totals();
    snapshot.in_flight = host::exiting_processes();
    snapshot.hook_after = counter.totals();
    snapshot.module_after = host::read_module_totals();
    return snapshot;
}

// The best snapshot of the next half second: the first quiet one, if any.
verify::CounterSnapshot find_quiet_snapshot(ExitCounter& counter) {
    const uint64_t deadline_ns = boot_now_ns() + quiet_timeout_ns;
    counter.drain();
    verify::CounterSnapshot best = take_snapshot(counter);
    while (!best.quiet() && boot_now_ns() < deadline_ns) {
        counter.wait_briefly();
        verify::CounterSnapshot next = take_snapshot(counter);
        if (next.uncertainty() < best.uncertainty()) {
            best = std::move(next);
        }
    }
    return best;
}

// Starts a process that exits, so that a side that counts nothing is known to be broken.
Result<void> run_short_process() {
    const pid_t child = ::fork();
    if (child == 0) {
        ::_exit(0);
    }
    if (child < 0 || ::waitpid(child, nullptr, 0) != child) {
        return Error{ErrorCode::failed, fmt::format("fork: {}", std::strerror(errno))};
    }
    return {};
}

Result<verify::VerifyRun> run_verification(const VerifyRequest& request) {
    if (!host::read_module_totals()) {
        return no_module();
    }
    if (!host::in_initial_pid_namespace()) {
        return Error{ErrorCode::unsupported,
                     "this is a PID namespace: not all exits can be seen in it: " +
                         host::pid_namespace_hint()};
    }
    capture::TraceOptions options;
    options.filter.kinds = model::kind_bit(Kind::exit);
    options.wanted = options.filter;
    options.ring_bytes = request.ring_bytes;
    TRY_ASSIGN(Tracer tracer, Tracer::attach(options));
    TRY_ASSIGN(Fd signals, monitor::block_signals({SIGINT, SIGTERM, SIGHUP, SIGQUIT}));
    ExitCounter counter(tracer, std::move(signals));

    verify::VerifyRun run;
    run.start = find_quiet_snapshot(counter);
    if (!run.start.module_before || !run.start.module_after) {
        return no_module();
    }
    const uint64_t cpu_before_ns = counter.cpu_ns();
    const uint64_t began_ns = boot_now_ns();
    print(stderr, "vigil: counting with the module and with eBPF; Ctrl-C ends\n");
    static_assert(verify::own_exits == 2);
    TRY(run_short_process());
    counter.run_until(began_ns + request.duration_ns);
    TRY(run_short_process());
    run.end = find_quiet_snapshot(counter);
    run.duration_ns = boot_now_ns() - began_ns;
    run.kprobes_enabled = host::kprobes_enabled();
    run.ftrace_enabled = host::ftrace_enabled();
    tracer.detach();
    counter.drain_all();
    run.final_hook = counter.totals();
    run.read = counter.read();
    run.hook_cpu_ns = counter.cpu_ns() - cpu_before_ns;
    run.max_missed = tracer.max_missed();
    return run;
}

Result<VerifyRequest> make_request(const std::optional<std::string>& duration,
                                   const std::optional<std::string>& ring_size, bool json) {
    VerifyRequest request;
    request.json = json;
    if (duration) {
        const auto ns = parse_duration_ns(*duration);
        if (!ns) {
            return usage_error("--duration " + ns.error().context);
        }
        request.duration_ns = *ns;
    }
    TRY_ASSIGN(request.ring_bytes, cli::parse_ring_size(ring_size));
    return request;
}

}  // namespace

int run_verify(const cli::Arguments& arguments) {
    cli::OptionParser app(
        "Counts exits of processes twice, with the kernel module process_monitor and with eBPF,\n"
        "and compares the two counts. The module must be loaded.",
        "vigil verify");
    app.footer(
        "Exit codes: 0 they agree, 1 they don't (or it failed), 2 wrong usage, 3 not possible\n"
        "here. docs/kernel-module.md describes how to build and load the module.");
    std::optional<std::string> duration;
    std::optional<std::string> ring_size;
    std::string format = "text";
    app.add_option("-d,--duration", duration, "Count for this long: 10s, 5m [10s]")
        ->type_name("TIME");
    cli::add_ring_size(app, ring_size);
    app.add_option("-o,--output", format, "text or json [text]")
        ->type_name("FORMAT")
        ->one_of({"text", "json"});
    if (const auto exit_code = app.parse(arguments)) {
        return *exit_code;
    }
    const auto request = make_request(duration, ring_size, format == "json");
    if (!request) {
        return cli::fail(request.error());
    }
    const auto run = run_verification(*request);
    if (!run) {
        return cli::fail(run.error());
    }
    const verify::Verdict verdict = verify::evaluate(*run);
    print(stdout, "{}", request->json ? to_json(*run, verdict) : to_text(*run, verdict));
    return verdict.agree ? 0 : 1;
}

}  // namespace vigil::commands
