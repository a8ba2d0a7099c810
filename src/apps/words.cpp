// SPDX-License-Identifier: Apache-2.0
#include "apps/words.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <utility>

namespace vigil::apps {

// The flag that forbids to wait belongs to the open file, which others share: so another one.
Fd without_waiting(int fd) {
    return ::isatty(fd) == 1 ? Fd(::open(fmt::format("/proc/self/fd/{}", fd).c_str(),
                                         O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC))
                             : Fd();
}

Words::Words(int fd) : own_(without_waiting(fd)), lines_(own_ ? own_.get() : fd) {}

void Words::say(std::string lines) {
    lines_.add(std::move(lines));
    flush();
}

void Words::flush() {
    (void)lines_.flush();  // words about a run must not end it
    if (lines_.empty() && lines_.dropped() > dropped_told_) {
        lines_.add(fmt::format("vigil: {} words were dropped here: nobody read them\n",
                               lines_.dropped() - dropped_told_));
        dropped_told_ = lines_.dropped();
        (void)lines_.flush();
    }
}

}  // namespace vigil::apps
