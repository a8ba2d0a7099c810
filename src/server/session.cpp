// SPDX-License-Identifier: Apache-2.0
#include "server/session.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "base/clock.h"
#include "base/text.h"
#include "server/session_host.h"

namespace vigil::server {
namespace {

// While the log accepts nothing, the agent receives a message this often: it treats a silent server
// as gone.
constexpr uint64_t keepalive_interval_ns = ns_per_s;
// While lines keep arriving, they are acknowledged after this many lines or this time.
constexpr uint64_t acknowledged_lines = 2'000;
constexpr uint64_t acknowledged_interval_ns = 50 * ns_per_ms;

// Max bytes passed to the log in one call.
constexpr size_t batch_bytes = 256 << 10;

}  // namespace

Session::Session(SessionHost& host, std::unique_ptr<wire::Stream> stream, std::string address)
    : host_(&host),
      stream_(std::move(stream)),
      address_(std::move(address)),
      started_ns_(boot_now_ns()),
      last_received_ns_(started_ns_),
      last_written_ns_(started_ns_) {}

wire::Awaitable<void> Session::run() {
    const auto self = shared_from_this();
    const auto handshake = co_await stream_->handshake();
    tls_ready_ = handshake.has_value();
    if (!handshake && !closed_) {
        host_->on_refused(CloseReason::tls);
        host_->notice(
            fmt::format("{}: no TLS connection: {}", address_, handshake.error().context));
        close();
    } else if (handshake) {
        (void)host_->check_connections(*this);
    }
    while (!closed_) {
        char* const writable = lines_.writable();
        const size_t writable_bytes = lines_.writable_bytes();
        const auto count = co_await stream_->read_some(writable, writable_bytes);
        if (!count || *count == 0) {
            break;
        }
        last_received_ns_ = boot_now_ns();
        host_->on_received(*count);
        // After a refusal continue to read: closing with unread bytes would reset the connection
        // and lose the reason.
        if (!ending_) {
            lines_.add(*count);
            const bool ok = co_await read_lines();
            if (!ok && !ending_) {
                break;
            }
        }
    }
    close();
    host_->on_end(self);
    release_journal();
}

// Handles all complete lines in the buffer. False if the connection has ended.
wire::Awaitable<bool> Session::read_lines() {
    while (const auto line = lines_.next()) {
        const bool ok = handle_line(*line);
        if (!ok || next_journal_ || host_->scratch().batch.size() >= batch_bytes) {
            const bool appended = co_await append_batch();
            if (!appended || !ok) {
                co_return false;
            }
        }
    }
    // Leave no lines of this session in the shared batch.
    const bool appended = co_await append_batch();
    if (lines_.is_too_long()) {
        refuse(CloseReason::long_line,
               fmt::format("a line is over {} bytes", wire::max_agent_line_bytes));
        co_return false;
    }
    co_return appended;
}

// Passes the batch to the log and waits until it is accepted; meanwhile nothing more is read.
wire::Awaitable<bool> Session::append_batch() {
    if (batch_lines_ > 0) {
        std::string& batch = host_->scratch().batch;
        bool appended = host_->append(*entry_, batch, batch_lines_, batch_last_);
        // While this session waits, the shared batch is for other sessions.
        const std::string own_batch = appended ? "" : std::exchange(batch, {});
        batch.clear();
        uint64_t last_ack_ns = boot_now_ns();
        while (!appended) {
            co_await host_->wait_for_log();
            if (closed_ || ending_) {
                co_return false;
            }
            last_received_ns_ = boot_now_ns();  // the delay is ours, not the agent's
            if (last_received_ns_ >= last_ack_ns + keepalive_interval_ns) {
                last_ack_ns = last_received_ns_;
                acknowledge();
            }
            appended = host_->append(*entry_, own_batch, batch_lines_, batch_last_);
        }
        batch_lines_ = 0;
    }
    if (std::exchange(saw_duplicate_, false) && entry_ != nullptr) {
        acknowledge();
    }
    if (const auto next = std::exchange(next_journal_, std::nullopt)) {
        co_return begin_journal(next->first, next->second);
    }
    co_return !closed_;
}

// False if the connection has ended.
bool Session::handle_line(std::string_view line) {
    auto message = host_->scratch().parser.from_agent(line);
    if (!message) {
        refuse(CloseReason::bad_line, message.error().context,
               host_->scratch().parser.refused_sequence());
        return false;
    }
    if (auto* hello = std::get_if<wire::Hello>(&*message)) {
        return on_hello(std::move(*hello));
    }
    if (!hello_) {
        refuse(CloseReason::bad_line, "expected \"hello\" as the first line");
        return false;
    }
    if (const auto* event = std::get_if<wire::EventLine>(&*message)) {
        handle_event(*event);
        return true;
    }
    if (const auto* change = std::get_if<wire::JournalChange>(&*message)) {
        next_journal_.emplace(change->journal, change->next_sequence);
        return true;
    }
    status_ = std::move(std::get<wire::AgentStatus>(*message));
    acknowledge();
    return true;
}

bool Session::on_hello(wire::Hello hello) {
    if (hello_) {
        refuse(CloseReason::bad_line, "\"hello\" came twice");
        return false;
    }
    if (hello.protocol != wire::protocol_version) {
        refuse(CloseReason::bad_line, fmt::format("this server speaks version {} of the protocol",
                                                  wire::protocol_version));
        return false;
    }
    const auto proven_name = stream_->peer_name();
    if (proven_name && *proven_name != hello.agent) {
        refuse(CloseReason::wrong_name, fmt::format("the agent's name is '{}', its certificate "
                                                    "is for '{}'",
                                                    hello.agent, *proven_name));
        return false;
    }
    if (!host_->check_connections(*this)) {
        return false;
    }
    hello_ = std::move(hello);
    status_.config = hello_->config;
    if (!begin_journal(hello_->journal, hello_->next_sequence)) {
        return false;
    }
    // An agent that reconnects with the configuration need not receive it again.
    sent_hash_ = hello_->config;
    send_configuration();
    host_->notice(fmt::format("agent {} on {} from {}", hello_->agent,
                              quote_if_needed(hello_->host), address_));
    return true;
}

bool Session::begin_journal(const std::string& journal, uint64_t next_sequence) {
    send_due_ack();
    release_journal();
    journal_ = journal;
    entry_ = &host_->claim(*this, hello_->agent, journal);
    batch_last_ = entry_->appended;
    acknowledged_ = entry_->durable;
    if (entry_->appended == 0 && next_sequence > 0) {
        // the lines before the journal's first one do not count as missing
        batch_last_ = next_sequence - 1;
    }
    send(wire::format(wire::Welcome{.journal = journal, .sequence = entry_->durable}));
    return !closed_;
}

void Session::handle_event(const wire::EventLine& event) {
    if (event.sequence <= std::max(batch_last_, entry_->appended)) {
        host_->on_duplicate();
        saw_duplicate_ = true;
        return;
    }
    if (event.sequence > batch_last_ + 1) {
        host_->on_missing(event.sequence - batch_last_ - 1);
    }
    wire::append_logged(host_->scratch().batch, event, hello_->agent, journal_);
    batch_lines_++;
    batch_last_ = event.sequence;
}

void Session::send_configuration() {
    if (!hello_) {
        return;
    }
    const Configuration& configuration = host_->configuration_for(hello_->host);
    if (configuration.hash != sent_hash_) {
        sent_hash_ = configuration.hash;
        send(wire::format(wire::Config{.hash = configuration.hash, .rules = configuration.text}));
    }
}

// A commit contains a few lines of each of many agents: to acknowledge to every agent after every
// commit would cost more than to read the lines. A later commit acknowledges what is held back
// here, since lines of this journal are still pending.
void Session::durable() {
    const bool all = entry_->undurable.empty();
    const bool many = entry_->durable - acknowledged_ >= acknowledged_lines;
    if (all || many || boot_now_ns() - acknowledged_ns_ >= acknowledged_interval_ns) {
        acknowledge();
    }
}

void Session::acknowledge() {
    if (entry_ != nullptr) {
        acknowledged_ = entry_->durable;
        acknowledged_ns_ = boot_now_ns();
        // Of an agent that reads slowly, or nothing, only the newest one waits.
        ack_due_ = true;
        if (!writing_) {
            send_due_ack();
        }
    }
}

void Session::send_due_ack() {
    if (std::exchange(ack_due_, false) && entry_ != nullptr) {
        send(wire::format(wire::Ack{.journal = journal_, .sequence = entry_->durable}));
    }
}

void Session::refuse(CloseReason close_reason, const std::string& reason,
                     std::optional<uint64_t> sequence) {
    if (closed_ || ending_) {
        return;
    }
    host_->on_refused(close_reason);
    host_->notice(fmt::format("{}{}: refused: {}", address_,
                              hello_ ? fmt::format(" ({})", hello_->agent) : "", reason));
    if (!tls_ready_) {
        close();  // no message can be sent before TLS is ready
        return;
    }
    send(wire::format(wire::ErrorMessage{.reason = reason, .sequence = sequence}));
    ending_ = true;
    ending_ns_ = boot_now_ns();
}

void Session::close() {
    if (!std::exchange(closed_, true)) {
        stream_->close();
    }
}

void Session::check_time(uint64_t now_ns) {
    const Options& options = host_->options();
    const uint64_t silence_timeout_s =
        hello_ ? options.silence_timeout_s : options.handshake_timeout_s;
    const uint64_t last_ns = hello_ ? last_received_ns_ : started_ns_;
    if (now_ns > last_ns + silence_timeout_s * ns_per_s) {
        refuse(CloseReason::silent,
               fmt::format("nothing was received for {} s", silence_timeout_s));
    }
    const bool stuck = writing_ && now_ns > last_written_ns_ + options.silence_timeout_s * ns_per_s;
    const bool lingers = ending_ && now_ns > ending_ns_ + 2 * ns_per_s;
    if (stuck && !ending_) {
        close_slow_reader();
    } else if (stuck || lingers) {
        close();
    }
}

void Session::close_slow_reader() {
    host_->on_refused(CloseReason::slow_reader);
    host_->notice(fmt::format("{}: does not read what is sent: closed", address_));
    close();
}

void Session::send(std::string_view line) {
    if (closed_ || ending_) {
        return;
    }
    if (unsent_.size() + line.size() > host_->options().max_unsent_bytes) {
        close_slow_reader();
        return;
    }
    unsent_ += line;
    if (!std::exchange(writing_, true)) {
        last_written_ns_ = boot_now_ns();
        boost::asio::co_spawn(
            host_->io(), [self = shared_from_this()] { return self->write_out(); },
            boost::asio::detached);
    }
}

wire::Awaitable<void> Session::write_out() {
    const auto self = shared_from_this();
    while (!closed_) {
        if (unsent_.empty()) {
            send_due_ack();
        }
        if (unsent_.empty()) {
            break;
        }
        const std::string now = std::exchange(unsent_, {});
        const auto written = co_await stream_->write(now);
        if (!written) {
            close();
        }
        last_written_ns_ = boot_now_ns();
    }
    writing_ = false;
    if (ending_ && !closed_) {
        stream_->shutdown_write();
    }
}

void Session::release_journal() {
    if (entry_ != nullptr) {
        host_->release(*this, *std::exchange(entry_, nullptr), hello_->agent, journal_);
    }
}

}  // namespace vigil::server
