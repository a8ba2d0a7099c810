// SPDX-License-Identifier: Apache-2.0
// Processes, cgroups and directories that the tests create.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "event.h"

namespace vigil::tests {

// A child that runs `body` and calls _exit() with its result.
pid_t start(const std::function<int()>& body);

// A child that has run `prepare` when this returns, and then waits for a signal. It exits after two
// minutes.
pid_t start_sleeper(const std::function<void()>& prepare = {});

// A child with this pid, which nobody may have (clone3(2), CAP_CHECKPOINT_RESTORE); -1 if that is
// not allowed. It runs `body` and calls _exit().
pid_t start_as(pid_t pid, const std::function<void()>& body);

struct ExitResult {
    int status = 0;
    rusage usage{};

    int code() const;    // -1 if a signal ended it
    int signal() const;  // 0 if it exited by itself
};
// wait4(2): the independent source of most expected values.
ExitResult wait_for(pid_t pid);
ExitResult kill_and_wait(pid_t pid, int signal);

uint64_t cpu_ns(const rusage& usage);
uint64_t boot_now_ns();
// "2026-01-31T23:59:59.999999Z", which sorts as text.
std::string utc_now();

// One side waits until the other opens the gate.
class Gate {
 public:
    Gate();
    void open() const;
    void pass() const;

 private:
    Fd read_;
    Fd write_;
};

// Content of a file in /proc; empty if the process is gone.
std::string proc_file(pid_t pid, const std::string& name);
// Field of /proc/PID/stat, numbered as in proc(5); the comm is field 2.
uint64_t proc_stat(pid_t pid, int field);
// Value of a line "Key: value" in /proc/PID/NAME.
uint64_t proc_value(pid_t pid, const std::string& name, const std::string& key);

// This test program; executed with `act NAME ARGUMENT...` it performs an action of
// exec_actions.cpp.
std::string self_path();
[[noreturn]] void exec_self(const Strings& action, const std::string& path = self_path());
[[noreturn]] void exec(const std::string& path, const Strings& argv);

// Allocates and touches that much memory, and keeps it.
void touch_mb(size_t mb);
// The same in huge pages (MAP_HUGETLB); false if there are not enough.
bool touch_huge_mb(size_t mb);

// Reserves huge pages for its lifetime; nothing if the machine has none.
class HugePages {
 public:
    static std::optional<HugePages> reserve(size_t mb);
    HugePages(HugePages&& other) noexcept : before_(std::exchange(other.before_, std::nullopt)) {}
    HugePages& operator=(HugePages&&) = delete;
    ~HugePages();

 private:
    explicit HugePages(uint64_t before) : before_(before) {}
    std::optional<uint64_t> before_;
};

// Spins until the calling thread has used that much CPU time.
void burn_thread_ns(uint64_t ns);

// An empty directory, removed with its content.
class TempDirectory {
 public:
    explicit TempDirectory(const std::string& below = "/tmp");
    TempDirectory(const TempDirectory&) = delete;
    TempDirectory& operator=(const TempDirectory&) = delete;
    ~TempDirectory();
    const std::string& path() const { return path_; }

 private:
    std::string path_;
};

// A directory on a block device; empty if there is none.
std::string disk_directory();

// Mount point of the given cgroup controller (version 1), or of version 2 for "".
std::string cgroup_mount(const std::string& controller);

// A new cgroup below a mount, removed with the object.
class Cgroup {
 public:
    // Empty if there is no such mount or it is not writable.
    static std::optional<Cgroup> make(const std::string& mount);
    Cgroup(Cgroup&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    Cgroup& operator=(Cgroup&&) = delete;
    ~Cgroup();

    const std::string& path() const { return path_; }
    uint64_t id() const;
    bool has(const std::string& file) const;
    bool write(const std::string& file, const std::string& text) const;
    // Moves the calling process into the cgroup; for a child before it does anything.
    void enter() const;

 private:
    explicit Cgroup(std::string path) : path_(std::move(path)) {}
    std::string path_;
};

// A cgroup with a memory limit of `bytes`, of either version; empty if it can't be created.
std::optional<Cgroup> small_cgroup(const std::string& bytes);

}  // namespace vigil::tests
