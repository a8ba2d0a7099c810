// SPDX-License-Identifier: Apache-2.0
#include "agent/heartbeat.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/clock.h"
#include "base/file.h"
#include "host/kernel.h"

namespace vigil::agent {
namespace {

constexpr mode_t file_mode = 0600;
constexpr size_t max_file_bytes = 4096;

}  // namespace

// The file contains the boot id of the time of writing.
std::optional<model::Event> Heartbeat::downtime() const {
    const auto before = read_optional_file(path_, max_file_bytes);
    struct stat info {};
    if (!before || !*before || ::stat(path_.c_str(), &info) != 0) {
        return std::nullopt;
    }
    model::Event event;
    event.kind = model::Kind::unobserved;
    event.boot_ns = boot_now_ns();
    event.unix_ns = unix_now_ns();
    const int64_t from_unix_ns =
        info.st_mtim.tv_sec * static_cast<int64_t>(ns_per_s) + info.st_mtim.tv_nsec;
    // The clock may have been set back.
    event.body = model::MonitoringGap{.from_unix_ns = std::min(from_unix_ns, event.unix_ns),
                                      .to_unix_ns = event.unix_ns,
                                      .rebooted = **before != host::boot_id()};
    return event;
}

Result<void> Heartbeat::beat() {
    if (file_) {
        (void)::futimens(file_.get(), nullptr);
        return {};
    }
    TRY(replace_file(path_, host::boot_id(), file_mode));
    file_ = Fd(::open(path_.c_str(), O_WRONLY | O_CLOEXEC));
    return {};
}

}  // namespace vigil::agent
