// SPDX-License-Identifier: Apache-2.0
#include "agent/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "base/clock.h"
#include "base/text.h"

namespace vigil::agent {
namespace {

namespace asio = boost::asio;

constexpr size_t batch_bytes = 64 << 10;
constexpr uint64_t handshake_timeout_s = 10;  // until TLS and welcome are done

}  // namespace

Connection::Connection(asio::io_context& io, ConnectionOwner& owner,
                       std::unique_ptr<wire::Stream> stream)
    : io_(&io),
      owner_(&owner),
      stream_(std::move(stream)),
      wakeup_(io, asio::steady_timer::time_point::max()) {}

wire::Awaitable<Result<void>> Connection::run(wire::Hello hello, wire::AgentStatus status) {
    last_received_ns_ = boot_now_ns();
    const auto handshake = co_await stream_->handshake();
    if (!handshake) {
        end(handshake.error().context);
        co_return Error{ErrorCode::failed, reason_};
    }
    const SpoolBatch begin = owner_->spool().begin();
    status_ = std::move(status);
    hello.config = status_.config;
    hello.journal = journal_ = begin.journal;
    hello.next_sequence = begin.first_sequence;
    const std::string first = wire::format(hello);
    const auto hello_written = co_await stream_->write(first);
    if (!hello_written) {
        end(hello_written.error().context);
    }
    asio::co_spawn(
        *io_, [self = shared_from_this()] { return self->send_all(); }, asio::detached);
    while (!closed_) {
        char* const writable = lines_.writable();
        const size_t writable_bytes = lines_.writable_bytes();
        const auto count = co_await stream_->read_some(writable, writable_bytes);
        if (!count || *count == 0) {
            end(count ? "the server closed the connection" : count.error().context);
            break;
        }
        last_received_ns_ = boot_now_ns();
        lines_.add(*count);
        while (const auto line = lines_.next()) {
            auto message = parser_.from_server(*line);
            if (!message) {
                end("the server sent an invalid message: " + message.error().context);
                break;
            }
            handle(std::move(*message));
        }
        if (lines_.is_too_long()) {
            end("the server sent a line that is too long");
        }
    }
    co_return Error{ErrorCode::failed, reason_};
}

void Connection::handle(wire::FromServer message) {
    if (const auto* welcome = std::get_if<wire::Welcome>(&message)) {
        owner_->spool().acknowledge(welcome->journal, welcome->sequence);
        if (welcome->journal == journal_ && !welcomed_) {
            welcomed_ = handshake_done_ = true;
            // Lines of an earlier journal may still be in flight: do not send them again.
            sent_ = std::max(sent_, owner_->spool().acknowledged());
            owner_->on_welcome();
            wakeup_.cancel();
        }
    } else if (const auto* ack = std::get_if<wire::Ack>(&message)) {
        const uint64_t before = owner_->spool().acknowledged();
        owner_->spool().acknowledge(ack->journal, ack->sequence);
        if (owner_->spool().acknowledged() > before) {
            owner_->on_progress();
        }
    } else if (auto* config = std::get_if<wire::Config>(&message)) {
        owner_->on_config(std::move(*config));
    } else {
        const auto& error_message = std::get<wire::ErrorMessage>(message);
        if (error_message.sequence) {
            owner_->on_refused(*error_message.sequence);
        }
        end("the server refused: " + escape_terminal(error_message.reason));
    }
}

void Connection::notify_new_lines() { wakeup_.cancel(); }

void Connection::set_status(const wire::AgentStatus& status) {
    status_due_ = status_due_ || status.config != status_.config ||
                  status.config_error != status_.config_error;
    status_ = status;
    if (status_due_) {
        wakeup_.cancel();
    }
}

void Connection::check_time(uint64_t now_ns) {
    const uint64_t timeout_s = handshake_done_ ? wire::max_silence_s : handshake_timeout_s;
    if (now_ns > last_received_ns_ + timeout_s * ns_per_s) {
        end(fmt::format("the server was silent for {} s", timeout_s));
    } else if (welcomed_ && now_ns > status_sent_ns_ + wire::status_interval_s * ns_per_s) {
        status_due_ = true;
        wakeup_.cancel();
    }
}

void Connection::end(const std::string& reason) {
    if (!std::exchange(closed_, true)) {
        reason_ = reason;
        stream_->close();
    }
    wakeup_.cancel();
}

wire::Awaitable<void> Connection::send_all() {
    const auto self = shared_from_this();
    while (!closed_) {
        if (std::exchange(status_due_, false)) {
            status_sent_ns_ = boot_now_ns();
            const std::string line = wire::format(status_);
            const auto written = co_await stream_->write(line);
            if (!written) {
                end(written.error().context);
                break;
            }
        }
        const bool sent = co_await send_lines();
        if (!sent && !closed_ && !status_due_) {
            (void)co_await wakeup_.async_wait(asio::as_tuple(asio::use_awaitable));
        }
    }
}

// Sends the next lines, or the message that they belong to another journal. False if there is
// nothing to send.
wire::Awaitable<bool> Connection::send_lines() {
    if (!welcomed_) {
        co_return false;
    }
    auto batch = owner_->spool().next(sent_, batch_bytes);
    if (!batch) {
        end("the spool can't be read: " + batch.error().context);
        co_return false;
    }
    if (!*batch) {
        co_return false;
    }
    std::string text;
    if ((*batch)->journal != journal_) {
        journal_ = (*batch)->journal;
        welcomed_ = false;
        text = wire::format(
            wire::JournalChange{.journal = journal_, .next_sequence = (*batch)->first_sequence});
    } else {
        std::string_view rest = (*batch)->lines;
        for (uint64_t i = 0; i < (*batch)->count; i++) {
            const size_t end = rest.find('\n');
            const uint64_t sequence = (*batch)->first_sequence + i;
            if (!owner_->is_refused(sequence)) {
                const size_t before = text.size();
                wire::append_event(text, rest.substr(0, end), sequence);
                // The line is damaged on disk: no server accepts it.
                if (text.size() - before > wire::max_agent_line_bytes + 1) {
                    text.resize(before);
                    owner_->on_refused(sequence);
                }
            }
            rest.remove_prefix(end + 1);
        }
        sent_ = (*batch)->first_sequence + (*batch)->count - 1;
    }
    if (text.empty()) {
        co_return true;
    }
    const auto written = co_await stream_->write(text);
    if (!written) {
        end(written.error().context);
    }
    co_return written.has_value();
}

}  // namespace vigil::agent
