// SPDX-License-Identifier: Apache-2.0
#include "rules/engine.h"

#include <algorithm>
#include <utility>

#include "rules/match.h"

namespace vigil::rules {

using model::Metric;
using model::ViolationState;

namespace {

// Events from two CPUs may arrive slightly out of order.
uint64_t since(uint64_t then_ns, uint64_t now_ns) {
    return now_ns > then_ns ? now_ns - then_ns : 0;
}

bool about_the_same(const Rule& a, const Rule& b) {
    return a.process == b.process && a.user == b.user && a.cgroup == b.cgroup;
}

// Index in `now` of the rule that continues rule `index` of `previous`.
std::optional<uint32_t> successor(const RuleSet& previous, uint32_t index, const RuleSet& now) {
    const Rule& rule = previous[index];
    const auto same = [&](const Rule& other) { return about_the_same(rule, other); };
    auto place = std::count_if(previous.begin(), previous.begin() + index, same);
    for (uint32_t i = 0; i < now.size(); i++) {
        if (same(now[i]) && place-- == 0) {
            return i;
        }
    }
    return std::nullopt;
}

}  // namespace

void ProcessLimitState::MeasurementWindow::extend(uint64_t until_ns) { add(last, until_ns); }

void ProcessLimitState::MeasurementWindow::add(double value, uint64_t until_ns) {
    weighted_sum += value * static_cast<double>(since(end_ns, until_ns));
    end_ns = std::max(end_ns, until_ns);
    peak = std::max(peak, value);
    last = value;
}

double ProcessLimitState::MeasurementWindow::mean() const {
    return end_ns > begin_ns ? weighted_sum / static_cast<double>(end_ns - begin_ns) : last;
}

// Call it for a measurement above the limit, and for every measurement while raised.
void ProcessLimitState::LimitState::add_measurement(double value, double limit, uint64_t from_ns,
                                                    uint64_t now_ns) {
    if (!above_limit) {
        above_limit = MeasurementWindow{.begin_ns = from_ns, .end_ns = from_ns};
    } else {
        above_limit->extend(from_ns);
    }
    if (value > limit) {
        violation.reset();
    } else if (!violation) {
        violation = above_limit;
    }
    above_limit->add(value, now_ns);
}

void ProcessLimitState::LimitState::reset() {
    raised = false;
    above_limit.reset();
    violation.reset();
}

LimitReport ProcessLimitState::LimitState::report(ViolationState state,
                                                  const RuleSet& rules) const {
    const MeasurementWindow& window =
        state == ViolationState::cleared && violation ? *violation : *above_limit;
    return {.state = state,
            .metric = metric,
            .rule = &rules[rule],
            .value = {},
            .limit = rules[rule].limits[model::index(metric)],
            .peak = window.peak,
            .mean = window.mean(),
            .duration_ns = window.end_ns - window.begin_ns};
}

LimitReport ProcessLimitState::LimitState::clear(const RuleSet& rules, uint64_t now_ns) {
    above_limit->extend(now_ns);
    LimitReport cleared = report(ViolationState::cleared, rules);
    reset();
    return cleared;
}

Engine::Engine(Handler handler)
    : handler_(std::move(handler)), rules_(std::make_shared<const RuleSet>()) {}

void Engine::apply(RuleSet rules) {
    for (auto& [key, suppressed] : suppressed_) {
        if (suppressed.count > 0) {
            emit_suppressed(suppressed, suppressed.reported_ns);
        }
    }
    suppressed_.clear();
    rules_ = std::make_shared<const RuleSet>(std::move(rules));
    users_.apply(*rules_);
}

void Engine::refresh_users() {
    if (users_.refresh()) {
        // Every process is to be matched again, as with other rules.
        rules_ = std::make_shared<const RuleSet>(*rules_);
        for (auto& [key, suppressed] : suppressed_) {
            suppressed.last_report.rule = &(*rules_)[std::get<0>(key)];
        }
    }
}

bool Engine::is_current(const ProcessLimitState& process_limits) const {
    return process_limits.rules_ == rules_;
}

bool Engine::matches(uint32_t rule, const ProcessView& view,
                     const model::ProcessNames& names) const {
    const Rule& wanted = (*rules_)[rule];
    if (!model::matches_any(wanted.process, names) ||
        (wanted.user && users_.uid(rule) != view.process.uid)) {
        return false;
    }
    return !wanted.cgroup ||
           (view.cgroup != nullptr && matches_cgroup(*wanted.cgroup, *view.cgroup));
}

std::vector<Engine::LimitState> Engine::limit_states_for(const ProcessView& view) const {
    const auto names = model::names_of(view.process.comm.view(), view.image.get());
    std::vector<LimitState> limit_states;
    for (uint32_t rule = 0; rule < rules_->size(); rule++) {
        if (!matches(rule, view, names)) {
            continue;
        }
        for (size_t i = 0; i < model::metric_count; i++) {
            if ((*rules_)[rule].limits[i] > 0) {
                LimitState& limit_state = limit_states.emplace_back();
                limit_state.rule = rule;
                limit_state.metric = static_cast<Metric>(i);
            }
        }
    }
    return limit_states;
}

void Engine::match(ProcessLimitState& process_limits, const ProcessView& view, uint64_t now_ns) {
    const auto rules_before = std::exchange(process_limits.rules_, rules_);
    auto previous = std::exchange(process_limits.limit_states_, limit_states_for(view));
    for (LimitState& limit_state : previous) {
        if (!limit_state.above_limit) {
            continue;
        }
        const auto rule = successor(*rules_before, limit_state.rule, *rules_);
        const auto next =
            std::find_if(process_limits.limit_states_.begin(), process_limits.limit_states_.end(),
                         [&](const LimitState& other) {
                             return rule == other.rule && limit_state.metric == other.metric;
                         });
        if (next != process_limits.limit_states_.end()) {
            *next = limit_state;
            next->rule = *rule;
        } else if (limit_state.raised) {
            emit_cleared(view, limit_state.clear(*rules_before, now_ns));
        }
    }
}

void Engine::evaluate(ProcessLimitState& process_limits, const ProcessView& view,
                      const model::Usage& usage, uint64_t from_ns, uint64_t now_ns) {
    for (LimitState& limit_state : process_limits.limit_states_) {
        const size_t metric = model::index(limit_state.metric);
        if (usage[metric]) {
            evaluate_limit(limit_state, *process_limits.rules_, view, *usage[metric],
                           model::metrics()[metric].is_rate ? from_ns : now_ns, now_ns);
        }
    }
}

void Engine::evaluate_limit(LimitState& limit_state, const RuleSet& rules, const ProcessView& view,
                            double value, uint64_t from_ns, uint64_t now_ns) {
    const Rule& rule = rules[limit_state.rule];
    const double limit = rule.limits[model::index(limit_state.metric)];
    if (!limit_state.raised && !(value > limit)) {
        limit_state.reset();
        return;
    }
    limit_state.add_measurement(value, limit, from_ns, now_ns);
    const auto emit = [&](ViolationState state) {
        limit_state.reported_ns = now_ns;
        LimitReport report = limit_state.report(state, rules);
        report.value = value;
        handler_(view, report);
    };
    if (!limit_state.raised) {
        if (since(limit_state.above_limit->begin_ns, now_ns) >= rule.for_ns) {
            limit_state.raised = true;
            raised_++;
            emit(ViolationState::raised);
        }
    } else if (limit_state.violation &&
               since(limit_state.violation->end_ns, now_ns) >= rule.for_ns) {
        LimitReport report = limit_state.clear(rules, now_ns);
        report.value = value;
        emit_cleared(view, report);
    } else if (since(limit_state.reported_ns, now_ns) >= rule.cooldown_ns) {
        emit(ViolationState::ongoing);
    }
}

void Engine::on_exit(ProcessLimitState& process_limits, const ProcessView& view,
                     const model::Usage& usage, uint64_t from_ns, uint64_t now_ns) {
    if (!is_current(process_limits)) {
        match(process_limits, view, now_ns);
    }
    const auto ended = std::exchange(process_limits, ProcessLimitState());
    for (LimitState limit_state : ended.limit_states_) {
        const Rule& rule = (*rules_)[limit_state.rule];
        const double limit = rule.limits[model::index(limit_state.metric)];
        const auto value = usage[model::index(limit_state.metric)];
        if (value && (limit_state.raised || *value > limit)) {
            limit_state.add_measurement(*value, limit, from_ns, now_ns);
        }
        if (limit_state.raised) {
            LimitReport report = limit_state.clear(*rules_, now_ns);
            report.value = value;
            report.exited = true;
            emit_cleared(view, report);
        } else if (value && *value > limit &&
                   since(limit_state.above_limit->begin_ns, now_ns) >= rule.for_ns) {
            emit_exited(limit_state, view, now_ns);
        }
    }
}

void Engine::emit_cleared(const ProcessView& view, const LimitReport& report) {
    raised_--;
    handler_(view, report);
}

void Engine::emit_exited(const LimitState& limit_state, const ProcessView& view, uint64_t now_ns) {
    LimitReport report = limit_state.report(ViolationState::raised, *rules_);
    report.value = limit_state.above_limit->last;
    report.exited = true;
    const SuppressionKey key{limit_state.rule, limit_state.metric, view.process.ppid};
    const auto it = suppressed_.find(key);
    if (it == suppressed_.end()) {
        if (suppressed_.size() < max_suppressed) {
            suppressed_[key].reported_ns = now_ns;
        }
        handler_(view, report);
        return;
    }
    Suppressed& suppressed = it->second;
    if (since(suppressed.reported_ns, now_ns) < report.rule->cooldown_ns) {
        suppressed.count++;
        suppressed.last = view;
        suppressed.last_report = report;
        return;
    }
    report.similar = suppressed.count;
    suppressed = Suppressed();
    suppressed.reported_ns = now_ns;
    handler_(view, report);
}

void Engine::emit_suppressed(Suppressed& suppressed, uint64_t now_ns) {
    const Suppressed reported = std::exchange(suppressed, Suppressed());
    suppressed.reported_ns = now_ns;
    LimitReport report = reported.last_report;
    report.similar = reported.count - 1;
    handler_(reported.last, report);
}

void Engine::flush_suppressed(uint64_t now_ns) {
    for (auto it = suppressed_.begin(); it != suppressed_.end();) {
        const Rule& rule = (*rules_)[std::get<0>(it->first)];
        if (since(it->second.reported_ns, now_ns) < rule.cooldown_ns) {
            ++it;
        } else if (it->second.count > 0) {
            emit_suppressed(it->second, now_ns);
            ++it;
        } else {
            it = suppressed_.erase(it);
        }
    }
}

}  // namespace vigil::rules
