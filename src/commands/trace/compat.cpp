// SPDX-License-Identifier: Apache-2.0
// The programs that vigil replaces, when it is called by their names: their options, defaults and
// exact lines.
#include "cli/cli.h"
#include "commands/trace/commands.h"
#include "commands/trace/trace.h"
#include "model/signals.h"

namespace vigil::commands {

using model::Kind;

int run_rustsigwatch(const cli::Arguments& arguments) {
    cli::OptionParser app("BPF-based monitor of signals, process creation and termination",
                          "rustsigwatch");
    std::vector<std::string> names;
    bool all = false;
    app.add_option("-s,--signals", names, "Signals to monitor [default: SIGTERM]")
        ->type_name("SIGNALS");
    app.add_flag("-a,--all-signals", all, "Monitor all signals");
    if (const auto exit_code = app.parse(arguments)) {
        return *exit_code;
    }
    TraceRequest request;
    request.legacy_output = true;
    request.filter.kinds =
        model::kind_bit(Kind::fork) | model::kind_bit(Kind::exit) | model::kind_bit(Kind::signal);
    request.filter.sent_only = true;  // the program traced kill, tkill and tgkill
    request.filter.signals = all ? model::all_signals : 0;
    if (names.empty() && !all) {
        names.emplace_back("SIGTERM");
    }
    for (const std::string& name : names) {
        const auto number = model::parse_signal(name);
        if (!number) {
            return cli::fail(number.error());
        }
        request.filter.signals |= model::signal_bit(*number);
    }
    return trace(request);
}

int run_process_monitor(const cli::Arguments& arguments) {
    cli::OptionParser app("Shows each new process: PID PPID COMM", "process_monitor");
    if (const auto exit_code = app.parse(arguments)) {
        return *exit_code;
    }
    TraceRequest request;
    request.legacy_output = true;
    request.format = Format::table;
    request.filter.kinds = model::kind_bit(Kind::fork);
    return trace(request);
}

}  // namespace vigil::commands
