// SPDX-License-Identifier: Apache-2.0
#include "apps/verdict.h"

#include <fmt/format.h>

#include <cstdlib>
#include <iterator>
#include <string_view>

#include "base/text.h"
#include "base/units.h"

namespace vigil::apps {
namespace {

using host::ModuleTotals;

constexpr uint64_t growth(uint64_t from, uint64_t to) { return to > from ? to - from : 0; }

uint64_t delivered(const HookTotals& totals) { return growth(totals.dropped, totals.seen); }

int64_t minus(uint64_t left, uint64_t right) { return static_cast<int64_t>(left - right); }

std::string count_of(uint64_t count, std::string_view thing) {
    return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s");
}

// Why the module's totals at the end are not those of the start grown; empty: they are.
std::string broken_off(const Testimony& told) {
    if (!told.end.module_before || !told.end.module_after) {
        return "the module was unloaded meanwhile: what it counted is gone";
    }
    if (told.start.module_before->loaded_ns != told.start.module_after->loaded_ns ||
        told.start.module_after->loaded_ns != told.end.module_before->loaded_ns ||
        told.end.module_before->loaded_ns != told.end.module_after->loaded_ns) {
        return "the module was unloaded and loaded again meanwhile: it has counted only since then";
    }
    return {};
}

// What each has counted for sure between the moments, whatever was on its way out at them.
bool module_saw_own_ends(const Testimony& told) {
    return growth(told.start.module_after->process_exits, told.end.module_before->process_exits) >=
           own_ends;
}

bool hook_saw_own_ends(const Testimony& told) {
    return growth(told.start.hook_after.seen, told.end.hook_before.seen) >= own_ends;
}

// A count that lacks something known is no witness, even where the numbers fit.
bool is_whole(const Testimony& told, const Verdict& verdict) {
    return verdict.hook_dropped == 0 && delivered(told.hook_at_last) == told.read &&
           told.kprobes_enabled != false;
}

std::vector<std::string> find_reasons(const Testimony& told, const Verdict& verdict) {
    std::vector<std::string> reasons;
    if (!module_saw_own_ends(told)) {
        reasons.emplace_back("the module has not seen the processes end that verify itself ended");
    }
    if (!hook_saw_own_ends(told)) {
        reasons.emplace_back("eBPF has not seen the processes end that verify itself ended");
    }
    if (const uint64_t missed = verdict.module_missed.value_or(0); missed > 0) {
        reasons.push_back(
            fmt::format("the kernel skipped the module's kprobes {}", count_of(missed, "time")));
    }
    if (told.kprobes_enabled == false) {
        reasons.emplace_back(
            "kprobes are switched off: echo 1 > /sys/kernel/debug/kprobes/enabled");
    }
    if (told.ftrace_enabled == false) {
        reasons.emplace_back(
            "kernel.ftrace_enabled is 0, which silences kprobes: sysctl kernel.ftrace_enabled=1");
    }
    if (verdict.hook_dropped > 0) {
        reasons.push_back(fmt::format("eBPF's ring had no room for {}: a larger --ring-size helps",
                                      count_of(verdict.hook_dropped, "exit")));
    }
    if (told.missed_at_most > 0) {
        reasons.push_back(fmt::format("the kernel skipped eBPF's programs for up to {}",
                                      count_of(told.missed_at_most, "exit")));
    }
    if (const uint64_t sent = delivered(told.hook_at_last); sent != told.read) {
        reasons.push_back(
            fmt::format("eBPF's programs sent {}, {} came out of the ring: this is a bug of vigil",
                        count_of(sent, "exit"), told.read));
    }
    if (reasons.empty()) {
        reasons.emplace_back("nothing that either of them knows of explains it");
    }
    return reasons;
}

void append_in_flight(std::string& out, std::string_view when, const Moment& moment) {
    if (moment.in_flight.empty()) {
        return;
    }
    fmt::format_to(std::back_inserter(out), "on their way out at the {}:", when);
    for (const host::ExitingProcess& process : moment.in_flight) {
        out += ' ';
        append_printable(out, process.comm);
        fmt::format_to(std::back_inserter(out), " ({})", process.pid);
    }
    out += '\n';
}

void append_in_flight_json(std::string& out, const Moment& moment) {
    std::string_view separator;
    out += '[';
    for (const host::ExitingProcess& process : moment.in_flight) {
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

// The last line: what it comes to.
std::string sentence(const Testimony& told, const Verdict& verdict) {
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
    if (verdict.accepted->least == 0 && verdict.accepted->most == 0) {
        return fmt::format(
            "agree: both saw {} end in {}",
            verdict.hook_exits == 1 ? "1 process" : fmt::format("{} processes", verdict.hook_exits),
            seconds(told.duration_ns));
    }
    return fmt::format(
        "agree, as far as can be told: processes ended while the totals were read, so a "
        "difference from {} to {} means nothing",
        verdict.accepted->least, verdict.accepted->most);
}

}  // namespace

bool Moment::quiet() const { return width() == 0; }

uint64_t Moment::between_at_most() const {
    return growth(hook_before.seen, hook_after.seen) + in_flight.size();
}

uint64_t Moment::module_growth() const {
    return module_before && module_after
               ? growth(module_before->process_exits, module_after->process_exits)
               : 0;
}

uint64_t Moment::width() const { return module_growth() + between_at_most(); }

Verdict judge(const Testimony& told) {
    const Moment& start = told.start;
    const Moment& end = told.end;
    Verdict verdict;
    verdict.hook_dropped = growth(start.hook_before.dropped, end.hook_before.dropped);
    // Of all that was read, what belongs to the time between the moments.
    const uint64_t read_later = growth(delivered(end.hook_before), delivered(told.hook_at_last));
    verdict.hook_exits = growth(delivered(start.hook_before) + read_later, told.read);
    if (const std::string broken = broken_off(told); !broken.empty()) {
        verdict.reasons.push_back(broken);
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
    // The module's count at each instant lies between its two readings. It is held against what
    // eBPF has seen: what got lost behind that can't make up for what the module lacks.
    const int64_t apart = minus(module_exits, growth(start.hook_before.seen, end.hook_before.seen));
    const Range accepted{-static_cast<int64_t>(start.between_at_most() + end.module_growth()),
                         static_cast<int64_t>(end.between_at_most() + start.module_growth())};
    verdict.accepted = accepted;
    verdict.agree = apart >= accepted.least && apart <= accepted.most &&
                    module_saw_own_ends(told) && hook_saw_own_ends(told) && is_whole(told, verdict);
    if (!verdict.agree) {
        verdict.reasons = find_reasons(told, verdict);
    }
    return verdict;
}

std::string to_text(const Testimony& told, const Verdict& verdict) {
    std::string out;
    const auto row = [&](std::string_view name, const std::string& module,
                         const std::string& hook) {
        fmt::format_to(std::back_inserter(out), "{:<16}{:>14}{:>14}\n", name, module, hook);
    };
    row("", "module", "eBPF");
    row("processes ended", number_or(verdict.module_exits, "-"),
        std::to_string(verdict.hook_exits));
    row("missed", number_or(verdict.module_missed, "-"),
        std::to_string(verdict.hook_dropped + told.missed_at_most));
    row("their CPU time", verdict.module_cpu_ns ? seconds(*verdict.module_cpu_ns) : "-",
        seconds(told.hook_cpu_ns));
    append_in_flight(out, "start", told.start);
    append_in_flight(out, "end", told.end);
    out += sentence(told, verdict);
    out += '\n';
    return out;
}

std::string to_json(const Testimony& told, const Verdict& verdict) {
    const std::string accepted = verdict.accepted
                                     ? fmt::format("{{\"least\":{},\"most\":{}}}",
                                                   verdict.accepted->least, verdict.accepted->most)
                                     : "null";
    std::string out = fmt::format(
        "{{\"verdict\":\"{}\",\"duration_ns\":{},\"difference\":{},\"accepted\":{},"
        "\"module\":{{\"process_exits\":{},\"missed\":{},\"cpu_ns\":{}}},"
        "\"ebpf\":{{\"process_exits\":{},\"dropped\":{},\"missed_at_most\":{},\"cpu_ns\":{}}},"
        "\"in_flight\":{{\"start\":",
        verdict.agree ? "agree" : "disagree", told.duration_ns,
        number_or(verdict.difference, "null"), accepted, number_or(verdict.module_exits, "null"),
        number_or(verdict.module_missed, "null"), number_or(verdict.module_cpu_ns, "null"),
        verdict.hook_exits, verdict.hook_dropped, told.missed_at_most, told.hook_cpu_ns);
    append_in_flight_json(out, told.start);
    out += ",\"end\":";
    append_in_flight_json(out, told.end);
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

}  // namespace vigil::apps
