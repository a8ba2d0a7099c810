// SPDX-License-Identifier: Apache-2.0
#include "output/status_terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <utility>

#include "base/text.h"
#include "output/message_queue.h"

namespace vigil::output {
namespace {

constexpr std::string_view erase_line = "\r\x1b[K";
constexpr size_t usual_columns = 80;

}  // namespace

size_t columns_of(int fd) {
    winsize size{};
    return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : usual_columns;
}

StatusTerminal::StatusTerminal(int fd, bool with_status)
    : nonblocking_fd_(reopen_nonblocking(fd)),
      fd_(nonblocking_fd_ ? nonblocking_fd_.get() : fd),
      with_status_(with_status && ::isatty(fd) == 1),
      lines_(fd_) {}

void StatusTerminal::add(std::string line) {
    if (with_status_ && line.ends_with('\n')) {
        line.pop_back();
        line = truncate_columns(line, columns_of(fd_)) + '\n';
    }
    if (!shown_.empty()) {
        shown_.clear();
        line.insert(0, erase_line);
    }
    lines_.add(std::move(line));
}

void StatusTerminal::set_status(std::string status) { status_ = std::move(status); }

Result<void> StatusTerminal::flush() {
    TRY(lines_.flush());
    if (!with_status_ || !lines_.empty() || lines_.closed()) {
        return {};
    }
    const std::string wanted = truncate_columns(status_, columns_of(fd_) - 1);
    pollfd poll{fd_, POLLOUT, 0};
    if (wanted != shown_ && ::poll(&poll, 1, 0) > 0) {
        const std::string text = std::string(erase_line) + wanted;
        // If it was not written completely, the next update writes it again.
        const ssize_t got = ::write(fd_, text.data(), text.size());
        if (got >= static_cast<ssize_t>(erase_line.size())) {
            shown_ = wanted.substr(0, static_cast<size_t>(got) - erase_line.size());
        }
    }
    return {};
}

void StatusTerminal::clear_status() {
    if (!shown_.empty()) {
        shown_.clear();
        (void)!::write(fd_, erase_line.data(), erase_line.size());
    }
}

}  // namespace vigil::output
