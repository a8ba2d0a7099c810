// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "base/print.h"
#include "commands/agent/agent.h"
#include "commands/certs/certs.h"
#include "commands/deaths/commands.h"
#include "commands/doctor/doctor.h"
#include "commands/server/commands.h"
#include "commands/trace/commands.h"
#include "commands/up/up.h"
#include "commands/verify/verify.h"
#include "commands/watch/watch.h"

namespace vigil::commands {
namespace {

struct Command {
    std::string_view name;
    int (*run)(const cli::Arguments&);
    std::string_view summary;
};

constexpr std::array commands{
    Command{"trace", run_trace, "show forks, execs, exits, signals and OOM kills as they happen"},
    Command{"watch", run_watch, "check every process against limits of CPU, memory, disk, network"},
    Command{"up", run_up, "watch with a log and commands: server and agent of one machine"},
    Command{"record", run_record, "record how every process ended, for 'why' and 'history'"},
    Command{"agent", run_agent, "monitor this machine with the rules of a server"},
    Command{"server", run_server, "send rules to agents, and log their events"},
    Command{"ctl", run_ctl, "send a command to the server on this machine"},
    Command{"why", run_why, "report what ended a process"},
    Command{"history", run_history, "list the processes that ended, and what they had used"},
    Command{"pin", run_pin, "leave the tracer in the kernel, so that readers can come and go"},
    Command{"unpin", run_unpin, "remove what 'pin' left there"},
    Command{"certs", run_certs, "keys and certificates for agents and server"},
    Command{"verify", run_verify, "compare eBPF's count of exits with the kernel module's"},
    Command{"doctor", run_doctor, "show what works on this machine, and how to enable the rest"},
};

// Names of links under which the program behaves like the tool of that name.
constexpr std::array other_names{
    Command{"rustsigwatch", run_rustsigwatch, ""},
    Command{"process_monitor", run_process_monitor, ""},
    Command{"CTA", run_agent, ""},
    Command{"CTB", run_server, ""},
};

void print_help() {
    print(stdout,
          "vigil sees every process: what starts it, what it uses, what kills it.\n\n"
          "Usage: vigil COMMAND [OPTIONS]\n\nCommands:\n");
    for (const Command& command : commands) {
        print(stdout, "  {:<8} {}\n", command.name, command.summary);
    }
    print(stdout,
          "\n'vigil COMMAND --help' explains a command. 'vigil --version' prints the version.\n\n"
          "Examples:\n"
          "  sudo vigil trace                     all events, live\n"
          "  sudo vigil trace -e signal -s KILL   SIGKILLs, with sender and target\n"
          "  sudo vigil trace -- make             one command and its descendants\n"
          "  sudo vigil watch -c limits.json      which process uses too much\n"
          "  sudo vigil up -c limits.json         the same, with a log\n"
          "  sudo vigil why nginx                 what ended nginx\n"
          "  vigil doctor                         what works on this machine\n");
}

// If a standard descriptor is closed, the next opened file would get its number, and output would
// be written to that file.
void open_standard_streams() {
    while (true) {
        const int fd = ::open("/dev/null", O_RDWR);
        if (fd < 0 || fd > STDERR_FILENO) {
            ::close(fd);
            return;
        }
    }
}

int run(const std::string& called_as, const cli::Arguments& arguments) {
    for (const Command& tool : other_names) {
        if (tool.name == called_as) {
            return tool.run(arguments);
        }
    }
    if (arguments.empty() || arguments[0] == "-h" || arguments[0] == "--help" ||
        arguments[0] == "help") {
        print_help();
        return arguments.empty() ? 2 : 0;
    }
    if (arguments[0] == "--version" || arguments[0] == "-V") {
        print(stdout, "vigil {}\n", VIGIL_VERSION);
        return 0;
    }
    for (const Command& command : commands) {
        if (command.name == arguments[0]) {
            return command.run({arguments.begin() + 1, arguments.end()});
        }
    }
    print(stderr, "vigil: no command '{}': expected one of", arguments[0]);
    for (const Command& command : commands) {
        print(stderr, " {}", command.name);
    }
    print(stderr, "\n");
    return 2;
}

}  // namespace
}  // namespace vigil::commands

int main(int argc, char** argv) {
    vigil::commands::open_standard_streams();
    std::signal(SIGXFSZ, SIG_IGN);  // a size limit (ulimit -f) is an error of write(2) like others
    std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is a normal end, see trace_loop
    const std::string name = argc > 0 ? std::filesystem::path(argv[0]).filename() : "vigil";
    const int exit_code = vigil::commands::run(name, {argv + std::min(argc, 1), argv + argc});
    if (const int error = vigil::output_error(); error != 0) {
        vigil::print(stderr, "vigil: writing the output: {}\n", std::strerror(error));
        return exit_code == 0 ? 1 : exit_code;
    }
    return exit_code;
}
