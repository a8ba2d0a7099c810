// SPDX-License-Identifier: Apache-2.0
#include "server/commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/text.h"
#include "base/units.h"
#include "journal/tail.h"
#include "model/sample.h"
#include "rules/format.h"
#include "rules/parse.h"
#include "server/log_escape.h"
#include "server/server_state.h"

namespace vigil::server {
namespace {

using Tokens = std::vector<std::string>;

constexpr uint64_t max_events = 10'000;
constexpr uint64_t default_events = 10;

Reply done(std::string text) { return {false, std::move(text), Reply::Next::nothing}; }
Reply failed(std::string text) { return {true, std::move(text) + '\n', Reply::Next::nothing}; }

// Tokens are separated by spaces; double or single quotes group one.
std::optional<Tokens> split(std::string_view line) {
    Tokens tokens;
    bool inside = false;
    char quote = 0;
    for (const char c : line) {
        if (quote != 0 ? c == quote : c == '"' || c == '\'') {
            quote = quote != 0 ? '\0' : c;
            if (!std::exchange(inside, true)) {
                tokens.emplace_back();
            }
        } else if (quote == 0 && (c == ' ' || c == '\t' || c == '\r')) {
            inside = false;
        } else {
            if (!std::exchange(inside, true)) {
                tokens.emplace_back();
            }
            tokens.back() += c;
        }
    }
    return quote == 0 ? std::optional(tokens) : std::nullopt;
}

std::string ago(uint64_t since_ns) {
    const uint64_t seconds = (boot_now_ns() - std::min(boot_now_ns(), since_ns)) / ns_per_s;
    return seconds < 120    ? fmt::format("{} s", seconds)
           : seconds < 7200 ? fmt::format("{} min", seconds / 60)
                            : fmt::format("{} h", seconds / 3600);
}

// The start of a hash is enough to compare.
std::string short_hash(std::string_view hash) { return std::string(hash.substr(0, 12)); }

std::string text_after(std::string_view line, size_t tokens) {
    for (; tokens > 0; tokens--) {
        line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
        line.remove_prefix(std::min(line.find_first_of(" \t"), line.size()));
    }
    return std::string(line);
}

std::string pushed(ServerState& state, const std::string& what) {
    const size_t count = state.push_configurations();
    return fmt::format("{}: {}, hash {}, sent to {}\n", what,
                       count_of(state.configurations().common().rules.size(), "rule"),
                       short_hash(state.configurations().common().hash), count_of(count, "agent"));
}

Reply config_show(ServerState& state, const Tokens& tokens) {
    const Configurations& all = state.configurations();
    const Configuration& one = tokens.size() > 2 ? all.for_host(tokens[2]) : all.common();
    std::string text = fmt::format("# {}{}: {} for {}, hash {}\n", quote_if_needed(one.path),
                                   one.is_edited ? " (changed since: 'config save' writes it)" : "",
                                   count_of(one.rules.size(), "rule"), quote_if_needed(one.pattern),
                                   short_hash(one.hash));
    text += rules::format(one.rules, rules::Layout::readable);
    if (tokens.size() == 2) {
        for (auto it = all.all().begin() + 1; it != all.all().end(); ++it) {
            text += fmt::format("# {}: {} for {}, hash {}\n", quote_if_needed(it->path),
                                count_of(it->rules.size(), "rule"), quote_if_needed(it->pattern),
                                short_hash(it->hash));
        }
    }
    return done(std::move(text));
}

// The added rules must not make the configuration longer than agents accept.
bool fits(ServerState& state, const rules::RuleSet& more) {
    return state.configurations().common().text.size() +
               rules::format(more, rules::Layout::one_line).size() <=
           rules::max_configuration_bytes;
}

Reply too_long() {
    return failed(
        fmt::format("the rules would be longer than {} bytes", rules::max_configuration_bytes));
}

Reply config_set(ServerState& state, const Tokens& tokens) {
    if (tokens.size() != 5) {
        return failed("expected: config set PROCESS METRIC VALUE");
    }
    const auto& rows = model::metrics();
    const auto row = std::find_if(rows.begin(), rows.end(),
                                  [&](const auto& each) { return each.name == tokens[3]; });
    if (row == rows.end()) {
        return failed(fmt::format("no metric {}: expected cpu, memory, disk or network",
                                  quote_if_needed(tokens[3])));
    }
    double value = 0;
    const auto [end, error] =
        std::from_chars(tokens[4].data(), tokens[4].data() + tokens[4].size(), value);
    if (error != std::errc() || end != tokens[4].data() + tokens[4].size() || !(value >= 0) ||
        value > rules::max_limit) {
        return failed(fmt::format("value {}: expected a number from 0 (no limit) to {:.0f} ({})",
                                  quote_if_needed(tokens[4]), rules::max_limit, row->unit));
    }
    // The name is validated as in a file.
    rules::Rule rule;
    rule.process = tokens[2];
    if (const auto checked =
            rules::parse(rules::format({rule}, rules::Layout::one_line), "config set");
        !checked) {
        return failed(checked.error().context);
    } else if (checked->front().process != tokens[2]) {
        return failed(fmt::format("process {}: expected UTF-8", quote_if_needed(tokens[2])));
    }
    rule.limits[static_cast<size_t>(row - rows.begin())] = value;
    if (!fits(state, {rule})) {
        return too_long();
    }
    state.configurations().set(tokens[2], static_cast<model::Metric>(row - rows.begin()), value);
    return done(pushed(state, "set"));
}

Reply config_add(ServerState& state, std::string_view line) {
    std::string text = text_after(line, 2);
    const size_t first = text.find_first_not_of(" \t");
    if (first == std::string::npos) {
        return failed(R"(expected a rule: config add {"process": "nginx", "cpu": 50})");
    }
    text = text.substr(first);
    const auto rules = rules::parse(text[0] == '[' ? text : '[' + text + ']', "config add");
    if (!rules) {
        return failed(rules.error().context);
    }
    if (!fits(state, *rules)) {
        return too_long();
    }
    for (const rules::Rule& rule : *rules) {
        state.configurations().add(rule);
    }
    return done(pushed(state, fmt::format("added {}", rules->size())));
}

Reply config_remove(ServerState& state, const Tokens& tokens) {
    if (tokens.size() != 3) {
        return failed("expected: config remove PROCESS");
    }
    const size_t count = state.configurations().remove(tokens[2]);
    if (count == 0) {
        return failed(
            fmt::format("no rule for {}: 'config show' lists them", quote_if_needed(tokens[2])));
    }
    return done(pushed(state, fmt::format("removed {}", count)));
}

Reply config_load(ServerState& state, const Tokens& tokens) {
    if (tokens.size() > 3) {
        return failed("expected: config load [FILE]");
    }
    const auto loaded = tokens.size() == 3 ? state.configurations().load_rules(tokens[2])
                                           : state.configurations().reload();
    if (!loaded) {
        return failed(loaded.error().context + "\nnothing was changed");
    }
    return done(pushed(state, "loaded"));
}

Reply config_save(ServerState& state, const Tokens& tokens) {
    if (tokens.size() > 3) {
        return failed("expected: config save [FILE]");
    }
    const std::string path = tokens.size() == 3 ? tokens[2] : "";
    if (const auto saved = state.configurations().save(path); !saved) {
        return failed(saved.error().context);
    }
    return done(
        fmt::format("saved to {}\n",
                    quote_if_needed(path.empty() ? state.configurations().common().path : path)));
}

Reply config(ServerState& state, const Tokens& tokens, std::string_view line) {
    const std::string action = tokens.size() > 1 ? tokens[1] : "show";
    if (action == "show") {
        return config_show(state, tokens.size() > 1 ? tokens : Tokens{"config", "show"});
    }
    if (action == "set") {
        return config_set(state, tokens);
    }
    if (action == "add") {
        return config_add(state, line);
    }
    if (action == "remove") {
        return config_remove(state, tokens);
    }
    if (action == "load") {
        return config_load(state, tokens);
    }
    if (action == "save") {
        return config_save(state, tokens);
    }
    return failed(fmt::format("no 'config {}': expected show, set, add, remove, load or save",
                              quote_if_needed(action)));
}

std::string configuration_state(const Session& session) {
    const wire::AgentStatus& status = session.status();
    if (!status.config_error.empty()) {
        return "refused: " + quote_if_needed(status.config_error);
    }
    if (status.config == session.sent_hash()) {
        return short_hash(status.config);
    }
    return fmt::format("{} -> {}", status.config.empty() ? "none" : short_hash(status.config),
                       short_hash(session.sent_hash()));
}

Reply agents(ServerState& state) {
    std::vector<const Session*> sessions;
    for (const auto& session : state.sessions()) {
        if (session->hello()) {
            sessions.push_back(session.get());
        }
    }
    std::sort(sessions.begin(), sessions.end(), [](const Session* a, const Session* b) {
        return std::pair(a->hello()->agent, a->started_ns()) <
               std::pair(b->hello()->agent, b->started_ns());
    });
    std::string text =
        fmt::format("{:<20} {:<22} {:>8} {:>9} {:>6} {:>7} {:>6}  {}\n", "AGENT", "ADDRESS", "FOR",
                    "PROCESSES", "BROKEN", "QUEUED", "LOST", "CONFIGURATION");
    std::set<std::string_view> here;
    for (const Session* session : sessions) {
        here.insert(session->hello()->agent);
        const wire::AgentStatus& status = session->status();
        text += fmt::format("{:<20} {:<22} {:>8} {:>9} {:>6} {:>7} {:>6}  {}\n",
                            session->hello()->agent, session->address(), ago(session->started_ns()),
                            status.processes, status.raised, status.queued, status.lost,
                            configuration_state(*session));
    }
    for (const auto& [name, disconnected] : state.disconnected()) {
        if (here.count(name) == 0) {
            text += fmt::format("{:<20} {:<22} disconnected {} ago\n", name, disconnected.address,
                                ago(disconnected.since_ns));
        }
    }
    text += count_of(sessions.size(), "agent") + " connected\n";
    return done(std::move(text));
}

Reply events(ServerState& state, const Tokens& tokens) {
    uint64_t count = default_events;
    if (tokens.size() > 1) {
        const auto number = parse_number(tokens[1], 1, max_events);
        if (!number || tokens.size() > 2) {
            return failed(fmt::format("expected: events [N], N from 1 to {}", max_events));
        }
        count = *number;
    }
    const auto lines = journal::tail(state.options().log, count);
    if (!lines) {
        return failed(lines.error().context);
    }
    std::string text;
    for (const std::string& line : *lines) {
        append_log_escaped(text, line);
    }
    return done(std::move(text));
}

Reply stats(ServerState& state) {
    const Stats& stats = state.stats();
    std::string text;
    const auto add = [&](std::string_view name, uint64_t value) {
        text += fmt::format("{:<26} {}\n", name, value);
    };
    add("connections_now", state.sessions().size());
    add("connections_total", stats.connections);
    for (size_t i = 0; i < close_reason_count; i++) {
        add(fmt::format("refused_{}", to_string(static_cast<CloseReason>(i))),
            stats.close_counts[i]);
    }
    add("agents_known", state.dedup_index().agents());
    add("bytes_read", stats.bytes);
    add("events_taken", stats.events);
    add("events_again", stats.duplicates);
    add("events_missing", stats.missing);
    add("waits_for_the_log", stats.waits);
    add("log_next_sequence", state.log().next_sequence());
    add("log_durable_sequence", state.log().synced());
    add("log_oldest_sequence", state.log().oldest_sequence());
    add("log_bytes", state.log().bytes_on_disk());
    add("log_pending_bytes", state.log().pending_bytes());
    add("log_commits", state.log().stats().commits);
    add("log_lines_deleted", stats.deleted);
    if (!state.log_error().empty()) {
        text += fmt::format("{:<26} {}\n", "log_trouble", state.log_error());
    }
    return done(std::move(text));
}

constexpr std::string_view help_text =
    R"(config show [HOST]                 the rules for all hosts, or those of one host
config set PROCESS METRIC VALUE    a limit: cpu (%), memory (MB), disk (MB/s), network (KB/s); 0: none
config add RULE                    a rule as in the file: {"process": "nginx", "cpu": 50}
config remove PROCESS              all rules for that process
config load [FILE]                 read the rules again, or those of another file
config save [FILE]                 write them to their file, or to another one
agents                             connected agents, their state and their rules
events [N]                         the last N lines of the log (10)
follow                             the log as it grows, until Enter or Ctrl-C
stats                              counters: received, refused, waiting
quit                               ends the server
Changes apply at once, to all agents; only 'config save' changes the file.
)";

}  // namespace

Reply run_command(ServerState& state, std::string_view line) {
    const auto tokens = split(line);
    if (!tokens) {
        return failed("a quote is not closed");
    }
    if (tokens->empty()) {
        return {};
    }
    const std::string& name = tokens->front();
    if (name == "help" || name == "?") {
        return done(std::string(help_text));
    }
    if (name == "config") {
        return config(state, *tokens, line);
    }
    if (name == "agents") {
        return agents(state);
    }
    if (name == "events") {
        return events(state, *tokens);
    }
    if (name == "follow") {
        return {false, "", Reply::Next::follow};
    }
    if (name == "stats") {
        return stats(state);
    }
    if (name == "quit" || name == "exit") {
        return {false, "", Reply::Next::quit};
    }
    return failed(fmt::format("no command {}: 'help' lists them", quote_if_needed(name)));
}

}  // namespace vigil::server
