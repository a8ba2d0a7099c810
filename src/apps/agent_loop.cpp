// SPDX-License-Identifier: Apache-2.0
#include "apps/agent_loop.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "apps/cli.h"
#include "apps/watch_loop.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "host/kernel.h"
#include "model/death.h"
#include "rules/parse.h"

namespace vigil::apps {
namespace {

constexpr uint64_t mark_interval_ns = 5 * ns_per_s;
constexpr mode_t state_mode = 0600;
constexpr size_t largest_kept_bytes = (1 << 20) + 4096;
// At the end: for what is on its way to the disk and to the server.
constexpr uint64_t settle_ns = 2 * ns_per_s;
constexpr int last_words_ms = 1'000;
constexpr int last_words_step_ms = 10;

model::Event event_of(model::Kind kind) {
    model::Event event;
    event.kind = kind;
    event.boot_ns = boot_now_ns();
    event.unix_ns = unix_now_ns();
    return event;
}

model::Event loss_event(const agent::SpoolLoss& loss, model::LossPlace place) {
    model::Event event = event_of(model::Kind::loss);
    event.body = model::Loss{.kind = std::nullopt,
                             .count = loss.count,
                             .from_unix_ns = loss.from_unix_ns,
                             .to_unix_ns = loss.to_unix_ns,
                             .place = place};
    return event;
}

}  // namespace

MonitorHandlers AgentLoop::handlers() {
    return {.event = [this](const model::Event& event) { tell(event); },
            .hangup =
                [this] {
                    if (on_hangup_) {
                        on_hangup_();
                    }
                },
            .second = [this] { do_each_second(); },
            .round = [this] { flush(); },
            .word = [this](const std::string& text) { say_to_user(text); }};
}

AgentLoop::AgentLoop(const AgentRequest& request, Observation& observation, bool on_screen)
    : request_(request),
      on_screen_(on_screen),
      monitor_(observation, request.interval_ns, handlers()),
      json_(sinks::make_json_sink(host::host_name(), sinks::longest_journal_line)),
      text_(sinks::make_text_sink(true, wants_colour())),
      words_(STDERR_FILENO),
      alive_(request.state),
      deaths_([this](const model::Event& event) { died(event); },
              [this](const std::string& text) { say_to_user(text); }),
      keeps_deaths_(observation.reader() != nullptr) {}

AgentLoop::~AgentLoop() = default;

Result<void> AgentLoop::open() {
    TRY(monitor_.open());
    news_ = Fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!news_ || !monitor_.add(news_.get(), EPOLLIN, [this] { take_news(); })) {
        return system_error("preparing", "news");
    }
    if (on_screen_) {
        screen_.emplace(STDOUT_FILENO, true);
        (void)monitor_.add(STDOUT_FILENO, 0, [this] { monitor_.stop(); });
    }
    return {};
}

Result<void> AgentLoop::run(std::vector<wire::Address> servers) {
    const auto changed = [this] {
        const uint64_t one = 1;
        (void)!::write(news_.get(), &one, sizeof one);
    };
    agent::SpoolOptions spool;
    spool.folder = request_.state;
    spool.total_bytes = request_.queue_bytes;
    TRY_ASSIGN(spool_, agent::Spool::open(spool, changed));
    TRY(use_kept_rules());
    if (keeps_deaths_) {
        TRY(deaths_.open(request_.state, request_.keep));
        monitor_.be_prompt();
        monitor_.watcher().set_follower([this](const model::Event& event) { deaths_.take(event); });
    }
    tell_time_away();
    if (!keeps_deaths_) {
        say_to_user("no deaths are kept: without events of the kernel nobody knows of them");
    }

    agent::LinkOptions link;
    link.servers = servers.empty() ? request_.servers : std::move(servers);
    link.tls = request_.tls;
    link.hello.agent = request_.name;
    link.hello.host = host::host_name();
    link.hello.version = VIGIL_VERSION;
    link.hello.boot_id = host::boot_id();
    TRY_ASSIGN(link_, agent::Link::open(link, *spool_, changed));
    link_->set_status(wire_status());

    TRY(monitor_.run());
    finish();
    return output_error_ ? Result<void>(*output_error_) : Result<void>();
}

// What was last good is used until the server says otherwise. The file: the hash, then the rules,
// a line each.
Result<void> AgentLoop::use_kept_rules() {
    TRY_ASSIGN(const auto text, read_file_if_any(request_.state + "/rules", largest_kept_bytes));
    const size_t end = text ? text->find('\n') : std::string::npos;
    if (end == std::string::npos) {
        say_to_user("no rules yet: the server is to send them");
        return {};
    }
    auto rules = rules::parse(std::string_view(*text).substr(end + 1), "kept rules");
    if (!rules) {
        say_to_user(rules.error().context + "; waiting for those of the server");
        return {};
    }
    config_hash_ = text->substr(0, end);
    say_to_user(fmt::format("{} rules, as the server sent them last", rules->size()));
    monitor_.watcher().apply(std::move(*rules));
    return {};
}

void AgentLoop::take_configuration() {
    auto config = link_->take_config();
    if (!config) {
        return;
    }
    auto rules = rules::parse(config->rules, "the server's rules");
    if (!rules) {
        config_error_ = rules.error().context.substr(0, 1024);
        say_to_user(config_error_ + "; the rules stay as they were");
    } else {
        config_error_.clear();
        config_hash_ = config->hash;
        say_to_user(fmt::format("{} rules from the server", rules->size()));
        monitor_.watcher().apply(std::move(*rules));
        const auto kept = replace_file(request_.state + "/rules",
                                       config->hash + '\n' + config->rules + '\n', state_mode);
        if (!kept) {
            say_to_user(kept.error().context + "; the rules hold until this agent ends");
        }
    }
    link_->set_status(wire_status());
}

void AgentLoop::take_news() {
    uint64_t count = 0;
    (void)!::read(news_.get(), &count, sizeof count);
    std::vector<std::string> words;
    {
        const std::lock_guard lock(mutex_);
        words = std::exchange(posted_, {});
        if (stop_asked_) {
            monitor_.stop();
        }
    }
    for (const std::string& word : words) {
        say_to_user(word);
    }
    if (!link_) {
        return;
    }
    link_->more();
    take_configuration();
    look_at_link();
    if (const auto refused = link_->take_refused()) {
        keep(loss_event(*refused, model::LossPlace::refused));
    }
}

void AgentLoop::look_at_link() {
    agent::LinkState state = link_->state();
    if (state.connected && !link_state_.connected) {
        say_to_user(fmt::format("connected to {}", state.server));
    } else if (!state.connected && (link_state_.connected || state.error != link_state_.error)) {
        say_to_user(
            fmt::format("no connection to {}: {}; events wait on disk", state.server, state.error));
    }
    link_state_ = std::move(state);
}

void AgentLoop::do_each_second() {
    if (!link_) {
        return;
    }
    spool_->keep_bounds();
    if (keeps_deaths_) {
        deaths_.do_each_second();
    }
    spool_->tell_loss([this](const agent::SpoolLoss& loss) {
        std::string line;
        json_->append(line, loss_event(loss, model::LossPlace::queue));
        return line;
    });
    if (const uint64_t lost = spool_->lost(); lost != lost_told_) {
        say_to_user(fmt::format("{} events were dropped: the queue is full", lost - lost_told_));
        lost_told_ = lost;
    }
    if (const std::string trouble = spool_->trouble(); trouble != spool_trouble_) {
        say_to_user(trouble.empty() ? "the queue is written again" : trouble);
        spool_trouble_ = trouble;
    }
    link_->set_status(wire_status());
    if (boot_now_ns() >= next_mark_ns_) {
        mark_alive();
    }
    if (screen_ && screen_->has_status()) {
        screen_->set_status(status());
    }
}

// Not while events of before the last mark wait in memory: a kill would take them, and nobody would
// know.
void AgentLoop::mark_alive() {
    const bool first = std::exchange(next_mark_ns_, boot_now_ns() + mark_interval_ns) == 0;
    const bool deaths_kept = !keeps_deaths_ || deaths_.is_durable();
    const bool kept =
        spool_->trouble().empty() && spool_->is_durable(marked_sequence_) && deaths_kept;
    marked_sequence_ = spool_->last_sequence();
    if (!kept) {
        return;
    }
    if (const auto marked = alive_.set(); !marked && first) {
        say_to_user(marked.error().context);
    }
}

void AgentLoop::tell_time_away() {
    if (const auto away = alive_.time_away()) {
        keep(*away);
        if (keeps_deaths_) {
            deaths_.keep(*away);
            (void)deaths_.settle(settle_ns);
        }
        spool_->settle(settle_ns);
    }
    // Where that event is not on the disk, the next start is to tell of the same time.
    marked_sequence_ = spool_->last_sequence();
    mark_alive();
}

void AgentLoop::keep(const model::Event& event) {
    std::string line;
    json_->append(line, event);
    (void)spool_->add(line, event.unix_ns);
}

void AgentLoop::tell(const model::Event& event) {
    told_ += event.kind == model::Kind::violation ? 1 : 0;
    if (keeps_deaths_ && event.kind == model::Kind::violation) {
        deaths_.take(event);
    }
    keep(event);
    show(event);
}

void AgentLoop::died(const model::Event& event) {
    const model::Death& death = *std::get<const model::Death*>(event.body);
    if (is_sent(request_.deaths, death)) {
        keep(event);
    }
    if (death.signal != 0) {
        show(event);
    }
}

void AgentLoop::show(const model::Event& event) {
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
        monitor_.stop();
    }
}

void AgentLoop::say_to_user(const std::string& text) {
    if (screen_) {
        screen_->clear_status();
    }
    words_.say(fmt::format("vigil: {}\n", text));
}

void AgentLoop::post_word(const std::string& text) {
    {
        const std::lock_guard lock(mutex_);
        posted_.push_back(text);
    }
    const uint64_t one = 1;
    (void)!::write(news_.get(), &one, sizeof one);
}

void AgentLoop::post_stop() {
    {
        const std::lock_guard lock(mutex_);
        stop_asked_ = true;
    }
    const uint64_t one = 1;
    (void)!::write(news_.get(), &one, sizeof one);
}

std::string AgentLoop::status() const {
    const std::string status = status_of(monitor_.watcher());
    return link_state_.connected
               ? status
               : fmt::format("{}; no server, {} events wait", status, spool_->queued());
}

wire::Status AgentLoop::wire_status() const {
    const agent::Watcher& watcher = monitor_.watcher();
    wire::Status status;
    status.config = config_hash_;
    status.config_error = config_error_;
    status.processes = watcher.processes();
    status.rules = watcher.engine().rules().size();
    status.raised = watcher.engine().raised();
    status.queued = spool_->queued();
    status.lost = spool_->lost();
    status.cpu_percent = watcher.own_usage()[model::index(model::Metric::cpu)];
    status.memory_mb = watcher.own_usage()[model::index(model::Metric::memory)];
    return status;
}

// What is known is to be on the disk, and if a server is there, with it.
void AgentLoop::finish() {
    spool_->settle(settle_ns);
    if (keeps_deaths_) {
        (void)deaths_.settle(settle_ns);
    }
    link_->more();
    for (int ms = 0; ms < last_words_ms; ms += last_words_step_ms) {
        flush();
        const bool to_send = link_->state().connected && spool_->queued() > 0;
        const bool to_show = screen_ && !screen_->closed() && screen_->waiting() > 0;
        if (!to_send && !to_show) {
            break;
        }
        (void)::poll(nullptr, 0, last_words_step_ms);
    }
    marked_sequence_ = spool_->last_sequence();
    mark_alive();
    if (screen_) {
        screen_->clear_status();
    }
}

}  // namespace vigil::apps
