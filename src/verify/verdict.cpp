// SPDX-License-Identifier: Apache-2.0
#include "verify/verdict.h"

#include <fmt/format.h>

#include <cstdlib>
#include <iterator>
#include <string_view>

#include "base/text.h"
#include "base/units.h"

namespace vigil::verify {
namespace {

using host::ModuleTotals;

constexpr uint64_t growth(uint64_t from, uint64_t to) { return to > from ? to - from : 0; }

uint64_t delivered(const HookTotals& totals) { return growth(totals.dropped, totals.seen); }

int64_t minus(uint64_t left, uint64_t right) { return static_cast<int64_t>(left - right); }

std::string count_of(uint64_t count, std::string_view noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

// Why the module's totals at the end do not continue those at the start; empty if they do.
std::string interruption_reason(const VerifyRun& run) {
    if (!run.end.module_before || !run.end.module_after) {
        return "the module was unloaded meanwhile: its count is lost";
    }
    if (run.start.module_before->loaded_ns != run.start.module_after->loaded_ns ||
        run.start.module_after->loaded_ns != run.end.module_before->loaded_ns ||
        run.end.module_before->loaded_ns != run.end.module_after->loaded_ns) {
        return "the module was unloaded and loaded again meanwhile: it has counted only since then";
    }
    return {};
}

// The exits that each side must have counted between the snapshots, whatever was in flight at
// either.
bool module_saw_own_exits(const VerifyRun& run) {
    return growth(run.start.module_after->process_exits, run.end.module_before->process_exits) >=
           own_exits;
}

bool hook_saw_own_exits(const VerifyRun& run) {
    return growth(run.start.hook_after.seen, run.end.hook_before.seen) >= own_exits;
}

// A count that is known to be incomplete proves nothing, even if the numbers agree.
bool is_complete(const VerifyRun& run, const Verdict& verdict) {
    return verdict.hook_dropped == 0 && delivered(run.final_hook) == run.read &&
           run.kprobes_enabled != false;
}

std::vector<std::string> find_reasons(const VerifyRun& run, const Verdict& verdict) {
    std::vector<std::string> reasons;
    if (!module_saw_own_exits(run)) {
        reasons.emplace_back("the module has not seen the processes end that verify itself ended");
    }
    if (!hook_saw_own_exits(run)) {
        reasons.emplace_back("eBPF has not seen the processes end that verify itself ended");
    }
    if (const uint64_t missed = verdict.module_missed.value_or(0); missed > 0) {
        reasons.push_back(
            fmt::format("the kernel skipped the module's kprobes {}", count_of(missed, "time")));
    }
    if (run.kprobes_enabled == false) {
        reasons.emplace_back(
            "kprobes are switched off: echo 1 > /sys/kernel/debug/kprobes/enabled");
    }
    if (run.ftrace_enabled == false) {
        reasons.emplace_back(
            "kernel.ftrace_enabled is 0, which disables kprobes: sysctl kernel.ftrace_enabled=1");
    }
    if (verdict.hook_dropped > 0) {
        reasons.push_back(fmt::format("eBPF's ring had no space for {}: a larger --ring-size helps",
                                      count_of(verdict.hook_dropped, "exit")));
    }
    if (run.max_missed > 0) {
        reasons.push_back(fmt::format("the kernel skipped eBPF's programs for up to {}",
                                      count_of(run.max_missed, "exit")));
    }
    if (const uint64_t sent = delivered(run.final_hook); sent != run.read) {
        reasons.push_back(
            fmt::format("eBPF's programs sent {}, {} came out of the ring: this is a bug of vigil",
                        count_of(sent, "exit"), run.read));
    }
    if (reasons.empty()) {
        reasons.emplace_back("no known reason explains it");
    }
    return reasons;
}

void append_in_flight(std::string& out, std::string_view when, const CounterSnapshot& snapshot) {
    if (snapshot.in_flight.empty()) {
        return;
    }
    fmt::format_to(std::back_inserter(out), "exiting at the {}:", when);
    for (const host::ExitingProcess& process : snapshot.in_flight) {
        out += ' ';
        append_escaped(out, process.comm);
        fmt::format_to(std::back_inserter(out), " ({})", process.pid);
    }
    out += '\n';
}

void append_in_flight_json(std::string& out, const CounterSnapshot& snapshot) {
    std::string_view separator;
    out += '[';
    for (const host::ExitingProcess& process : snapshot.in_flight) {
        fmt::format_to(std::back_inserter(out), "{}{{\"pid\":{},\"comm\":", separator, process.pid);
        append_json_string(out, process.comm);
        out += '}';
        separator = ",";
    }
    out += ']';
}

std::string seconds(uint64_t ns) {
    std::string text;
    append_seconds(text, ns);
    return text;
}

template <typename Number>
std::string number_or(const std::optional<Number>& number, const char* absent) {
    return number ? std::to_string(*number) : absent;
}

// The last line: the verdict.
std::string sentence(const VerifyRun& run, const Verdict& verdict) {
    if (!verdict.agree) {
        const int64_t difference = verdict.difference.value_or(0);
        std::string text = "disagree";
        if (difference != 0) {
            text += fmt::format(": {} saw {} fewer than {}", difference > 0 ? "eBPF" : "the module",
                                count_of(static_cast<uint64_t>(std::abs(difference)), "exit"),
                                difference > 0 ? "the module" : "eBPF");
        }
        for (const std::string& reason : verdict.reasons) {
            text += "\n  " + reason;
        }
        return text;
    }
    if (verdict.accepted->min == 0 && verdict.accepted->max == 0) {
        return fmt::format(
            "agree: both saw {} end in {}",
            verdict.hook_exits == 1 ? "1 process" : fmt::format("{} processes", verdict.hook_exits),
            seconds(run.duration_ns));
    }
    return fmt::format(
        "agree, as far as can be determined: processes ended while the totals were read, so a "
        "difference from {} to {} means nothing",
        verdict.accepted->min, verdict.accepted->max);
}

}  // namespace

bool CounterSnapshot::quiet() const { return uncertainty() == 0; }

uint64_t CounterSnapshot::max_in_between() const {
    return growth(hook_before.seen, hook_after.seen) + in_flight.size();
}

uint64_t CounterSnapshot::module_growth() const {
    return module_before && module_after
               ? growth(module_before->process_exits, module_after->process_exits)
               : 0;
}

uint64_t CounterSnapshot::uncertainty() const { return module_growth() + max_in_between(); }

Verdict evaluate(const VerifyRun& run) {
    const CounterSnapshot& start = run.start;
    const CounterSnapshot& end = run.end;
    Verdict verdict;
    verdict.hook_dropped = growth(start.hook_before.dropped, end.hook_before.dropped);
    // The part of the exits read that belongs to the time between the snapshots.
    const uint64_t read_after_end = growth(delivered(end.hook_before), delivered(run.final_hook));
    verdict.hook_exits = growth(delivered(start.hook_before) + read_after_end, run.read);
    if (const std::string interruption = interruption_reason(run); !interruption.empty()) {
        verdict.reasons.push_back(interruption);
        return verdict;
    }
    const ModuleTotals& module_start = *start.module_before;
    const ModuleTotals& module_end = *end.module_before;
    const uint64_t module_exits = growth(module_start.process_exits, module_end.process_exits);
    verdict.module_exits = module_exits;
    verdict.module_missed = growth(module_start.kprobe_missed, module_end.kprobe_missed);
    verdict.module_cpu_ns = growth(module_start.user_ns + module_start.system_ns,
                                   module_end.user_ns + module_end.system_ns);
    verdict.difference = minus(module_exits, verdict.hook_exits);
    // The module's count at each instant lies between its two readings. It is compared with the
    // exits that eBPF has seen: exits that were lost later cannot make up for exits that the module
    // lacks.
    const int64_t module_minus_seen =
        minus(module_exits, growth(start.hook_before.seen, end.hook_before.seen));
    const Range accepted{-static_cast<int64_t>(start.max_in_between() + end.module_growth()),
                         static_cast<int64_t>(end.max_in_between() + start.module_growth())};
    verdict.accepted = accepted;
    verdict.agree = module_minus_seen >= accepted.min && module_minus_seen <= accepted.max &&
                    module_saw_own_exits(run) && hook_saw_own_exits(run) &&
                    is_complete(run, verdict);
    if (!verdict.agree) {
        verdict.reasons = find_reasons(run, verdict);
    }
    return verdict;
}

std::string to_text(const VerifyRun& run, const Verdict& verdict) {
    std::string out;
    const auto row = [&](std::string_view name, const std::string& module,
                         const std::string& hook) {
        fmt::format_to(std::back_inserter(out), "{:<16}{:>14}{:>14}\n", name, module, hook);
    };
    row("", "module", "eBPF");
    row("processes ended", number_or(verdict.module_exits, "-"),
        std::to_string(verdict.hook_exits));
    row("missed", number_or(verdict.module_missed, "-"),
        std::to_string(verdict.hook_dropped + run.max_missed));
    row("their CPU time", verdict.module_cpu_ns ? seconds(*verdict.module_cpu_ns) : "-",
        seconds(run.hook_cpu_ns));
    append_in_flight(out, "start", run.start);
    append_in_flight(out, "end", run.end);
    out += sentence(run, verdict);
    out += '\n';
    return out;
}

std::string to_json(const VerifyRun& run, const Verdict& verdict) {
    const std::string accepted = verdict.accepted
                                     ? fmt::format("{{\"least\":{},\"most\":{}}}",
                                                   verdict.accepted->min, verdict.accepted->max)
                                     : "null";
    std::string out = fmt::format(
        "{{\"verdict\":\"{}\",\"duration_ns\":{},\"difference\":{},\"accepted\":{},"
        "\"module\":{{\"process_exits\":{},\"missed\":{},\"cpu_ns\":{}}},"
        "\"ebpf\":{{\"process_exits\":{},\"dropped\":{},\"missed_at_most\":{},\"cpu_ns\":{}}},"
        "\"in_flight\":{{\"start\":",
        verdict.agree ? "agree" : "disagree", run.duration_ns,
        number_or(verdict.difference, "null"), accepted, number_or(verdict.module_exits, "null"),
        number_or(verdict.module_missed, "null"), number_or(verdict.module_cpu_ns, "null"),
        verdict.hook_exits, verdict.hook_dropped, run.max_missed, run.hook_cpu_ns);
    append_in_flight_json(out, run.start);
    out += ",\"end\":";
    append_in_flight_json(out, run.end);
    out += "},\"reasons\":[";
    std::string_view separator;
    for (const std::string& reason : verdict.reasons) {
        out += separator;
        append_json_string(out, reason);
        separator = ",";
    }
    out += "]}\n";
    return out;
}

}  // namespace vigil::verify
