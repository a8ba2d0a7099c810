// SPDX-License-Identifier: Apache-2.0
#include "commands/agent/agent_loop.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <utility>

#include "base/file.h"
#include "base/units.h"
#include "cli/cli.h"
#include "commands/watch/watch_loop.h"
#include "output/color.h"
#include "output/final_flush.h"

namespace vigil::commands {
namespace {

agent::AgentOptions options_of(const AgentRequest& request) {
    agent::AgentOptions options;
    options.state = request.state;
    options.client.servers = request.servers;
    options.client.tls = request.tls;
    options.client.hello.agent = request.name;
    options.client.hello.version = VIGIL_VERSION;
    options.interval_ns = request.interval_ns;
    options.queue_bytes = request.queue_bytes;
    options.retention = request.retention;
    options.forwarding = request.death_forwarding;
    return options;
}

}  // namespace

AgentLoop::AgentLoop(const AgentRequest& request, monitor::EventSources& sources, bool on_screen)
    : agent_(options_of(request), sources, *this),
      loop_(agent_.monitor(), *this),
      text_(format::make_text_formatter(true, output::wants_color())),
      on_screen_(on_screen),
      messages_(STDERR_FILENO) {}

Result<void> AgentLoop::open() {
    TRY(loop_.open());
    TRY(agent_.open());
    if (!loop_.add(agent_.inbox().fd(), EPOLLIN, [this] { agent_.on_inbox(); })) {
        return system_error("preparing", "messages");
    }
    if (on_screen_) {
        terminal_.emplace(STDOUT_FILENO, true);
        (void)loop_.add(STDOUT_FILENO, 0, [this] { loop_.stop(); });
    }
    return {};
}

Result<void> AgentLoop::run(std::vector<Address> servers) {
    if (agent_.keeps_deaths()) {
        loop_.set_low_latency();
    }
    TRY(agent_.start(std::move(servers)));
    TRY(loop_.run());
    finish();
    return output_error_ ? Result<void>(*output_error_) : Result<void>();
}

void AgentLoop::on_hangup() {
    if (hangup_) {
        hangup_();
    }
}

void AgentLoop::on_second() {
    agent_.on_second();
    if (terminal_ && terminal_->has_status()) {
        terminal_->set_status(status());
    }
}

void AgentLoop::on_agent_event(const model::Event& event) {
    if (terminal_) {
        std::string line;
        text_->append(line, event);
        terminal_->add(std::move(line));
    }
}

void AgentLoop::flush() {
    messages_.flush();
    if (!terminal_ || output_error_) {
        return;
    }
    if (auto flushed = terminal_->flush(); !flushed) {
        output_error_ = Error{ErrorCode::failed, "writing the output: " + flushed.error().context};
    }
    if (output_error_ || terminal_->closed()) {
        loop_.stop();
    }
}

void AgentLoop::on_message(const std::string& text) {
    if (terminal_) {
        terminal_->clear_status();
    }
    messages_.add(fmt::format("vigil: {}\n", text));
}

std::string AgentLoop::status() const {
    const std::string status = status_of(agent_.monitor(), agent_.limits());
    return agent_.is_connected() ? status
                                 : fmt::format("{}; no server, {} queued", status,
                                               count_of(agent_.queued(), "event"));
}

// Makes pending lines durable and, with a connection, sends them to the server.
void AgentLoop::finish() {
    agent_.flush_to_disk();
    output::final_flush([this] {
        flush();
        const bool to_show = terminal_ && !terminal_->closed() && terminal_->waiting() > 0;
        return agent_.is_sending() || to_show;
    });
    agent_.mark_end();
    if (terminal_) {
        terminal_->clear_status();
    }
}

}  // namespace vigil::commands
