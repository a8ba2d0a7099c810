// SPDX-License-Identifier: Apache-2.0
#include "agent/agent.h"

#include <fmt/format.h>

#include <utility>
#include <variant>

#include "base/units.h"
#include "host/kernel.h"
#include "rules/parse.h"

namespace vigil::agent {
namespace {

constexpr uint64_t beat_interval_ns = 5 * ns_per_s;
constexpr size_t max_config_error_bytes = 1024;
// Time for pending lines to become durable.
constexpr uint64_t durable_timeout_ns = 2 * ns_per_s;

model::Event loss_event(const SpoolLoss& loss, model::LossStage place) {
    model::Event event;
    event.kind = model::Kind::loss;
    event.boot_ns = boot_now_ns();
    event.unix_ns = unix_now_ns();
    event.body = model::Loss{.kind = std::nullopt,
                             .count = loss.count,
                             .from_unix_ns = loss.from_unix_ns,
                             .to_unix_ns = loss.to_unix_ns,
                             .stage = place};
    return event;
}

std::vector<model::EventSink*> violation_sinks(bool keeps_deaths, deaths::DeathRecorder& recorder,
                                               Agent& agent) {
    return keeps_deaths ? std::vector<model::EventSink*>{&recorder, &agent}
                        : std::vector<model::EventSink*>{&agent};
}

}  // namespace

Agent::Agent(const AgentOptions& options, monitor::EventSources& sources, AgentClient& client)
    : options_(options),
      client_(&client),
      keeps_deaths_(sources.reader() != nullptr),
      json_(format::make_json_formatter(host::host_name(), format::max_journal_line_bytes)),
      rule_cache_(options.state),
      heartbeat_(options.state),
      monitor_(sources.move_sampler(), sources.reader(), options.interval_ns),
      writer_(*this),
      recorder_(monitor_.table(), writer_),
      limits_(monitor_.table(), violation_sinks(keeps_deaths_, recorder_, *this)) {
    // For an exit the limits come first, so that the death record contains their violations.
    if (keeps_deaths_) {
        monitor_.set_observers({&limits_, &recorder_, this});
    } else {
        monitor_.set_observers({&limits_, this});
    }
}

Agent::~Agent() = default;

Result<void> Agent::open() {
    TRY_ASSIGN(inbox_, Inbox::open());
    return {};
}

Result<void> Agent::start(std::vector<Address> servers) {
    SpoolOptions spool;
    spool.directory = options_.state;
    spool.total_bytes = options_.queue_bytes;
    TRY_ASSIGN(spool_, Spool::open(spool));
    TRY(use_cached_rules());
    if (keeps_deaths_) {
        TRY(writer_.open(options_.state, options_.retention));
        monitor_.load_from_proc();
    }
    report_downtime();
    if (!keeps_deaths_) {
        client_->on_agent_message(
            "no deaths are kept: they are known only from events of the kernel");
    }
    ServerClientOptions link = options_.client;
    if (!servers.empty()) {
        link.servers = std::move(servers);
    }
    link.hello.host = host::host_name();
    link.hello.boot_id = host::boot_id();
    TRY_ASSIGN(link_, ServerClient::open(link, *spool_, *inbox_));
    link_->set_status(wire_status());
    return {};
}

// The last valid rules are used until the server sends others.
Result<void> Agent::use_cached_rules() {
    TRY_ASSIGN(const auto cached, rule_cache_.load());
    if (!cached) {
        client_->on_agent_message("no rules yet: waiting for those of the server");
        return {};
    }
    auto rules = rules::parse(cached->rules, "kept rules");
    if (!rules) {
        client_->on_agent_message(rules.error().context + "; waiting for those of the server");
        return {};
    }
    config_hash_ = cached->hash;
    client_->on_agent_message(count_of(rules->size(), "rule") + ", the last from the server");
    limits_.apply(std::move(*rules));
    report_rule_users();
    return {};
}

void Agent::apply(const wire::Config& config) {
    auto rules = rules::parse(config.rules, "the server's rules");
    if (!rules) {
        config_error_ = rules.error().context.substr(0, max_config_error_bytes);
        client_->on_agent_message(config_error_ + "; the rules stay as they were");
    } else {
        config_error_.clear();
        config_hash_ = config.hash;
        client_->on_agent_message(count_of(rules->size(), "rule") + " from the server");
        limits_.apply(std::move(*rules));
        limits_.evaluate_now();
        report_rule_users();
        if (const auto stored = rule_cache_.store(config); !stored) {
            client_->on_agent_message(stored.error().context +
                                      "; the rules apply until this agent ends");
        }
    }
    link_->set_status(wire_status());
}

void Agent::report_rule_users() {
    for (const std::string& message : limits_.pop_messages()) {
        client_->on_agent_message(message);
    }
}

void Agent::on_inbox() {
    for (const AgentMessage& message : inbox_->pop_all()) {
        if (const auto* user = std::get_if<UserMessage>(&message)) {
            client_->on_agent_message(user->text);
        } else if (std::holds_alternative<StopRequest>(message)) {
            client_->on_agent_stop();
        } else if (const auto* config = std::get_if<wire::Config>(&message)) {
            apply(*config);
        } else if (const auto* state = std::get_if<ServerClientState>(&message)) {
            on_link_state(*state);
        } else {
            send(loss_event(std::get<RefusedLines>(message).loss, model::LossStage::refused));
        }
    }
}

void Agent::on_link_state(const ServerClientState& state) {
    if (state.connected && !client_state_.connected) {
        client_->on_agent_message(fmt::format("connected to {}", state.server));
    } else if (!state.connected &&
               (client_state_.connected || state.error != client_state_.error)) {
        client_->on_agent_message(
            fmt::format("no connection to {}: {}; events wait on disk", state.server, state.error));
    }
    client_state_ = state;
}

void Agent::on_second() {
    if (!link_) {
        return;
    }
    spool_->enforce_retention();
    if (keeps_deaths_) {
        writer_.on_second();
    }
    report_spool();
    report_rule_users();
    link_->set_status(wire_status());
    if (boot_now_ns() >= next_beat_ns_) {
        beat_if_durable();
    }
}

void Agent::report_spool() {
    spool_->report_loss([this](const SpoolLoss& loss) {
        std::string line;
        json_->append(line, loss_event(loss, model::LossStage::queue));
        return line;
    });
    if (const uint64_t lost = spool_->lost(); lost != reported_lost_) {
        client_->on_agent_message(
            fmt::format("{} dropped: the queue is full", count_of(lost - reported_lost_, "event")));
        reported_lost_ = lost;
    }
    if (const std::string error = spool_->last_error(); error != spool_error_) {
        client_->on_agent_message(error.empty() ? "the queue is written again" : error);
        spool_error_ = error;
    }
}

// Not while events from before the last beat are only in memory: a kill would lose them, and the
// next start would not report that time.
void Agent::beat_if_durable() {
    const bool first = std::exchange(next_beat_ns_, boot_now_ns() + beat_interval_ns) == 0;
    const bool deaths_durable = !keeps_deaths_ || writer_.is_durable();
    const bool durable =
        spool_->last_error().empty() && spool_->is_durable(beat_sequence_) && deaths_durable;
    beat_sequence_ = spool_->last_sequence();
    // Time without the kernel's events is not watched: no death of it is kept.
    if (!durable || !keeps_deaths_) {
        return;
    }
    if (const auto beaten = heartbeat_.beat(); !beaten && first) {
        client_->on_agent_message(beaten.error().context);
    }
}

void Agent::report_downtime() {
    if (const auto downtime = heartbeat_.downtime()) {
        send(*downtime);
        if (keeps_deaths_) {
            writer_.on_event(*downtime);
            (void)writer_.wait_durable(durable_timeout_ns);
        }
        spool_->wait_durable(durable_timeout_ns);
    }
    // If that event is not durable, the next start must report the same time.
    beat_sequence_ = spool_->last_sequence();
    beat_if_durable();
}

void Agent::send(const model::Event& event) {
    line_.clear();
    json_->append(line_, event);
    (void)spool_->add(line_, event.unix_ns);
}

void Agent::on_loss(const model::Event& event) {
    send(event);
    client_->on_agent_event(event);
}

void Agent::on_event(const model::Event& violation) {
    violations_++;
    send(violation);
    client_->on_agent_event(violation);
}

void Agent::on_death(const model::Event& event, std::string_view line) {
    const model::Death& death = *std::get<const model::Death*>(event.body);
    if (is_forwarded(options_.forwarding, death)) {
        (void)spool_->add(line, event.unix_ns);
    }
    if (death.signal != 0) {
        client_->on_agent_event(event);
    }
}

wire::AgentStatus Agent::wire_status() const {
    wire::AgentStatus status;
    status.config = config_hash_;
    status.config_error = config_error_;
    status.processes = monitor_.table().size();
    status.rules = limits_.engine().rules().size();
    status.raised = limits_.engine().raised();
    status.queued = spool_->queued();
    status.lost = spool_->lost();
    status.cpu_percent = monitor_.own_usage()[model::index(model::Metric::cpu)];
    status.memory_mb = monitor_.own_usage()[model::index(model::Metric::memory)];
    return status;
}

void Agent::flush_to_disk() {
    spool_->wait_durable(durable_timeout_ns);
    if (keeps_deaths_) {
        (void)writer_.wait_durable(durable_timeout_ns);
    }
}

bool Agent::is_sending() const { return link_->state().connected && spool_->queued() > 0; }

void Agent::mark_end() {
    beat_sequence_ = spool_->last_sequence();
    beat_if_durable();
}

}  // namespace vigil::agent
