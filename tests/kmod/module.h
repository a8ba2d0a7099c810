// SPDX-License-Identifier: Apache-2.0
// The kernel module under test, and its lines in the kernel's log.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"

namespace vigil::tests {

// $VIGIL_MODULE: process_monitor.ko of the running kernel.
std::string module_path();
// $VIGIL_BROKEN_MODULE: the same, built to probe a function that no kernel has.
std::string broken_module_path();

// Returns 0 or the errno. Parameters as for insmod(8).
int load_module(const std::string& path, const std::string& parameters = "");
int unload_module();
bool module_is_loaded();

// Writes a parameter under /sys/module; returns 0 or the errno.
int set_parameter(const std::string& name, const std::string& value);
std::string parameter(const std::string& name);

// Content of /proc/process_monitor; fails the test unless each line is a key and a number.
std::map<std::string, uint64_t> module_totals();

// Loads the module as long as this object exists, or until unload().
class LoadedModule {
 public:
    explicit LoadedModule(const std::string& parameters = "");
    LoadedModule(const LoadedModule&) = delete;
    LoadedModule& operator=(const LoadedModule&) = delete;
    ~LoadedModule();
    void unload();

 private:
    bool loaded_ = false;
};

// Hides the totals while this object exists, as with a module of another origin.
class TotalsHidden {
 public:
    TotalsHidden();
    TotalsHidden(const TotalsHidden&) = delete;
    TotalsHidden& operator=(const TotalsHidden&) = delete;
    ~TotalsHidden();
};

// The two log lines of one exit.
struct ExitLines {
    pid_t pid = 0;
    std::string name;
    pid_t parent = 0;
    uint64_t user_ns = 0;
    uint64_t system_ns = 0;

    uint64_t cpu_ns() const { return user_ns + system_ns; }
};

// Reads what is written to the kernel's log from now on.
class KernelLog {
 public:
    KernelLog();

    // New lines since the last call, without time stamps.
    std::vector<std::string> lines();
    // True if lines were overwritten before they were read, since the last call.
    bool pop_overwritten() { return std::exchange(overwritten_, false); }
    // The module's lines, without their "PROCESS_MONITOR: ".
    std::vector<std::string> module_lines();
    // The module's new lines since the last call; fails the test if one belongs to no exit.
    std::vector<ExitLines> exits();
    // The only exit of this pid among them; fails the test if there is none or more than one.
    ExitLines exit_of(pid_t pid);

 private:
    Fd log_;
    bool overwritten_ = false;
};

}  // namespace vigil::tests
