// SPDX-License-Identifier: Apache-2.0
// The kernel module under test, and what it writes into the kernel's log.
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

// 0, or the errno with which the kernel refuses. Parameters as insmod(8) takes them.
int load_module(const std::string& path, const std::string& parameters = "");
int unload_module();
bool module_is_loaded();

// Writes one of its parameters under /sys/module: 0 or the errno.
int set_parameter(const std::string& name, const std::string& value);
std::string parameter(const std::string& name);

// /proc/process_monitor; each line a key and a number, or the test fails.
std::map<std::string, uint64_t> module_totals();

// Loaded for as long as this object lives, or until unload().
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

// As if the module were of another make, without totals, while this object lives.
class TotalsHidden {
 public:
    TotalsHidden();
    TotalsHidden(const TotalsHidden&) = delete;
    TotalsHidden& operator=(const TotalsHidden&) = delete;
    ~TotalsHidden();
};

// Two lines of the log.
struct ExitLines {
    pid_t pid = 0;
    std::string name;
    pid_t parent = 0;
    uint64_t user_ns = 0;
    uint64_t system_ns = 0;

    uint64_t cpu_ns() const { return user_ns + system_ns; }
};

// What is written into the kernel's log from now on.
class KernelLog {
 public:
    KernelLog();

    // Lines that have come since the last call, without time stamps.
    std::vector<std::string> lines();
    // Whether some were overwritten before they were read, since the last call.
    bool pop_overwritten() { return std::exchange(overwritten_, false); }
    // Those of the module, without their "PROCESS_MONITOR: ".
    std::vector<std::string> module_lines();
    // All of its lines since the last call; the test fails where one belongs to no exit.
    std::vector<ExitLines> exits();
    // Of those the one with this pid; fails the test where there is none or another.
    ExitLines exit_of(pid_t pid);

 private:
    Fd log_;
    bool overwritten_ = false;
};

}  // namespace vigil::tests
