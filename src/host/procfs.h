// SPDX-License-Identifier: Apache-2.0
// Readers of /proc (proc(5)). nullopt: the process is gone, or this user may not read the file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vigil::host {

// Present processes, including zombies.
std::vector<uint32_t> list_processes();

// Threads of a process, including the leader.
std::vector<uint32_t> list_threads(uint32_t pid);

// /proc/PID/stat. Times are in ns, with the resolution of a clock tick.
struct ProcStat {
    std::string comm;
    char state = '?';
    uint32_t ppid = 0;
    uint32_t threads = 0;
    uint64_t cpu_ns = 0;    // user + system of all threads
    uint64_t start_ns = 0;  // since boot; see read_stat()
    bool exiting = false;   // the exit has begun, perhaps long ago: see is_zombie()

    // No thread runs any more; the parent has not waited for it yet.
    bool is_zombie() const { return (state == 'Z' || state == 'X') && threads <= 1; }
};
std::optional<ProcStat> parse_stat(std::string_view text);
// The start time is that of the kernel's clock, as in events, also in a time namespace.
std::optional<ProcStat> read_stat(uint32_t pid);
// Of one thread: name, state and times are the thread's.
std::optional<ProcStat> read_thread_stat(uint32_t pid, uint32_t tid);

// Length of a clock tick of /proc.
uint64_t clock_tick_ns();

// Resident bytes without huge pages: /proc/PID/statm. 0 for an exited thread; its siblings still
// have the value.
std::optional<uint64_t> read_rss_bytes(uint32_t pid);

// Bytes from and to storage: /proc/PID/io. Includes children that were waited for.
struct ProcIo {
    uint64_t read_bytes = 0;
    uint64_t write_bytes = 0;
    uint64_t cancelled_bytes = 0;  // discarded before they were written; included in write_bytes
};
std::optional<ProcIo> parse_io(std::string_view text);
std::optional<ProcIo> read_io(uint32_t pid);

// /proc/PID/status.
struct ProcStatus {
    uint32_t pid = 0;         // of the process, also if it was read of a thread
    uint32_t uid = 0;         // the real uid
    uint64_t huge_bytes = 0;  // resident huge pages (hugetlbfs)
};
std::optional<ProcStatus> parse_status(std::string_view text);
std::optional<ProcStatus> read_status(uint32_t pid);

// The following of a process whose first thread has ended come from another thread.

// Target of /proc/PID/exe, without the kernel's suffix " (deleted)".
std::optional<std::string> read_executable(uint32_t pid);

// Path of the file behind a descriptor, without the suffix; nullopt: it is a pipe, a socket, ...
std::optional<std::string> read_descriptor(uint32_t pid, std::string_view number);

// Target of /proc/PID/cwd. The kernel's suffix " (deleted)" is kept, because that directory is
// gone.
std::optional<std::string> read_working_directory(uint32_t pid);

// /proc/PID/cmdline: a NUL after each argument, at most `limit_bytes`. Empty for kernel threads.
std::optional<std::string> read_arguments(uint32_t pid, size_t limit_bytes);

// The path in the cgroup v2 hierarchy, or in systemd's v1 hierarchy if v2 is not used.
std::optional<std::string> parse_cgroup(std::string_view text);
std::optional<std::string> read_cgroup(uint32_t pid);

// Both at once; `memory` is empty without a hierarchy of version 1 for it.
struct ProcCgroups {
    std::string path;
    std::string memory;
};
std::optional<ProcCgroups> read_cgroups(uint32_t pid);
// The path in the hierarchy of version 1 that has the memory controller. An exiting process shows
// "/" there.
std::optional<std::string> parse_memory_cgroup(std::string_view text);
std::optional<std::string> read_memory_cgroup(uint32_t pid);

}  // namespace vigil::host
