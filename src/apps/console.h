// SPDX-License-Identifier: Apache-2.0
// The server's console: commands from standard input, replies to standard output. On a terminal
// with editing and history, else plain.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "journal/reader.h"
#include "server/server.h"

namespace vigil::apps {

class Console {
 public:
    // The server must outlive it. One at a time.
    explicit Console(server::Server& server);
    ~Console();
    Console(const Console&) = delete;
    Console& operator=(const Console&) = delete;

    // Takes commands from now on, on the server's thread, until the end of the input: that ends
    // the console, not the server.
    void start();

    // Words on standard error, above the line that is being typed.
    void say_above(const std::string& text);

 private:
    static void on_line(char* line);
    void wait_for_input();
    void read_plain();
    void execute(std::string_view line);
    wire::Awaitable<void> follow();
    void close();

    server::Server* server_;
    boost::asio::posix::stream_descriptor input_;
    std::string plain_;  // read and not yet a line
    bool terminal_ = false;
    bool editing_ = false;  // the prompt stands there
    bool following_ = false;
    bool closed_ = false;
};

}  // namespace vigil::apps
