// SPDX-License-Identifier: Apache-2.0
// Holds measurements against the rules: what is raised, goes on, and is cleared.
//
// Each process has a Standing, which its owner keeps beside it. A limit is broken while the value
// is strictly greater; raised when that has lasted for the rule's `for`, told again as ongoing
// each cooldown, cleared when the value has stayed at or below the limit for the same `for`, or
// when the process ends. Times are nanoseconds of CLOCK_BOOTTIME and never go back.
//
// What peak, mean and duration of a Report are over: it begins with the first measurement beyond
// the limit (a rate's from_ns, else its now_ns). For raised and ongoing it ends now, and short
// falls to the limit count like all else. For cleared it ends where the value fell to the limit
// for good, so that it is the violation itself; where that was not seen (a rule or a process that
// went unmeasured), now. A value counts until the next one is known.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "model/process_view.h"
#include "model/sample.h"
#include "rules/rule.h"

namespace vigil::rules {

using Subject = model::ProcessView;  // the process under judgement

// What is to be told. `rule` is valid during the call.
struct Report {
    model::ViolationState state = model::ViolationState::raised;
    model::Metric metric = model::Metric::cpu;
    const Rule* rule = nullptr;
    std::optional<double> value;
    double limit = 0;
    double peak = 0;
    double mean = 0;  // weighted by time
    uint64_t duration_ns = 0;
    bool exited = false;
    uint64_t similar = 0;
};

// Where one process stands under the rules. Made and changed by the engine only. Engine::end() is
// the way out: one that is dropped with limits broken stays counted in Engine::raised().
class Standing {
 private:
    friend class Engine;

    // The values of a stretch of time.
    struct Span {
        uint64_t begin_ns = 0;
        uint64_t end_ns = 0;
        double peak = 0;
        double last = 0;
        double weighted_sum = 0;  // value x nanoseconds

        void hold(uint64_t until_ns);  // the last value goes on
        void add(double value, uint64_t until_ns);
        double mean() const;
    };

    // One limit of one rule that the process is held against.
    struct Course {
        uint32_t rule = 0;  // index
        model::Metric metric = model::Metric::cpu;
        bool raised = false;
        uint64_t told_ns = 0;
        std::optional<Span> beyond;     // since it was first beyond the limit
        std::optional<Span> violation;  // while at or below it again: the same, up to there

        void take(double value, double limit, uint64_t from_ns, uint64_t now_ns);
        void reset();
        Report report(model::ViolationState state, const RuleSet& rules) const;
        Report clear(const RuleSet& rules, uint64_t now_ns);
    };

    std::shared_ptr<const RuleSet> rules_;  // that it was matched with; null: it never was
    std::vector<Course> courses_;
};

class Engine {
 public:
    using Handler = std::function<void(const Subject&, const Report&)>;

    static constexpr size_t most_siblings = 4096;  // of end(); beyond, nothing is held back

    // The handler must not call the engine.
    explicit Engine(Handler handler);

    // These rules from now on. Every Standing is out of date then. Running measurements go on
    // under the rule that has the same process, user and cgroup (of several the one at the same
    // place among these); its limits and times may differ. What end() holds back is told first.
    void apply(RuleSet rules);
    const RuleSet& rules() const { return *rules_; }

    // False where match() is to be called: it never was, or apply() came in between.
    bool is_current(const Standing& standing) const;

    // Finds the rules that hold for the process. To be called also when its name, image, user or
    // cgroup has changed: what no longer holds is cleared.
    void match(Standing& standing, const Subject& subject, uint64_t now_ns);

    // True if at least one rule holds for it.
    static bool is_watched(const Standing& standing) { return !standing.courses_.empty(); }

    // One measurement: rates over [from_ns, now_ns], the rest at now_ns. What is unavailable
    // neither breaks nor clears, and nothing is told about it. A Standing that is out of date is
    // held against the rules that it was matched with.
    void judge(Standing& standing, const Subject& subject, const model::Usage& usage,
               uint64_t from_ns, uint64_t now_ns);

    // The process has ended at now_ns: the last measurement, then what is raised is cleared. A
    // limit that is beyond only now, for long enough, is told in one report, raised and exited:
    // one per rule, metric and parent each cooldown; the next one says how many came between.
    // Here also what is no rate counts for all of [from_ns, now_ns]: it is the peak of that time.
    // Matches first where that is due. The Standing is as new afterwards.
    void end(Standing& standing, const Subject& subject, const model::Usage& usage,
             uint64_t from_ns, uint64_t now_ns);

    // To be called now and then: tells the last of what end() has held back, once its cooldown
    // is over.
    void advance(uint64_t now_ns);

    // Limits that are broken now: raised and not yet cleared.
    size_t raised() const { return raised_; }

 private:
    using Course = Standing::Course;
    // (rule, metric, parent's pid)
    using SiblingKey = std::tuple<uint32_t, model::Metric, uint32_t>;
    struct Siblings {
        uint64_t told_ns = 0;
        uint64_t held_back = 0;
        Subject last;
        Report last_report;
    };

    bool holds(uint32_t rule, const Subject& subject, const std::vector<std::string>& names) const;
    std::vector<Course> courses_for(const Subject& subject) const;
    void judge_course(Course& course, const RuleSet& rules, const Subject& subject, double value,
                      uint64_t from_ns, uint64_t now_ns);
    void tell_cleared(const Subject& subject, const Report& report);
    void tell_ended(const Course& course, const Subject& subject, uint64_t now_ns);
    void tell_held_back(Siblings& siblings, uint64_t now_ns);

    Handler handler_;
    std::shared_ptr<const RuleSet> rules_;
    std::vector<std::optional<uint32_t>> uids_;  // of each rule's user; absent: no such user here
    std::map<SiblingKey, Siblings> siblings_;    // of the rules now; reports point into them
    size_t raised_ = 0;
};

}  // namespace vigil::rules
