// SPDX-License-Identifier: Apache-2.0
#include "host/process_lookup.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <optional>
#include <utility>

#include "host/hints.h"
#include "host/procfs.h"

namespace vigil::host {
namespace {

bool has_procfs() { return ::access("/proc/self/stat", R_OK) == 0; }

Error no_procfs() { return {ErrorCode::unsupported, "/proc can't be read: " + procfs_hint()}; }

Error hidden(uint32_t id) {
    return {ErrorCode::unsupported,
            fmt::format("/proc hides process {}: run it with sudo, or mount /proc without hidepid",
                        id)};
}

}  // namespace

bool has_ended(const Fd& pidfd) {
    pollfd polled{pidfd.get(), POLLIN, 0};
    return pidfd && ::poll(&polled, 1, 0) == 1 && (polled.revents & POLLIN) != 0;
}

// The descriptor is opened first: if the process has not ended afterwards, what was read in between
// is its own.
Result<FoundProcess> find_process(uint32_t id) {
    if (!has_procfs()) {
        return no_procfs();
    }
    FoundProcess found;
    found.pidfd = Fd(static_cast<int>(::syscall(SYS_pidfd_open, id, 0)));
    const auto status = read_status(id);
    const auto stat = read_stat(id);
    if (!status || !stat) {
        const bool exists = ::kill(static_cast<pid_t>(id), 0) == 0 || errno != ESRCH;
        return exists ? Result<FoundProcess>(hidden(id)) : FoundProcess{};
    }
    found.pid = status->pid;
    if (found.pid != id) {
        found.use = PidUse::thread;
        const auto leader = read_stat(found.pid);
        found.comm = leader ? leader->comm : stat->comm;
        return found;
    }
    found.use = stat->is_zombie() ? PidUse::zombie : PidUse::process;
    found.start_ns = stat->start_ns;
    found.comm = stat->comm;
    return found;
}

}  // namespace vigil::host
