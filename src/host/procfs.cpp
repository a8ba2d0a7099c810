// SPDX-License-Identifier: Apache-2.0
#include "host/procfs.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "base/fd.h"
#include "host/kernel.h"

namespace vigil::host {
namespace {

// Larger than any file that is read whole; /proc/PID/cgroup has one line per hierarchy.
constexpr size_t small_file_bytes = 16 << 10;

// PF_EXITING of include/linux/sched.h.
constexpr uint64_t exiting_flag = 0x4;

std::optional<std::string> read_small(uint32_t pid, const std::string& name, size_t limit_bytes) {
    const Fd fd(::open(fmt::format("/proc/{}/{}", pid, name).c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) {
        return std::nullopt;
    }
    std::string text(limit_bytes, '\0');
    size_t length = 0;
    while (length < text.size()) {
        const ssize_t got = ::read(fd.get(), text.data() + length, text.size() - length);
        if (got < 0) {
            return std::nullopt;  // ESRCH: the process has exited
        }
        if (got == 0) {
            break;
        }
        length += static_cast<size_t>(got);
    }
    text.resize(length);
    return text;
}

template <class Number>
bool parse_whole(std::string_view text, Number& number) {
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && rest == text.data() + text.size();
}

// Removes and returns the text before the next `separator`.
std::string_view pop_until(std::string_view& text, char separator) {
    const size_t end = text.find(separator);
    const std::string_view field = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return field;
}

// Names in a directory that are numbers.
std::vector<uint32_t> numbers_in(const std::string& path) {
    std::vector<uint32_t> numbers;
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
    for (const dirent* entry = nullptr;
         directory && (entry = ::readdir(directory.get())) != nullptr;) {
        uint32_t number = 0;
        if (parse_whole(std::string_view(entry->d_name), number)) {
            numbers.push_back(number);
        }
    }
    return numbers;
}

std::optional<std::string> read_link(uint32_t pid, const std::string& name) {
    std::array<char, PATH_MAX> target{};
    const ssize_t length =
        ::readlink(fmt::format("/proc/{}/{}", pid, name).c_str(), target.data(), target.size());
    return length > 0 ? std::optional(std::string(target.data(), static_cast<size_t>(length)))
                      : std::nullopt;
}

// Reads what the threads of a process share. A first thread that has ended no longer shows it: then
// another one is asked. `read` gets the path of the thread below /proc/PID, "" or "task/TID/".
template <class Read>
std::optional<std::string> read_shared(uint32_t pid, const Read& read, bool leader_ended = false) {
    constexpr size_t max_threads = 4;
    auto value = leader_ended ? std::nullopt : read(std::string());
    if (value && !value->empty()) {
        return value;
    }
    auto threads = list_threads(pid);
    std::erase(threads, pid);
    threads.resize(std::min(threads.size(), max_threads));
    for (const uint32_t tid : threads) {
        auto other = read(fmt::format("task/{}/", tid));
        if (other && !other->empty()) {
            return other;
        }
    }
    return value;
}

std::optional<std::string> without_deleted(std::optional<std::string> path) {
    constexpr std::string_view deleted = " (deleted)";
    if (path && path->ends_with(deleted)) {
        path->resize(path->size() - deleted.size());
    }
    return path;
}

}  // namespace

std::vector<uint32_t> list_processes() { return numbers_in("/proc"); }

std::vector<uint32_t> list_threads(uint32_t pid) {
    return numbers_in(fmt::format("/proc/{}/task", pid));
}

uint64_t clock_tick_ns() {
    static const uint64_t tick = ns_per_s / static_cast<uint64_t>(::sysconf(_SC_CLK_TCK));
    return tick;
}

// The name is in parentheses and may contain any character: the last parenthesis ends it.
std::optional<ProcStat> parse_stat(std::string_view text) {
    const size_t open = text.find('(');
    const size_t close = text.rfind(')');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open ||
        close + 2 > text.size()) {
        return std::nullopt;
    }
    ProcStat stat;
    stat.comm = text.substr(open + 1, close - open - 1);
    text.remove_prefix(close + 2);
    // Numbered as in proc(5); the state is field 3.
    constexpr size_t first = 3;
    std::array<std::string_view, 20> fields;
    for (std::string_view& field : fields) {
        field = pop_until(text, ' ');
    }
    const auto field = [&](size_t number) { return fields[number - first]; };
    uint64_t flags = 0;
    uint64_t user = 0;
    uint64_t system = 0;
    uint64_t start = 0;
    if (field(3).size() != 1 || !parse_whole(field(4), stat.ppid) ||
        !parse_whole(field(9), flags) || !parse_whole(field(14), user) ||
        !parse_whole(field(15), system) || !parse_whole(field(20), stat.threads) ||
        !parse_whole(field(22), start)) {
        return std::nullopt;
    }
    stat.state = field(3)[0];
    stat.exiting = (flags & exiting_flag) != 0;
    stat.cpu_ns = (user + system) * clock_tick_ns();
    stat.start_ns = start * clock_tick_ns();
    return stat;
}

namespace {

// Since 5.11 the reader's time namespace shifts the start times in /proc.
uint64_t start_offset_ns() {
    static const uint64_t offset = [] {
        const KernelRelease kernel = kernel_release();
        const bool shifted = std::pair(kernel.major, kernel.minor) >= std::pair(5, 11);
        return shifted ? static_cast<uint64_t>(boot_clock_offset_ns()) : 0;
    }();
    return offset;
}

std::optional<ProcStat> stat_from(const std::optional<std::string>& text) {
    auto stat = text ? parse_stat(*text) : std::nullopt;
    if (stat) {
        stat->start_ns -= start_offset_ns();
    }
    return stat;
}

}  // namespace

std::optional<ProcStat> read_stat(uint32_t pid) {
    return stat_from(read_small(pid, "stat", small_file_bytes));
}

std::optional<ProcStat> read_thread_stat(uint32_t pid, uint32_t tid) {
    return stat_from(read_small(pid, fmt::format("task/{}/stat", tid), small_file_bytes));
}

std::optional<uint64_t> read_rss_bytes(uint32_t pid) {
    const auto text = read_small(pid, "statm", small_file_bytes);
    if (!text) {
        return std::nullopt;
    }
    std::string_view rest = *text;
    pop_until(rest, ' ');
    uint64_t pages = 0;
    if (!parse_whole(pop_until(rest, ' '), pages)) {
        return std::nullopt;
    }
    return pages * static_cast<uint64_t>(::getpagesize());
}

std::optional<ProcIo> parse_io(std::string_view text) {
    std::optional<uint64_t> read;
    std::optional<uint64_t> written;
    uint64_t cancelled = 0;
    while (!text.empty()) {
        std::string_view line = pop_until(text, '\n');
        const std::string_view key = pop_until(line, ':');
        uint64_t value = 0;
        if (line.size() < 2 || !parse_whole(line.substr(1), value)) {
            continue;
        }
        if (key == "read_bytes") {
            read = value;
        } else if (key == "write_bytes") {
            written = value;
        } else if (key == "cancelled_write_bytes") {
            cancelled = value;
        }
    }
    return read && written ? std::optional{ProcIo{*read, *written, cancelled}} : std::nullopt;
}

std::optional<ProcIo> read_io(uint32_t pid) {
    const auto text = read_small(pid, "io", small_file_bytes);
    return text ? parse_io(*text) : std::nullopt;
}

std::optional<ProcStatus> parse_status(std::string_view text) {
    std::optional<ProcStatus> status;
    uint32_t pid = 0;
    while (!text.empty()) {
        std::string_view line = pop_until(text, '\n');
        const std::string_view key = pop_until(line, '\t');
        uint32_t user = 0;
        if (key == "Tgid:") {  // before Uid
            (void)parse_whole(line, pid);
        }
        if (key == "Uid:" && parse_whole(pop_until(line, '\t'), user)) {
            status = ProcStatus{.pid = pid, .uid = user};
        }
        uint64_t kilobytes = 0;
        if (status && key == "HugetlbPages:") {  // after Uid
            line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
            if (parse_whole(pop_until(line, ' '), kilobytes)) {
                status->huge_bytes = kilobytes << 10;
            }
        }
    }
    return status;
}

std::optional<ProcStatus> read_status(uint32_t pid) {
    const auto text = read_small(pid, "status", small_file_bytes);
    return text ? parse_status(*text) : std::nullopt;
}

std::optional<std::string> read_executable(uint32_t pid) {
    return without_deleted(
        read_shared(pid, [&](const std::string& task) { return read_link(pid, task + "exe"); }));
}

std::optional<std::string> read_descriptor(uint32_t pid, std::string_view number) {
    auto target = read_shared(pid, [&](const std::string& task) {
        return read_link(pid, fmt::format("{}fd/{}", task, number));
    });
    return target && target->starts_with('/') ? without_deleted(std::move(target)) : std::nullopt;
}

std::optional<std::string> read_working_directory(uint32_t pid) {
    return read_shared(pid, [&](const std::string& task) { return read_link(pid, task + "cwd"); });
}

std::optional<std::string> read_arguments(uint32_t pid, size_t limit_bytes) {
    return read_shared(pid, [&](const std::string& task) {
        return read_small(pid, task + "cmdline", limit_bytes);
    });
}

std::optional<std::string> parse_cgroup(std::string_view text) {
    std::optional<std::string> unified;
    std::optional<std::string> systemd;
    while (!text.empty()) {
        std::string_view path = pop_until(text, '\n');
        const std::string_view id = pop_until(path, ':');
        const std::string_view controllers = pop_until(path, ':');
        if (id == "0" && controllers.empty()) {
            unified = path;
        } else if (controllers == "name=systemd") {
            systemd = path;
        }
    }
    return unified && (*unified != "/" || !systemd) ? unified : systemd;
}

std::optional<std::string> parse_memory_cgroup(std::string_view text) {
    while (!text.empty()) {
        std::string_view path = pop_until(text, '\n');
        (void)pop_until(path, ':');
        std::string_view controllers = pop_until(path, ':');
        while (!controllers.empty()) {
            if (pop_until(controllers, ',') == "memory") {
                return std::string(path);
            }
        }
    }
    return std::nullopt;
}

std::optional<std::string> read_memory_cgroup(uint32_t pid) {
    const auto text = read_small(pid, "cgroup", small_file_bytes);
    return text ? parse_memory_cgroup(*text) : std::nullopt;
}

// An exiting thread shows the root of version 1: then another one is asked, and if there is none,
// nothing is known.
std::optional<ProcCgroups> read_cgroups(uint32_t pid) {
    const auto read = [&](const std::string& task) {
        return read_small(pid, task + "cgroup", small_file_bytes);
    };
    auto text = read("");
    auto path = text ? parse_cgroup(*text) : std::nullopt;
    if (path && *path == "/") {
        const auto stat = read_stat(pid);
        if (!stat || stat->exiting) {
            text = stat && stat->threads > 1 ? read_shared(pid, read, true) : std::nullopt;
            path = text ? parse_cgroup(*text) : std::nullopt;
        }
    }
    if (!path) {
        return std::nullopt;
    }
    return ProcCgroups{.path = std::move(*path), .memory = parse_memory_cgroup(*text).value_or("")};
}

std::optional<std::string> read_cgroup(uint32_t pid) {
    auto cgroups = read_cgroups(pid);
    return cgroups ? std::optional(std::move(cgroups->path)) : std::nullopt;
}

}  // namespace vigil::host
