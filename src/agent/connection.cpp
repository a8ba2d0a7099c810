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

constexpr size_t part_bytes = 64 << 10;
constexpr uint64_t greeting_s = 10;  // for TLS and welcome

}  // namespace

Connection::Connection(asio::io_context& io, ConnectionOwner& owner,
                       std::unique_ptr<wire::Stream> stream)
    : io_(&io),
      owner_(&owner),
      stream_(std::move(stream)),
      news_(io, asio::steady_timer::time_point::max()) {}

wire::Awaitable<Result<void>> Connection::run(wire::Hello hello, wire::Status status) {
    heard_ns_ = boot_now_ns();
    const auto shaken = co_await stream_->handshake();
    if (!shaken) {
        end(shaken.error().context);
        co_return Error{ErrorCode::failed, reason_};
    }
    const SpoolPart begin = owner_->spool().begin();
    status_ = std::move(status);
    hello.config = status_.config;
    hello.journal = journal_ = begin.journal;
    hello.next_sequence = begin.first_sequence;
    const std::string first = wire::format(hello);
    const auto greeted = co_await stream_->write(first);
    if (!greeted) {
        end(greeted.error().context);
    }
    asio::co_spawn(
        *io_, [self = shared_from_this()] { return self->send_all(); }, asio::detached);
    while (!closed_) {
        char* const room = lines_.room();
        const size_t room_bytes = lines_.room_bytes();
        const auto count = co_await stream_->read_some(room, room_bytes);
        if (!count || *count == 0) {
            end(count ? "the server closed the connection" : count.error().context);
            break;
        }
        heard_ns_ = boot_now_ns();
        lines_.add(*count);
        while (const auto line = lines_.next()) {
            auto message = parser_.from_server(*line);
            if (!message) {
                end("the server says what is not in the protocol: " + message.error().context);
                break;
            }
            take(std::move(*message));
        }
        if (lines_.is_too_long()) {
            end("the server sends a line that is too long");
        }
    }
    co_return Error{ErrorCode::failed, reason_};
}

void Connection::take(wire::FromServer message) {
    if (const auto* welcome = std::get_if<wire::Welcome>(&message)) {
        owner_->spool().acknowledge(welcome->journal, welcome->sequence);
        if (welcome->journal == journal_ && !welcomed_) {
            welcomed_ = greeted_ = true;
            // Of an earlier journal some may be on their way still: not once more.
            sent_ = std::max(sent_, owner_->spool().acknowledged());
            owner_->on_welcome();
            news_.cancel();
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
        const auto& refusal = std::get<wire::Refusal>(message);
        if (refusal.sequence) {
            owner_->on_refused(*refusal.sequence);
        }
        end("the server refused: " + printable(refusal.reason));
    }
}

void Connection::more() { news_.cancel(); }

void Connection::set_status(const wire::Status& status) {
    tell_status_ = tell_status_ || status.config != status_.config ||
                   status.config_error != status_.config_error;
    status_ = status;
    if (tell_status_) {
        news_.cancel();
    }
}

void Connection::check_time(uint64_t now_ns) {
    const uint64_t patience_s = greeted_ ? wire::longest_silence_s : greeting_s;
    if (now_ns > heard_ns_ + patience_s * ns_per_s) {
        end(fmt::format("the server was silent for {} s", patience_s));
    } else if (welcomed_ && now_ns > told_ns_ + wire::status_interval_s * ns_per_s) {
        tell_status_ = true;
        news_.cancel();
    }
}

void Connection::end(const std::string& reason) {
    if (!std::exchange(closed_, true)) {
        reason_ = reason;
        stream_->close();
    }
    news_.cancel();
}

wire::Awaitable<void> Connection::send_all() {
    const auto self = shared_from_this();
    while (!closed_) {
        if (std::exchange(tell_status_, false)) {
            told_ns_ = boot_now_ns();
            const std::string line = wire::format(status_);
            const auto written = co_await stream_->write(line);
            if (!written) {
                end(written.error().context);
                break;
            }
        }
        const bool sent = co_await send_lines();
        if (!sent && !closed_ && !tell_status_) {
            (void)co_await news_.async_wait(asio::as_tuple(asio::use_awaitable));
        }
    }
}

// The next lines, or the word that they are of another journal. False where there is nothing to
// send now.
wire::Awaitable<bool> Connection::send_lines() {
    if (!welcomed_) {
        co_return false;
    }
    auto part = owner_->spool().next(sent_, part_bytes);
    if (!part) {
        end("the spool can't be read: " + part.error().context);
        co_return false;
    }
    if (!*part) {
        co_return false;
    }
    std::string text;
    if ((*part)->journal != journal_) {
        journal_ = (*part)->journal;
        welcomed_ = false;
        text = wire::format(
            wire::JournalChange{.journal = journal_, .next_sequence = (*part)->first_sequence});
    } else {
        std::string_view rest = (*part)->lines;
        for (uint64_t i = 0; i < (*part)->count; i++) {
            const size_t end = rest.find('\n');
            const uint64_t sequence = (*part)->first_sequence + i;
            if (!owner_->is_refused(sequence)) {
                const size_t before = text.size();
                wire::append_event(text, rest.substr(0, end), sequence);
                // Damaged on the disk: no server takes it.
                if (text.size() - before > wire::longest_agent_line + 1) {
                    text.resize(before);
                    owner_->on_refused(sequence);
                }
            }
            rest.remove_prefix(end + 1);
        }
        sent_ = (*part)->first_sequence + (*part)->count - 1;
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
