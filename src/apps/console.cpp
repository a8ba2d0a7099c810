// SPDX-License-Identifier: Apache-2.0
#include "apps/console.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cerrno>
#include <cstdio>

#include "base/say.h"
#include "server/commands.h"

namespace vigil::apps {
namespace {

namespace asio = boost::asio;

constexpr size_t longest_plain_line = 64 << 10;
constexpr int kept_lines = 1000;

// In the background a read from the terminal would stop the program.
bool is_foreground() { return ::tcgetpgrp(STDIN_FILENO) == ::getpgrp(); }

char* prompt(EditLine*) {
    static char text[] = "vigil> ";
    return text;
}

}  // namespace

Console::Console(server::Server& server) : server_(&server), input_(server.hub().io()) {}

Console::~Console() { close(); }

void Console::start() {
    const bool terminal = ::isatty(STDIN_FILENO) == 1;
    if (terminal && (!is_foreground() || !begin_editing())) {
        closed_ = true;
        return;
    }
    boost::system::error_code cannot_wait;
    input_.assign(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3), cannot_wait);
    if (cannot_wait) {
        // A plain file or /dev/null is always ready: all of it at once.
        while (!closed_) {
            read_plain();
        }
        return;
    }
    wait_for_input();
}

// Unbuffered, libedit returns after each key: nobody waits for a person.
bool Console::begin_editing() {
    editor_.reset(::el_init("vigil", stdin, stdout, stderr));
    history_.reset(::history_init());
    if (!editor_ || !history_) {
        return false;
    }
    HistEvent event;
    ::history(history_.get(), &event, H_SETSIZE, kept_lines);
    ::history(history_.get(), &event, H_SETUNIQUE, 1);
    ::el_set(editor_.get(), EL_CLIENTDATA, this);
    ::el_set(editor_.get(), EL_PROMPT, prompt);
    ::el_set(editor_.get(), EL_EDITOR, "emacs");
    ::el_set(editor_.get(), EL_SIGNAL, 0);
    ::el_set(editor_.get(), EL_HIST, ::history, history_.get());
    ::el_set(editor_.get(), EL_ADDFN, "vigil-end", "End of input, or delete", on_end_key);
    ::el_set(editor_.get(), EL_BIND, "^D", "vigil-end", nullptr);
    ::el_set(editor_.get(), EL_UNBUFFERED, 1);
    return true;
}

unsigned char Console::on_end_key(EditLine* editor, int) {
    const LineInfo* line = ::el_line(editor);
    if (line->lastchar > line->buffer) {
        return CC_ERROR;
    }
    Console* console = nullptr;
    ::el_get(editor, EL_CLIENTDATA, &console);
    console->ended_ = true;
    return CC_EOF;
}

void Console::wait_for_input() {
    input_.async_wait(asio::posix::stream_descriptor::wait_read,
                      [this](const boost::system::error_code& error) {
                          if (error || closed_) {
                              return;
                          }
                          if (editor_) {
                              read_key();
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

void Console::read_key() {
    int count = 0;
    const char* text = ::el_gets(editor_.get(), &count);
    if (ended_) {
        close();
        say(stdout, "\n");
        return;
    }
    if (text == nullptr || count <= 0 || (text[count - 1] != '\n' && text[count - 1] != '\r')) {
        return;
    }
    const std::string line(text, static_cast<size_t>(count - 1));
    ::el_set(editor_.get(), EL_UNBUFFERED, 0);
    if (!line.empty()) {
        HistEvent event;
        ::history(history_.get(), &event, H_ENTER, line.c_str());
    }
    execute(line);
    if (!closed_) {
        ::el_set(editor_.get(), EL_UNBUFFERED, 1);
    }
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
        // Above the line that may be typed meanwhile.
        say(stdout, "{}{}", editor_ ? "\r\x1b[K" : "", shown);
        if (editor_) {
            ::el_set(editor_.get(), EL_REFRESH);
        }
    }
}

void Console::say_above(const std::string& text) {
    if (!editor_ || closed_) {
        say(stderr, "vigil: {}\n", text);
        return;
    }
    say(stderr, "\r\x1b[Kvigil: {}\n", text);
    ::el_set(editor_.get(), EL_REFRESH);
}

void Console::close() {
    if (editor_ && !closed_) {
        ::el_set(editor_.get(), EL_UNBUFFERED, 0);
    }
    closed_ = true;
    following_ = false;
    boost::system::error_code ignored;
    input_.close(ignored);
}

}  // namespace vigil::apps
