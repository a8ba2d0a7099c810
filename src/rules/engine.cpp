// SPDX-License-Identifier: Apache-2.0
#include "rules/engine.h"

#include <algorithm>
#include <utility>

#include "rules/match.h"

namespace vigil::rules {

using model::Metric;
using model::ViolationState;

namespace {

// Events of two CPUs may come slightly out of order.
uint64_t since(uint64_t then_ns, uint64_t now_ns) {
    return now_ns > then_ns ? now_ns - then_ns : 0;
}

bool about_the_same(const Rule& a, const Rule& b) {
    return a.process == b.process && a.user == b.user && a.cgroup == b.cgroup;
}

// Where a rule of `before` went on in `now`.
std::optional<uint32_t> successor(const RuleSet& before, uint32_t index, const RuleSet& now) {
    const Rule& rule = before[index];
    const auto same = [&](const Rule& other) { return about_the_same(rule, other); };
    auto place = std::count_if(before.begin(), before.begin() + index, same);
    for (uint32_t i = 0; i < now.size(); i++) {
        if (same(now[i]) && place-- == 0) {
            return i;
        }
    }
    return std::nullopt;
}

}  // namespace

void Standing::Span::hold(uint64_t until_ns) { add(last, until_ns); }

void Standing::Span::add(double value, uint64_t until_ns) {
    weighted_sum += value * static_cast<double>(since(end_ns, until_ns));
    end_ns = std::max(end_ns, until_ns);
    peak = std::max(peak, value);
    last = value;
}

double Standing::Span::mean() const {
    return end_ns > begin_ns ? weighted_sum / static_cast<double>(end_ns - begin_ns) : last;
}

// A measurement that is beyond the limit, or any while raised.
void Standing::Course::take(double value, double limit, uint64_t from_ns, uint64_t now_ns) {
    if (!beyond) {
        beyond = Span{.begin_ns = from_ns, .end_ns = from_ns};
    } else {
        beyond->hold(from_ns);
    }
    if (value > limit) {
        violation.reset();
    } else if (!violation) {
        violation = beyond;
    }
    beyond->add(value, now_ns);
}

void Standing::Course::reset() {
    raised = false;
    beyond.reset();
    violation.reset();
}

Report Standing::Course::report(ViolationState state, const RuleSet& rules) const {
    const Span& span = state == ViolationState::cleared && violation ? *violation : *beyond;
    return {.state = state,
            .metric = metric,
            .rule = &rules[rule],
            .value = {},
            .limit = rules[rule].limits[model::index(metric)],
            .peak = span.peak,
            .mean = span.mean(),
            .duration_ns = span.end_ns - span.begin_ns};
}

Report Standing::Course::clear(const RuleSet& rules, uint64_t now_ns) {
    beyond->hold(now_ns);
    Report cleared = report(ViolationState::cleared, rules);
    reset();
    return cleared;
}

Engine::Engine(Handler handler)
    : handler_(std::move(handler)), rules_(std::make_shared<const RuleSet>()) {}

void Engine::apply(RuleSet rules) {
    for (auto& [key, siblings] : siblings_) {
        if (siblings.held_back > 0) {
            tell_held_back(siblings, siblings.told_ns);
        }
    }
    siblings_.clear();
    rules_ = std::make_shared<const RuleSet>(std::move(rules));
    uids_.clear();
    for (const Rule& rule : *rules_) {
        uids_.push_back(rule.user ? uid_of(*rule.user) : std::nullopt);
    }
}

bool Engine::is_current(const Standing& standing) const { return standing.rules_ == rules_; }

bool Engine::holds(uint32_t rule, const Subject& subject,
                   const std::vector<std::string>& names) const {
    const Rule& wanted = (*rules_)[rule];
    if (!matches_any(wanted.process, names) ||
        (wanted.user && uids_[rule] != subject.process.uid)) {
        return false;
    }
    return !wanted.cgroup ||
           (subject.cgroup != nullptr && matches_cgroup(*wanted.cgroup, *subject.cgroup));
}

std::vector<Engine::Course> Engine::courses_for(const Subject& subject) const {
    const auto names = names_of(subject.process.comm, subject.image.get());
    std::vector<Course> courses;
    for (uint32_t rule = 0; rule < rules_->size(); rule++) {
        if (!holds(rule, subject, names)) {
            continue;
        }
        for (size_t i = 0; i < model::metric_count; i++) {
            if ((*rules_)[rule].limits[i] > 0) {
                Course& course = courses.emplace_back();
                course.rule = rule;
                course.metric = static_cast<Metric>(i);
            }
        }
    }
    return courses;
}

void Engine::match(Standing& standing, const Subject& subject, uint64_t now_ns) {
    const auto rules_before = std::exchange(standing.rules_, rules_);
    auto before = std::exchange(standing.courses_, courses_for(subject));
    for (Course& course : before) {
        if (!course.beyond) {
            continue;
        }
        const auto rule = successor(*rules_before, course.rule, *rules_);
        const auto next = std::find_if(
            standing.courses_.begin(), standing.courses_.end(), [&](const Course& other) {
                return rule == other.rule && course.metric == other.metric;
            });
        if (next != standing.courses_.end()) {
            *next = course;
            next->rule = *rule;
        } else if (course.raised) {
            tell_cleared(subject, course.clear(*rules_before, now_ns));
        }
    }
}

void Engine::judge(Standing& standing, const Subject& subject, const model::Usage& usage,
                   uint64_t from_ns, uint64_t now_ns) {
    for (Course& course : standing.courses_) {
        const size_t metric = model::index(course.metric);
        if (usage[metric]) {
            judge_course(course, *standing.rules_, subject, *usage[metric],
                         model::metrics()[metric].is_rate ? from_ns : now_ns, now_ns);
        }
    }
}

void Engine::judge_course(Course& course, const RuleSet& rules, const Subject& subject,
                          double value, uint64_t from_ns, uint64_t now_ns) {
    const Rule& rule = rules[course.rule];
    const double limit = rule.limits[model::index(course.metric)];
    if (!course.raised && !(value > limit)) {
        course.reset();
        return;
    }
    course.take(value, limit, from_ns, now_ns);
    const auto tell = [&](ViolationState state) {
        course.told_ns = now_ns;
        Report report = course.report(state, rules);
        report.value = value;
        handler_(subject, report);
    };
    if (!course.raised) {
        if (since(course.beyond->begin_ns, now_ns) >= rule.for_ns) {
            course.raised = true;
            raised_++;
            tell(ViolationState::raised);
        }
    } else if (course.violation && since(course.violation->end_ns, now_ns) >= rule.for_ns) {
        Report report = course.clear(rules, now_ns);
        report.value = value;
        tell_cleared(subject, report);
    } else if (since(course.told_ns, now_ns) >= rule.cooldown_ns) {
        tell(ViolationState::ongoing);
    }
}

void Engine::end(Standing& standing, const Subject& subject, const model::Usage& usage,
                 uint64_t from_ns, uint64_t now_ns) {
    if (!is_current(standing)) {
        match(standing, subject, now_ns);
    }
    const auto ended = std::exchange(standing, Standing());
    for (Course course : ended.courses_) {
        const Rule& rule = (*rules_)[course.rule];
        const double limit = rule.limits[model::index(course.metric)];
        const auto value = usage[model::index(course.metric)];
        if (value && (course.raised || *value > limit)) {
            course.take(*value, limit, from_ns, now_ns);
        }
        if (course.raised) {
            Report report = course.clear(*rules_, now_ns);
            report.value = value;
            report.exited = true;
            tell_cleared(subject, report);
        } else if (value && *value > limit &&
                   since(course.beyond->begin_ns, now_ns) >= rule.for_ns) {
            tell_ended(course, subject, now_ns);
        }
    }
}

void Engine::tell_cleared(const Subject& subject, const Report& report) {
    raised_--;
    handler_(subject, report);
}

void Engine::tell_ended(const Course& course, const Subject& subject, uint64_t now_ns) {
    Report report = course.report(ViolationState::raised, *rules_);
    report.value = course.beyond->last;
    report.exited = true;
    const SiblingKey key{course.rule, course.metric, subject.process.ppid};
    const auto it = siblings_.find(key);
    if (it == siblings_.end()) {
        if (siblings_.size() < most_siblings) {
            siblings_[key].told_ns = now_ns;
        }
        handler_(subject, report);
        return;
    }
    Siblings& siblings = it->second;
    if (since(siblings.told_ns, now_ns) < report.rule->cooldown_ns) {
        siblings.held_back++;
        siblings.last = subject;
        siblings.last_report = report;
        return;
    }
    report.similar = siblings.held_back;
    siblings = Siblings();
    siblings.told_ns = now_ns;
    handler_(subject, report);
}

void Engine::tell_held_back(Siblings& siblings, uint64_t now_ns) {
    const Siblings told = std::exchange(siblings, Siblings());
    siblings.told_ns = now_ns;
    Report report = told.last_report;
    report.similar = told.held_back - 1;
    handler_(told.last, report);
}

void Engine::advance(uint64_t now_ns) {
    for (auto it = siblings_.begin(); it != siblings_.end();) {
        const Rule& rule = (*rules_)[std::get<0>(it->first)];
        if (since(it->second.told_ns, now_ns) < rule.cooldown_ns) {
            ++it;
        } else if (it->second.held_back > 0) {
            tell_held_back(it->second, now_ns);
            ++it;
        } else {
            it = siblings_.erase(it);
        }
    }
}

}  // namespace vigil::rules
