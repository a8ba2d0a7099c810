// SPDX-License-Identifier: Apache-2.0
#include "server/session.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "base/clock.h"
#include "base/text.h"
#include "server/hub.h"

namespace vigil::server {
namespace {

// While the log takes nothing, an agent hears so often that the server is there: it counts a silent
// one as gone.
constexpr uint64_t patience_ns = ns_per_s;
// While lines keep coming, they are acknowledged so many at a time, or so often.
constexpr uint64_t acknowledged_lines = 2'000;
constexpr uint64_t acknowledged_interval_ns = 50 * ns_per_ms;

// So much is handed to the log in one go.
constexpr size_t batch_bytes = 256 << 10;

}  // namespace

Session::Session(Hub& hub, std::unique_ptr<wire::Stream> stream, std::string address)
    : hub_(&hub),
      stream_(std::move(stream)),
      address_(std::move(address)),
      begun_ns_(boot_now_ns()),
      heard_ns_(begun_ns_),
      taken_ns_(begun_ns_) {}

wire::Awaitable<void> Session::run() {
    const auto self = shared_from_this();
    const auto shaken = co_await stream_->handshake();
    shaken_ = shaken.has_value();
    if (!shaken && !closed_) {
        hub_->stats().count(Fault::tls);
        hub_->notice(fmt::format("{}: no TLS connection: {}", address_, shaken.error().context));
        close();
    } else if (shaken && hub_->sessions().size() > hub_->options().most_connections) {
        refuse(Fault::too_many, fmt::format("there are {} connections, no more at a time",
                                            hub_->options().most_connections));
    }
    while (!closed_) {
        char* const room = lines_.room();
        const size_t room_bytes = lines_.room_bytes();
        const auto count = co_await stream_->read_some(room, room_bytes);
        if (!count || *count == 0) {
            break;
        }
        heard_ns_ = boot_now_ns();
        hub_->stats().bytes += *count;
        // What was refused is read on: closing with bytes unread would take the reason with it.
        if (!ending_) {
            lines_.add(*count);
            const bool goes_on = co_await read_lines();
            if (!goes_on && !ending_) {
                break;
            }
        }
    }
    close();
    hub_->remove(self);
    let_go();
}

// All whole lines that are there. False where the connection has ended.
wire::Awaitable<bool> Session::read_lines() {
    while (const auto line = lines_.next()) {
        const bool fine = handle(*line);
        if (!fine || next_journal_ || hub_->batch().size() >= batch_bytes) {
            const bool taken = co_await take_batch();
            if (!taken || !fine) {
                co_return false;
            }
        }
    }
    // Nothing of this session stays in the hub's batch.
    const bool taken = co_await take_batch();
    if (lines_.is_too_long()) {
        refuse(Fault::long_line, fmt::format("a line is over {} bytes", wire::longest_agent_line));
        co_return false;
    }
    co_return taken;
}

// Hands what was read to the log, however long that takes: meanwhile nothing more is read.
wire::Awaitable<bool> Session::take_batch() {
    if (batch_lines_ > 0) {
        auto place = hub_->append(hub_->batch(), batch_lines_);
        // The hub's memory is for others while this one waits.
        const std::string held = place ? "" : std::exchange(hub_->batch(), {});
        uint64_t told_ns = boot_now_ns();
        while (!place) {
            hub_->stats().waits++;
            co_await hub_->wait_for_log();
            if (closed_ || ending_) {
                co_return false;
            }
            heard_ns_ = boot_now_ns();  // it is us who are slow
            if (heard_ns_ >= told_ns + patience_ns) {
                told_ns = heard_ns_;
                acknowledge();
            }
            place = hub_->append(held, batch_lines_);
        }
        hub_->stats().events += batch_lines_;
        hub_->ledger().appended(*entry_, batch_last_, *place + batch_lines_ - 1);
        hub_->batch().clear();
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

// False where the connection is at its end.
bool Session::handle(std::string_view line) {
    auto message = hub_->parser().from_agent(line);
    if (!message) {
        refuse(Fault::bad_line, message.error().context, hub_->parser().refused_sequence());
        return false;
    }
    if (auto* hello = std::get_if<wire::Hello>(&*message)) {
        return greet(std::move(*hello));
    }
    if (!hello_) {
        refuse(Fault::bad_line, "expected \"hello\" as the first line");
        return false;
    }
    if (const auto* event = std::get_if<wire::EventLine>(&*message)) {
        take(*event);
        return true;
    }
    if (const auto* change = std::get_if<wire::JournalChange>(&*message)) {
        next_journal_.emplace(change->journal, change->next_sequence);
        return true;
    }
    status_ = std::move(std::get<wire::Status>(*message));
    acknowledge();
    return true;
}

bool Session::greet(wire::Hello hello) {
    if (hello_) {
        refuse(Fault::bad_line, "\"hello\" came twice");
        return false;
    }
    if (hello.protocol != wire::protocol_version) {
        refuse(Fault::bad_line, fmt::format("this server speaks version {} of the protocol",
                                            wire::protocol_version));
        return false;
    }
    const auto proved = stream_->peer_name();
    if (proved && *proved != hello.agent) {
        refuse(Fault::wrong_name, fmt::format("the agent says that it is '{}', its certificate "
                                              "is for '{}'",
                                              hello.agent, *proved));
        return false;
    }
    hello_ = std::move(hello);
    status_.config = hello_->config;
    if (!begin_journal(hello_->journal, hello_->next_sequence)) {
        return false;
    }
    // An agent that has come back with it needs not hear it again.
    sent_hash_ = hello_->config;
    send_configuration();
    hub_->notice(
        fmt::format("agent {} on {} from {}", hello_->agent, word(hello_->host), address_));
    return true;
}

bool Session::begin_journal(const std::string& journal, uint64_t next_sequence) {
    let_go();
    journal_ = journal;
    entry_ = &hub_->ledger().use(hello_->agent, journal);
    hub_->owns(*this, *entry_);
    batch_last_ = entry_->appended;
    acknowledged_ = entry_->durable;
    if (entry_->appended == 0 && next_sequence > 0) {
        batch_last_ = next_sequence - 1;  // nothing is missing before its first line
    }
    send(wire::format(wire::Welcome{.journal = journal, .sequence = entry_->durable}));
    return !closed_;
}

void Session::take(const wire::EventLine& event) {
    if (event.sequence <= std::max(batch_last_, entry_->appended)) {
        hub_->stats().duplicates++;
        saw_duplicate_ = true;
        return;
    }
    hub_->stats().missing += event.sequence - batch_last_ - 1;
    wire::append_logged(hub_->batch(), event, hello_->agent, journal_);
    batch_lines_++;
    batch_last_ = event.sequence;
}

void Session::send_configuration() {
    if (!hello_) {
        return;
    }
    const Configuration& configuration = hub_->configurations().for_host(hello_->host);
    if (configuration.hash != sent_hash_) {
        sent_hash_ = configuration.hash;
        send(wire::format(wire::Config{.hash = configuration.hash, .rules = configuration.text}));
    }
}

// A commit holds lines of many agents, some of each: to answer every agent after every commit costs
// more than to read the lines. What is held back here, a later commit brings: something of this
// journal still waits for one.
void Session::durable() {
    const bool all = entry_->marks.empty();
    const bool many = entry_->durable - acknowledged_ >= acknowledged_lines;
    if (all || many || boot_now_ns() - acknowledged_ns_ >= acknowledged_interval_ns) {
        acknowledge();
    }
}

void Session::acknowledge() {
    if (entry_ != nullptr) {
        acknowledged_ = entry_->durable;
        acknowledged_ns_ = boot_now_ns();
        send(wire::format(wire::Ack{.journal = journal_, .sequence = entry_->durable}));
    }
}

void Session::refuse(Fault fault, const std::string& reason, std::optional<uint64_t> sequence) {
    if (closed_ || ending_) {
        return;
    }
    hub_->stats().count(fault);
    hub_->notice(fmt::format("{}{}: refused: {}", address_,
                             hello_ ? fmt::format(" ({})", hello_->agent) : "", reason));
    if (!shaken_) {
        close();  // nobody is there who could be told
        return;
    }
    send(wire::format(wire::Refusal{.reason = reason, .sequence = sequence}));
    ending_ = true;
    ending_ns_ = boot_now_ns();
}

void Session::close() {
    if (!std::exchange(closed_, true)) {
        stream_->close();
    }
}

void Session::check_time(uint64_t now_ns) {
    const Options& options = hub_->options();
    const uint64_t silence_s = hello_ ? options.silence_s : options.greeting_s;
    const uint64_t last_ns = hello_ ? heard_ns_ : begun_ns_;
    if (now_ns > last_ns + silence_s * ns_per_s) {
        refuse(Fault::silent, fmt::format("nothing came for {} s", silence_s));
    }
    const bool stuck = writing_ && now_ns > taken_ns_ + options.silence_s * ns_per_s;
    const bool lingers = ending_ && now_ns > ending_ns_ + 2 * ns_per_s;
    if (stuck && !ending_) {
        close_slow_reader();
    } else if (stuck || lingers) {
        close();
    }
}

void Session::close_slow_reader() {
    hub_->stats().count(Fault::slow_reader);
    hub_->notice(fmt::format("{}: takes nothing of what is sent: closed", address_));
    close();
}

void Session::send(std::string_view line) {
    if (closed_ || ending_) {
        return;
    }
    if (unsent_.size() + line.size() > hub_->options().most_unsent_bytes) {
        close_slow_reader();
        return;
    }
    unsent_ += line;
    if (!std::exchange(writing_, true)) {
        taken_ns_ = boot_now_ns();
        boost::asio::co_spawn(
            hub_->io(), [self = shared_from_this()] { return self->write_out(); },
            boost::asio::detached);
    }
}

wire::Awaitable<void> Session::write_out() {
    const auto self = shared_from_this();
    while (!unsent_.empty() && !closed_) {
        const std::string now = std::exchange(unsent_, {});
        const auto written = co_await stream_->write(now);
        if (!written) {
            close();
        }
        taken_ns_ = boot_now_ns();
    }
    writing_ = false;
    if (ending_ && !closed_) {
        stream_->end_writing();
    }
}

void Session::let_go() {
    if (entry_ != nullptr) {
        hub_->disowns(*this, *entry_);
        entry_ = nullptr;
        hub_->ledger().release(hello_->agent, journal_);
    }
}

}  // namespace vigil::server
