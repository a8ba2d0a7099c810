// SPDX-License-Identifier: Apache-2.0
// One function a command: it reads its own arguments (without the program's and the command's
// name) and returns the exit code.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace vigil::apps {

using Arguments = std::vector<std::string>;

// What the arguments of a command ask for; or the exit code where there is nothing to do (--help,
// wrong usage; said).
template <class Request>
struct Asked {
    std::optional<Request> request;
    int exit_code = 0;
};

int run_trace(const Arguments& arguments);
int run_pin(const Arguments& arguments);
int run_unpin(const Arguments& arguments);
int run_watch(const Arguments& arguments);
int run_up(const Arguments& arguments);
int run_agent(const Arguments& arguments);
int run_server(const Arguments& arguments);
int run_ctl(const Arguments& arguments);
int run_certs(const Arguments& arguments);
int run_why(const Arguments& arguments);
int run_history(const Arguments& arguments);
int run_verify(const Arguments& arguments);
int run_record(const Arguments& arguments);
int run_doctor(const Arguments& arguments);

// Called by the name of one of the tools that vigil grew out of.
int run_rustsigwatch(const Arguments& arguments);
int run_process_monitor(const Arguments& arguments);

}  // namespace vigil::apps
