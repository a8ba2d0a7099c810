// SPDX-License-Identifier: Apache-2.0
// What /proc tells of processes (proc(5)). Absent: gone, or not for this user to read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vigil::host {

// Processes that are there now; zombies too.
std::vector<uint32_t> list_processes();

// Threads of a process, the leader included.
std::vector<uint32_t> list_threads(uint32_t pid);

// /proc/PID/stat. Times are in ns, in steps of a clock tick.
struct ProcStat {
    std::string comm;
    char state = '?';
    uint32_t ppid = 0;
    uint32_t threads = 0;
    uint64_t cpu_ns = 0;    // user + system of all threads
    uint64_t start_ns = 0;  // since boot
    bool exiting = false;   // has begun to end, and may long have: see is_zombie()

    // Nothing runs in it any more: only its parent has not asked yet.
    bool is_zombie() const { return (state == 'Z' || state == 'X') && threads <= 1; }
};
std::optional<ProcStat> parse_stat(std::string_view text);
std::optional<ProcStat> read_stat(uint32_t pid);
// Of one thread: name, state and times are its own.
std::optional<ProcStat> read_thread_stat(uint32_t pid, uint32_t tid);

// How long one clock tick of /proc is.
uint64_t clock_tick_ns();

// Resident bytes: /proc/PID/statm. 0 of a thread that has ended; its siblings still tell.
std::optional<uint64_t> read_rss_bytes(uint32_t pid);

// From and to storage: /proc/PID/io. Children that were waited for are in it.
struct ProcIo {
    uint64_t read_bytes = 0;
    uint64_t write_bytes = 0;
};
std::optional<ProcIo> parse_io(std::string_view text);
std::optional<ProcIo> read_io(uint32_t pid);

// The real user: /proc/PID/status.
std::optional<uint32_t> parse_user(std::string_view text);
std::optional<uint32_t> read_user(uint32_t pid);

// Where /proc/PID/exe points to, without the kernel's " (deleted)".
std::optional<std::string> read_executable(uint32_t pid);

// Where /proc/PID/cwd points to; the kernel's " (deleted)" stays, as that directory is gone.
std::optional<std::string> read_working_directory(uint32_t pid);

// /proc/PID/cmdline: a NUL after each argument, at most `limit_bytes`. Empty for kernel threads.
std::optional<std::string> read_arguments(uint32_t pid, size_t limit_bytes);

// The path in the cgroup v2 hierarchy; where that one is not in use, in systemd's own of v1.
std::optional<std::string> parse_cgroup(std::string_view text);
std::optional<std::string> read_cgroup(uint32_t pid);
// The path in the hierarchy of version 1 that has the memory controller. An exiting process shows
// "/" there.
std::optional<std::string> parse_memory_cgroup(std::string_view text);
std::optional<std::string> read_memory_cgroup(uint32_t pid);

}  // namespace vigil::host
