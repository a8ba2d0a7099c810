// SPDX-License-Identifier: Apache-2.0
// The server's console: commands from standard input, replies to standard output. On a terminal
// with editing and history, else plain.
#pragma once

#include <histedit.h>

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
    struct EndEditor {
        void operator()(EditLine* editor) const { ::el_end(editor); }
    };
    struct EndHistory {
        void operator()(History* history) const { ::history_end(history); }
    };

    static unsigned char on_end_key(EditLine* editor, int key);
    bool begin_editing();
    void wait_for_input();
    void read_key();
    void read_plain();
    void execute(std::string_view line);
    wire::Awaitable<void> follow();
    void close();

    server::Server* server_;
    boost::asio::posix::stream_descriptor input_;
    std::string plain_;  // read and not yet a line
    std::unique_ptr<History, EndHistory> history_;
    std::unique_ptr<EditLine, EndEditor> editor_;  // on a terminal
    bool ended_ = false;                           // by its user
    bool following_ = false;
    bool closed_ = false;
};

}  // namespace vigil::apps
