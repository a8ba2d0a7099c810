// SPDX-License-Identifier: Apache-2.0
#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/ansi.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/units.h"
#include "format/arguments.h"
#include "format/death.h"
#include "format/formatter.h"
#include "format/violation.h"
#include "model/death.h"
#include "model/fields.h"
#include "model/signals.h"

namespace vigil::format {
namespace {

using model::Event;
using model::Kind;

// Fatal signals red; failures and losses yellow.
std::string_view colour_of(const Event& event) {
    switch (event.kind) {
        case Kind::exit: {
            const auto& exit = std::get<model::Exit>(event.body);
            return exit.signal() != 0 ? ansi::red
                   : exit.code() != 0 ? ansi::yellow
                                      : std::string_view{};
        }
        case Kind::signal: {
            const int number = std::get<model::Signal>(event.body).number;
            return number == 9 || number == 11 ? ansi::red : std::string_view{};
        }
        case Kind::oom:
            return ansi::red;
        case Kind::kill_failed:
        case Kind::loss:
        case Kind::unobserved:
            return ansi::yellow;
        case Kind::violation: {
            const auto state = std::get<model::Violation>(event.body).state;
            return state == model::ViolationState::raised    ? ansi::red
                   : state == model::ViolationState::ongoing ? ansi::yellow
                                                             : ansi::green;
        }
        case Kind::death: {
            const auto& death = *std::get<const model::Death*>(event.body);
            return death.signal != 0     ? ansi::red
                   : death.is_abnormal() ? ansi::yellow
                                         : std::string_view{};
        }
        case Kind::fork:
        case Kind::exec:
            break;
    }
    return {};
}

class TextFormatter final : public Formatter {
 public:
    TextFormatter(bool details, bool colour) : details_(details), colour_(colour) {}

    void append(std::string& out, const Event& event) override {
        const std::string_view colour = colour_ ? colour_of(event) : std::string_view{};
        out += colour;
        out += '[';
        time_.append_local(out, event.unix_ns);
        out += "] ";
        append_line(out, event);
        if (!colour.empty()) {
            out += ansi::reset;
        }
        if (details_ && event.kind != Kind::death) {  // the line already contains all
            append_details(out, event);
        }
        out += '\n';
    }

 private:
    // The line without details: a stable format that scripts parse.
    void append_line(std::string& out, const Event& event) {
        switch (event.kind) {
            case Kind::fork:
                append_process(out, "FORK: ", event, true);
                break;
            case Kind::exec:
                append_process(out, "EXEC: ", event, true);
                break;
            case Kind::exit:
                append_process(out, "EXIT: ", event, false);
                break;
            case Kind::oom:
                append_process(out, "OOM: ", event, false);
                break;
            case Kind::signal:
                append_signal(out, event);
                break;
            case Kind::kill_failed:
                append_kill_failed(out, event);
                break;
            case Kind::loss: {
                const auto& loss = std::get<model::Loss>(event.body);
                fmt::format_to(std::back_inserter(out), FMT_COMPILE("LOSS: {} (count={})"),
                               loss.kind ? to_string(*loss.kind) : to_string(loss.stage),
                               loss.count);
                break;
            }
            case Kind::unobserved:
                append_gap(out, event);
                break;
            case Kind::violation:
                append_violation(out, event);
                break;
            case Kind::death:
                append_death(out, event);
                break;
        }
    }

    static void append_process(std::string& out, std::string_view title, const Event& event,
                               bool with_parent) {
        const model::Process& process = event.process;
        out += title;
        append_escaped(out, process.comm.view());
        fmt::format_to(std::back_inserter(out), FMT_COMPILE(" (pid={}, tgid={}"), shown_pid(event),
                       process.pid);
        if (with_parent) {
            fmt::format_to(std::back_inserter(out), FMT_COMPILE(", ppid={}"), process.ppid);
        }
        out += ')';
    }

    // The leader's pid for a process, whichever thread was running; the own tid for a thread.
    static uint32_t shown_pid(const Event& event) {
        const auto* fork = std::get_if<model::Fork>(&event.body);
        const auto* exit = std::get_if<model::Exit>(&event.body);
        const bool thread = (fork != nullptr && fork->thread) || (exit != nullptr && exit->thread);
        return thread ? event.process.tid : event.process.pid;
    }

    static void append_signal(std::string& out, const Event& event) {
        const auto& signal = std::get<model::Signal>(event.body);
        std::string sender = "kernel";
        uint32_t sender_pid = 0;
        if (signal.sender) {
            sender.clear();
            append_escaped(sender, signal.sender->comm.view());
            sender_pid = signal.sender->pid;
        }
        fmt::format_to(std::back_inserter(out), FMT_COMPILE("SIGNAL: {} ({}) [{}/{}] -> ["),
                       model::signal_name(signal.number), signal.number, sender, sender_pid);
        append_escaped(out, event.process.comm.view());
        fmt::format_to(std::back_inserter(out), FMT_COMPILE("/{}] {} ({})"), event.process.pid,
                       sender, sender_pid);
    }

    static void append_gap(std::string& out, const Event& event) {
        const auto& gap = std::get<model::MonitoringGap>(event.body);
        out += "UNOBSERVED: ";
        append_seconds(out, gap.to_unix_ns > gap.from_unix_ns
                                ? static_cast<uint64_t>(gap.to_unix_ns - gap.from_unix_ns)
                                : 0);
    }

    static void append_kill_failed(std::string& out, const Event& event) {
        const auto& failed = std::get<model::KillFailed>(event.body);
        fmt::format_to(std::back_inserter(out), FMT_COMPILE("KILL_FAILED: {} ({}) ["),
                       model::signal_name(failed.number), failed.number);
        append_escaped(out, event.process.comm.view());
        fmt::format_to(std::back_inserter(out), FMT_COMPILE("/{}] -> ["), event.process.pid);
        const auto target = failed.target ? failed.target : failed.target_tid;
        out += target ? fmt::format_int(*target).c_str() : "-";
        out += ']';
    }

    void append_details(std::string& out, const Event& event) {
        bool first = true;
        for (const model::Field& field : model::fields(event.kind)) {
            if (field.text.empty()) {
                continue;
            }
            const model::Value value = field.get(event);
            if (std::holds_alternative<model::Unknown>(value) && is_optional(field.text)) {
                continue;
            }
            out += first ? "  " : " ";
            if (first && colour_) {
                out += ansi::dim;
            }
            first = false;
            out += field.text;
            out += '=';
            std::visit([&](const auto& each) { append_value(out, each); }, value);
            if (field.text == "peak_rss" && std::get<model::Exit>(event.body).peak_rss_at_most) {
                out += "(at_most)";
            }
        }
        if (!first && colour_) {
            out += ansi::reset;
        }
    }

    // Keys that are omitted if unknown; any other unknown value is shown as "-".
    static bool is_optional(std::string_view key) {
        return key == "argv_truncated" || key == "sender_uid" || key == "target_tid" ||
               key == "sent" || key == "received";
    }

    static void append_value(std::string& out, model::Unknown) { out += '-'; }
    static void append_value(std::string&, model::Omitted) {}
    static void append_value(std::string& out, bool value) { out += value ? "yes" : "no"; }
    static void append_value(std::string& out, uint64_t value) {
        out += fmt::format_int(value).c_str();
    }
    static void append_value(std::string& out, int64_t value) {
        out += fmt::format_int(value).c_str();
    }
    static void append_value(std::string& out, double value) {
        fmt::format_to(std::back_inserter(out), FMT_COMPILE("{:g}"), value);
    }
    static void append_value(std::string& out, std::string_view value) { out += value; }
    static void append_value(std::string& out, model::UntrustedText value) {
        append_quoted(out, value.bytes);
    }
    static void append_value(std::string& out, model::Arguments value) {
        append_json_arguments(out, value.bytes);
    }
    static void append_value(std::string& out, model::WaitStatus value) {
        model::Exit exit;
        exit.status = value.value;
        if (exit.signal() != 0) {
            out += "signal:";
            out += model::signal_name(exit.signal());
            out += exit.core_dumped() ? "(core)" : "";
        } else {
            fmt::format_to(std::back_inserter(out), FMT_COMPILE("exit:{}"), exit.code());
        }
    }
    void append_value(std::string& out, model::UnixTime value) {
        time_.append_local(out, value.ns);
    }
    static void append_value(std::string& out, model::Duration value) {
        append_seconds(out, value.ns);
    }
    static void append_value(std::string& out, model::Size value) { append_size(out, value.bytes); }
    // Lists are never shown in text.
    template <class T>
    static void append_value(std::string& out, std::span<const T>) {
        out += '-';
    }
    static void append_value(std::string& out, model::UnixTimes) { out += '-'; }

    TimeFormat time_;
    bool details_;
    bool colour_;
};

}  // namespace

std::unique_ptr<Formatter> make_text_formatter(bool details, bool colour) {
    return std::make_unique<TextFormatter>(details, colour);
}

}  // namespace vigil::format
