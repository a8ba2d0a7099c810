// SPDX-License-Identifier: Apache-2.0
#include "apps/agent_loop.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <utility>

#include "apps/cli.h"
#include "apps/watch_loop.h"
#include "base/file.h"

namespace vigil::apps {
namespace {

// At the end: for what is on its way to the server and to the screen.
constexpr int flush_timeout_ms = 1'000;
constexpr int flush_step_ms = 10;

agent::AgentOptions options_of(const AgentRequest& request) {
    agent::AgentOptions options;
    options.state = request.state;
    options.link.servers = request.servers;
    options.link.tls = request.tls;
    options.link.hello.agent = request.name;
    options.link.hello.version = VIGIL_VERSION;
    options.interval_ns = request.interval_ns;
    options.queue_bytes = request.queue_bytes;
    options.retention = request.keep;
    options.forwarding = request.deaths;
    return options;
}

}  // namespace

AgentLoop::AgentLoop(const AgentRequest& request, monitor::EventSources& sources, bool on_screen)
    : agent_(options_of(request), sources, *this),
      loop_(agent_.monitor(), *this),
      text_(sinks::make_text_sink(true, wants_colour())),
      on_screen_(on_screen),
      words_(STDERR_FILENO) {}

Result<void> AgentLoop::open() {
    TRY(loop_.open());
    TRY(agent_.open());
    if (!loop_.add(agent_.inbox().fd(), EPOLLIN, [this] { agent_.on_inbox(); })) {
        return system_error("preparing", "messages");
    }
    if (on_screen_) {
        screen_.emplace(STDOUT_FILENO, true);
        (void)loop_.add(STDOUT_FILENO, 0, [this] { loop_.stop(); });
    }
    return {};
}

Result<void> AgentLoop::run(std::vector<wire::Address> servers) {
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
    if (screen_ && screen_->has_status()) {
        screen_->set_status(status());
    }
}

void AgentLoop::on_agent_event(const model::Event& event) {
    if (screen_) {
        std::string line;
        text_->append(line, event);
        screen_->add(std::move(line));
    }
}

void AgentLoop::flush() {
    words_.flush();
    if (!screen_ || output_error_) {
        return;
    }
    if (auto shown = screen_->flush(); !shown) {
        output_error_ = Error{ErrorCode::failed, "writing the output: " + shown.error().context};
    }
    if (output_error_ || screen_->closed()) {
        loop_.stop();
    }
}

void AgentLoop::on_message(const std::string& text) {
    if (screen_) {
        screen_->clear_status();
    }
    words_.say(fmt::format("vigil: {}\n", text));
}

std::string AgentLoop::status() const {
    const std::string status = status_of(agent_.monitor(), agent_.limits());
    return agent_.is_connected()
               ? status
               : fmt::format("{}; no server, {} events wait", status, agent_.queued());
}

// What is known is to be on the disk, and if a server is there, at the server.
void AgentLoop::finish() {
    agent_.flush_to_disk();
    for (int ms = 0; ms < flush_timeout_ms; ms += flush_step_ms) {
        flush();
        const bool to_show = screen_ && !screen_->closed() && screen_->waiting() > 0;
        if (!agent_.is_sending() && !to_show) {
            break;
        }
        (void)::poll(nullptr, 0, flush_step_ms);
    }
    agent_.mark_end();
    if (screen_) {
        screen_->clear_status();
    }
}

}  // namespace vigil::apps
