// SPDX-License-Identifier: Apache-2.0
#include "output/message_queue.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "base/units.h"

namespace vigil::output {

// O_NONBLOCK belongs to the open file description, which other processes share: open another one.
Fd reopen_nonblocking(int fd) {
    return ::isatty(fd) == 1 ? Fd(::open(fmt::format("/proc/self/fd/{}", fd).c_str(),
                                         O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC))
                             : Fd();
}

MessageQueue::MessageQueue(int fd) : own_(reopen_nonblocking(fd)), lines_(own_ ? own_.get() : fd) {}

void MessageQueue::add(std::string lines) {
    lines_.add(std::move(lines));
    flush();
}

void MessageQueue::flush() {
    (void)lines_.flush();  // a failure to print messages must not end the run
    if (lines_.empty() && lines_.dropped() > dropped_reported_) {
        lines_.add(fmt::format("vigil: {} dropped here: nothing read them\n",
                               count_of(lines_.dropped() - dropped_reported_, "message")));
        dropped_reported_ = lines_.dropped();
        (void)lines_.flush();
    }
}

}  // namespace vigil::output
