// SPDX-License-Identifier: Apache-2.0
// The server's console: commands from standard input, replies to standard output. With editing and
// history on a terminal. It runs on the server's thread, so it never blocks.
#pragma once

#include <histedit.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "output/message_queue.h"
#include "server/server.h"
#include "wire/stream.h"

namespace vigil::commands {

class Console {
 public:
    // The server must outlive the console.
    explicit Console(server::Server& server);
    ~Console();
    Console(const Console&) = delete;
    Console& operator=(const Console&) = delete;

    // Starts to read commands, on the server's thread, until end of file; that ends the console,
    // not the server.
    void start();

    // Prints a message on standard error, above the line being edited.
    void print_above(const std::string& text);

 private:
    struct CloseFile {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    struct EndEditor {
        void operator()(EditLine* editor) const { ::el_end(editor); }
    };
    struct EndHistory {
        void operator()(History* history) const { ::history_end(history); }
    };

    static unsigned char on_end_key(EditLine* editor, int key);
    static int read_character(EditLine* editor, wchar_t* character);
    bool begin_editing();
    void wait_for_input();
    void wait_for_foreground();
    void on_continued();
    void on_input();
    void read_key();
    void read_lines();
    void execute(std::string_view line);
    wire::Awaitable<void> follow(uint64_t number);
    void write(output::MessageQueue& queue, std::string text);
    void flush();
    bool is_editing() const { return editor_ && !closed_ && !in_background_; }
    void close();

    server::Server* server_;
    boost::asio::posix::stream_descriptor input_;
    std::string input_buffer_;  // an incomplete line
    output::MessageQueue output_;
    output::MessageQueue errors_;
    boost::asio::steady_timer flush_timer_;
    bool flushing_ = false;

    std::unique_ptr<std::FILE, CloseFile> terminal_;  // what the editor writes to
    Fd keys_;              // the terminal, opened again: a read of it never waits
    std::string bytes_;    // of a character that is not whole yet
    bool in_key_ = false;  // something of the key was read
    boost::asio::steady_timer foreground_timer_;
    boost::asio::signal_set continued_;
    bool in_background_ = false;  // the terminal is another program's: it is left alone
    std::unique_ptr<History, EndHistory> history_;
    std::unique_ptr<EditLine, EndEditor> editor_;  // only on a terminal
    bool ended_ = false;                           // ended by its user
    uint64_t following_ = 0;                       // number of the running `follow`; 0: none
    uint64_t follow_count_ = 0;
    bool closed_ = false;
};

}  // namespace vigil::commands
