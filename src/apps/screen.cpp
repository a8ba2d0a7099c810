// SPDX-License-Identifier: Apache-2.0
#include "apps/screen.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <utility>

namespace vigil::apps {
namespace {

constexpr std::string_view erase_line = "\r\x1b[K";
constexpr size_t usual_columns = 80;

size_t columns_of(int fd) {
    winsize size{};
    return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : usual_columns;
}

// Bytes are columns: what is shown here is ASCII.
std::string cut(const std::string& text, size_t columns) { return text.substr(0, columns - 1); }

}  // namespace

Screen::Screen(int fd, bool with_status)
    : fd_(fd), with_status_(with_status && ::isatty(fd) == 1), lines_(fd) {}

void Screen::add(std::string line) {
    if (!shown_.empty()) {
        shown_.clear();
        line.insert(0, erase_line);
    }
    lines_.add(std::move(line));
}

void Screen::set_status(std::string status) { status_ = std::move(status); }

Result<void> Screen::flush() {
    TRY(lines_.flush());
    if (!with_status_ || !lines_.empty() || lines_.closed()) {
        return {};
    }
    const std::string wanted = cut(status_, columns_of(fd_));
    pollfd poll{fd_, POLLOUT, 0};
    if (wanted != shown_ && ::poll(&poll, 1, 0) > 0) {
        const std::string text = std::string(erase_line) + wanted;
        // If it can't be shown, the next one may.
        if (::write(fd_, text.data(), text.size()) == static_cast<ssize_t>(text.size())) {
            shown_ = wanted;
        }
    }
    return {};
}

void Screen::clear_status() {
    if (!shown_.empty()) {
        shown_.clear();
        (void)!::write(fd_, erase_line.data(), erase_line.size());
    }
}

}  // namespace vigil::apps
