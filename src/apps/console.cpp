// SPDX-License-Identifier: Apache-2.0
#include "apps/console.h"

#include <editline/readline.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "base/say.h"
#include "server/commands.h"

namespace vigil::apps {
namespace {

namespace asio = boost::asio;

constexpr size_t longest_plain_line = 64 << 10;
constexpr const char* prompt = "vigil> ";

// libedit calls back without a word about whom.
Console* current = nullptr;

// In the background a read from the terminal would stop the program.
bool is_foreground_terminal() {
    return ::isatty(STDIN_FILENO) == 1 && ::tcgetpgrp(STDIN_FILENO) == ::getpgrp();
}

}  // namespace

Console::Console(server::Server& server) : server_(&server), input_(server.hub().io()) {
    current = this;
}

Console::~Console() {
    close();
    current = nullptr;
}

void Console::start() {
    terminal_ = is_foreground_terminal();
    if (::isatty(STDIN_FILENO) == 1 && !terminal_) {
        closed_ = true;
        return;
    }
    boost::system::error_code cannot_wait;
    input_.assign(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3), cannot_wait);
    if (terminal_) {
        ::rl_callback_handler_install(prompt, on_line);
        editing_ = true;
    }
    if (cannot_wait) {
        // A plain file or /dev/null is always ready: all of it at once.
        while (!closed_) {
            read_plain();
        }
        return;
    }
    wait_for_input();
}

void Console::wait_for_input() {
    input_.async_wait(asio::posix::stream_descriptor::wait_read,
                      [this](const boost::system::error_code& error) {
                          if (error || closed_) {
                              return;
                          }
                          if (editing_) {
                              ::rl_callback_read_char();
                          } else {
                              read_plain();
                          }
                          if (!closed_) {
                              wait_for_input();
                          }
                      });
}

void Console::read_plain() {
    std::array<char, 4096> bytes{};
    const ssize_t count = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) {
        return;
    }
    if (count <= 0) {
        execute(plain_);
        close();
        return;
    }
    plain_.append(bytes.data(), static_cast<size_t>(count));
    size_t begin = 0;
    for (size_t end = plain_.find('\n'); end != std::string::npos && !closed_;
         end = plain_.find('\n', begin)) {
        execute(std::string_view(plain_).substr(begin, end - begin));
        begin = end + 1;
    }
    plain_.erase(0, begin);
    if (plain_.size() > longest_plain_line) {
        say(stderr, "vigil: a command is longer than {} bytes: the console is closed\n",
            longest_plain_line);
        close();
    }
}

// Null: the end of the input.
void Console::on_line(char* line) {
    Console& console = *current;
    if (line == nullptr) {
        say(stdout, "\n");
        console.close();
        return;
    }
    if (*line != '\0') {
        ::add_history(line);
    }
    console.execute(line);
    std::free(line);
}

void Console::execute(std::string_view line) {
    if (following_) {
        following_ = false;  // any line ends it
        return;
    }
    const server::Reply reply = server::run_command(server_->hub(), line);
    say(reply.failed ? stderr : stdout, "{}", reply.text);
    if (reply.next == server::Reply::Next::quit) {
        close();
        server_->stop();
    } else if (reply.next == server::Reply::Next::follow) {
        following_ = true;
        asio::co_spawn(
            server_->hub().io(), [this] { return follow(); }, asio::detached);
    }
}

wire::Awaitable<void> Console::follow() {
    constexpr size_t part_bytes = 64 << 10;
    server::Hub& hub = server_->hub();
    journal::Reader reader(hub.options().log, hub.log().synced() + 1);
    std::string lines;
    while (following_) {
        lines.clear();
        const auto count = reader.read(lines, part_bytes, hub.log().synced());
        if (!count || *count == 0) {
            co_await hub.wait_for_log();
            continue;
        }
        std::string shown;
        server::append_shown(shown, lines);
        say(stdout, "{}", shown);
    }
}

void Console::say_above(const std::string& text) {
    if (!editing_) {
        say(stderr, "vigil: {}\n", text);
        return;
    }
    say(stderr, "\r\x1b[Kvigil: {}\n", text);
    ::rl_forced_update_display();
}

void Console::close() {
    if (editing_) {
        ::rl_callback_handler_remove();
        editing_ = false;
    }
    closed_ = true;
    following_ = false;
    boost::system::error_code ignored;
    input_.close(ignored);
}

}  // namespace vigil::apps
