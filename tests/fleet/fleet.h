// SPDX-License-Identifier: Apache-2.0
// The real server and the real agent, each with its own directory, which survives a kill.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "event.h"
#include "harness.h"
#include "processes.h"
#include "server_log.h"

namespace vigil::tests {

constexpr uint16_t fleet_port = 7411;

// Options for a program without standard input, in that directory.
Program::Options quiet(const std::string& directory = "/tmp",
                       const std::string& called_as = "vigil");

void write_file(const std::string& path, const std::string& text);
std::string read_text(const std::string& path);

// $VIGIL_TEST_SEED, or a random seed, which the test prints.
uint64_t chosen_seed();

// Result of a `vigil` that has exited.
struct Outcome {
    int exit_code = -1;
    std::string output;
    std::string errors;
};
Outcome run_vigil(const Strings& arguments, const std::string& directory = "/tmp");

// `vigil server` on 127.0.0.1:7411. Killed with the object.
class FleetServer {
 public:
    explicit FleetServer(Strings options = {}, const std::string& rules = "[]");

    // Returns once it accepts connections.
    void start();
    void kill();
    // Stops it as a user would; checks the exit code.
    void stop();

    Program& program() { return *program_; }
    bool runs() const { return program_ != nullptr; }

    const std::string& directory() const { return directory_.path(); }
    std::string log() const { return log_.empty() ? directory() + "/events.log" : log_; }
    std::string rules() const { return directory() + "/rules.json"; }
    std::string control() const { return directory() + "/control"; }
    // Sets another path of the log; before start().
    void log_to(const std::string& path) { log_ = path; }
    void add_options(const Strings& options);

    Outcome ctl(const Strings& words) const;
    // Value of one line of `stats`.
    uint64_t stat(const std::string& name) const;

    ServerLog read() const { return read_log(log()); }
    // Polls the log until `holds` returns true.
    bool wait_for_log(const std::function<bool(const ServerLog&)>& holds,
                      const std::string& what) const;
    bool wait_for_death(pid_t pid, const std::string& signal = "SIGKILL") const;

 private:
    TempDirectory directory_;
    std::string log_;
    Strings options_;
    std::unique_ptr<Program> program_;
};

// `vigil agent`. Killed with the object.
class FleetAgent {
 public:
    explicit FleetAgent(std::string state, Strings options = {}, std::string name = "agent-1");

    // Returns once it monitors.
    void start();
    void wait_for_server() { program_->wait_for_error("vigil: connected to "); }
    void kill();
    void stop();

    Program& program() { return *program_; }
    const std::string& state() const { return state_; }

 private:
    std::string state_;
    std::string name_;
    Strings options_;
    std::unique_ptr<Program> program_;
};

// A process with that name that exceeds this limit from its start.
constexpr const char* hog_rule = R"([{"process": "fleet-hog", "memory": 30}])";
pid_t start_hog();

// True if the log has the death of this process by this signal ("SIGKILL").
bool has_death(const ServerLog& log, pid_t pid, const std::string& signal = "SIGKILL");

// The time of an event in microseconds; 0 if it is invalid.
int64_t unix_us(const std::string& time);

}  // namespace vigil::tests
