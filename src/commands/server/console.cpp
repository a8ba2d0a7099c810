// SPDX-License-Identifier: Apache-2.0
#include "commands/server/console.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cwchar>
#include <utility>

#include "server/commands.h"
#include "server/log_tail.h"
#include "server/server_state.h"

namespace vigil::commands {
namespace {

namespace asio = boost::asio;

constexpr size_t max_input_line_bytes = 64 << 10;
constexpr int history_lines = 1000;
constexpr auto flush_interval = std::chrono::milliseconds(20);
constexpr int key_rest_ms = 20;
constexpr auto foreground_interval = std::chrono::milliseconds(250);

// In the background, reading from the terminal would stop the program (SIGTTIN).
bool is_foreground() { return ::tcgetpgrp(STDIN_FILENO) == ::getpgrp(); }

// The terminal is gone: end of file without a key.
bool has_hung_up() {
    pollfd poll{STDIN_FILENO, POLLIN, 0};
    return ::poll(&poll, 1, 0) > 0 && (poll.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

// How many bytes a UTF-8 character has that begins with this one.
size_t character_bytes(unsigned char first) {
    return first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

char* prompt(EditLine*) {
    static char text[] = "vigil> ";
    return text;
}

}  // namespace

Console::Console(server::Server& server)
    : server_(&server),
      input_(server.state().io()),
      output_(STDOUT_FILENO),
      errors_(STDERR_FILENO),
      flush_timer_(server.state().io()),
      foreground_timer_(server.state().io()),
      continued_(server.state().io()) {}

Console::~Console() {
    close();
    if (in_background_) {
        // Their ends would set the modes of a terminal that another program is using.
        (void)editor_.release();
        (void)terminal_.release();
    }
}

void Console::start() {
    const bool terminal = ::isatty(STDIN_FILENO) == 1;
    if (terminal && (!is_foreground() || !begin_editing())) {
        closed_ = true;
        return;
    }
    boost::system::error_code error;
    input_.assign(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3), error);
    if (error) {
        close();  // standard input was closed when the program started
        return;
    }
    if (editor_) {
        on_continued();
    }
    wait_for_input();
}

// After SIGCONT the shell has set the terminal's modes: they are set again if it is ours.
void Console::on_continued() {
    continued_.add(SIGCONT);
    continued_.async_wait([this](const boost::system::error_code& error, int) {
        if (error || closed_) {
            return;
        }
        if (is_foreground() && !in_background_) {
            ::el_set(editor_.get(), EL_UNBUFFERED, 0);
            ::el_set(editor_.get(), EL_UNBUFFERED, 1);
        }
        on_continued();
    });
}

// Its keys are not ours meanwhile, and to wait for them would return at once, again and again.
void Console::wait_for_foreground() {
    in_background_ = true;
    foreground_timer_.expires_after(foreground_interval);
    foreground_timer_.async_wait([this](const boost::system::error_code& error) {
        if (error || closed_) {
            return;
        }
        if (has_hung_up()) {
            close();
            return;
        }
        if (!is_foreground()) {
            wait_for_foreground();
            return;
        }
        in_background_ = false;
        ::el_set(editor_.get(), EL_UNBUFFERED, 0);
        ::el_set(editor_.get(), EL_UNBUFFERED, 1);
        wait_for_input();
    });
}

// Unbuffered, libedit returns after each key. Output to a stopped terminal is lost rather than
// waited for.
bool Console::begin_editing() {
    Fd unblocked = output::reopen_nonblocking(STDOUT_FILENO);
    keys_ = Fd(::open("/proc/self/fd/0", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!unblocked || !keys_) {
        return false;  // standard output is not a terminal
    }
    terminal_.reset(::fdopen(unblocked.release(), "w"));
    editor_.reset(::el_init("vigil", stdin, terminal_.get(), terminal_.get()));
    history_.reset(::history_init());
    if (!editor_ || !history_) {
        return false;
    }
    HistEvent event;
    ::history(history_.get(), &event, H_SETSIZE, history_lines);
    ::history(history_.get(), &event, H_SETUNIQUE, 1);
    ::el_set(editor_.get(), EL_CLIENTDATA, this);
    ::el_set(editor_.get(), EL_PROMPT, prompt);
    ::el_set(editor_.get(), EL_GETCFN, read_character);
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

// The next character, if it is there: 1, else 0. The shell may have taken what made the terminal
// readable, or set it to whole lines.
int Console::read_character(EditLine* editor, wchar_t* character) {
    Console* console = nullptr;
    ::el_get(editor, EL_CLIENTDATA, &console);
    std::string& bytes = console->bytes_;
    while (bytes.empty() || bytes.size() < character_bytes(static_cast<unsigned char>(bytes[0]))) {
        char byte = 0;
        // Inside a key (an arrow is three bytes) the rest is waited for, for a moment.
        pollfd poll{console->keys_.get(), POLLIN, 0};
        (void)::poll(&poll, 1, std::exchange(console->in_key_, true) ? key_rest_ms : 0);
        if (::read(console->keys_.get(), &byte, 1) != 1) {
            return 0;
        }
        bytes += byte;
    }
    wchar_t decoded = 0;
    std::mbstate_t state{};
    const size_t size = std::mbrtowc(&decoded, bytes.data(), bytes.size(), &state);
    *character = size == 0 || size > bytes.size()
                     ? static_cast<wchar_t>(static_cast<unsigned char>(bytes[0]))
                     : decoded;
    bytes.clear();
    return 1;
}

void Console::wait_for_input() {
    input_.async_wait(asio::posix::stream_descriptor::wait_read,
                      [this](const boost::system::error_code& error) {
                          if (error == asio::error::operation_not_supported) {
                              // A regular file or /dev/null is always readable: read it completely.
                              while (!closed_) {
                                  read_lines();
                              }
                          }
                          if (error || closed_) {
                              return;
                          }
                          on_input();
                          if (closed_) {
                              return;
                          }
                          if (editor_ && !is_foreground()) {
                              wait_for_foreground();
                          } else {
                              wait_for_input();
                          }
                      });
}

void Console::on_input() {
    if (!editor_) {
        read_lines();
    } else if (has_hung_up()) {
        close();
    } else if (is_foreground()) {
        read_key();
    }
}

void Console::read_key() {
    int count = 0;
    in_key_ = false;
    const char* text = ::el_gets(editor_.get(), &count);
    if (ended_) {
        close();
        write(output_, "\n");
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

void Console::read_lines() {
    std::array<char, 4096> bytes{};
    const ssize_t count = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) {
        return;
    }
    if (count <= 0) {
        execute(std::exchange(input_buffer_, {}));
        close();
        return;
    }
    input_buffer_.append(bytes.data(), static_cast<size_t>(count));
    size_t begin = 0;
    for (size_t end = input_buffer_.find('\n'); end != std::string::npos && !closed_;
         end = input_buffer_.find('\n', begin)) {
        execute(std::string_view(input_buffer_).substr(begin, end - begin));
        begin = end + 1;
    }
    input_buffer_.erase(0, begin);
    if (input_buffer_.size() > max_input_line_bytes) {
        write(errors_,
              fmt::format("vigil: a command is longer than {} bytes: the console is closed\n",
                          max_input_line_bytes));
        close();
    }
}

void Console::execute(std::string_view line) {
    if (following_ != 0) {
        following_ = 0;  // any line ends `follow`
        return;
    }
    server::Reply reply = server::run_command(server_->state(), line);
    write(reply.failed ? errors_ : output_, std::move(reply.text));
    if (reply.next == server::Reply::Next::quit) {
        close();
        server_->stop();
    } else if (reply.next == server::Reply::Next::follow) {
        following_ = ++follow_count_;
        asio::co_spawn(
            server_->state().io(), [this] { return follow(following_); }, asio::detached);
    }
}

// Lines are read from the log only as fast as the console's reader accepts them.
wire::Awaitable<void> Console::follow(uint64_t number) {
    server::LogTail tail(server_->state());
    while (following_ == number) {
        const std::string lines = output_.waiting() > 0 ? "" : tail.next();
        if (lines.empty()) {
            co_await server_->state().wait_for_log();
            continue;
        }
        // Print above the line being edited.
        write(output_, (is_editing() ? "\r\x1b[K" : "") + lines);
        if (is_editing()) {
            ::el_set(editor_.get(), EL_REFRESH);
        }
    }
}

void Console::write(output::MessageQueue& queue, std::string text) {
    if (!text.empty()) {
        queue.add(std::move(text));
        flush();
    }
}

// Retries while output is pending.
void Console::flush() {
    output_.flush();
    errors_.flush();
    if ((output_.waiting() > 0 || errors_.waiting() > 0) && !std::exchange(flushing_, true)) {
        flush_timer_.expires_after(flush_interval);
        flush_timer_.async_wait([this](const boost::system::error_code& error) {
            flushing_ = false;
            if (!error) {
                flush();
            }
        });
    }
}

void Console::print_above(const std::string& text) {
    write(errors_, fmt::format("{}vigil: {}\n", is_editing() ? "\r\x1b[K" : "", text));
    if (is_editing()) {
        ::el_set(editor_.get(), EL_REFRESH);
    }
}

void Console::close() {
    if (is_editing()) {
        ::el_set(editor_.get(), EL_UNBUFFERED, 0);
    }
    closed_ = true;
    following_ = 0;
    foreground_timer_.cancel();
    boost::system::error_code ignored;
    continued_.cancel(ignored);
    input_.close(ignored);
}

}  // namespace vigil::commands
