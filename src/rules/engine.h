// SPDX-License-Identifier: Apache-2.0
// Holds measurements against the rules: what is raised, goes on, and is cleared.
//
// Each process has a ProcessLimitState, which its owner keeps beside it. A limit is broken while
// the value is strictly greater; raised when that has lasted for the rule's `for`, told again as
// ongoing each cooldown, cleared when the value has stayed at or below the limit for the same
// `for`, or when the process ends. Times are nanoseconds of CLOCK_BOOTTIME and never go back.
//
// What peak, mean and duration of a LimitReport are over: it begins with the first measurement
// beyond the limit (a rate's from_ns, else its now_ns). For raised and ongoing it ends now, and
// short falls to the limit count like all else. For cleared it ends where the value fell to the
// limit for good, so that it is the violation itself; where that was not seen (a rule or a process
// that went unmeasured), now. A value counts until the next one is known.
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

using ProcessView = model::ProcessView;  // the process under judgement

// What is to be told. `rule` is valid during the call.
struct LimitReport {
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

// Where one process stands under the rules. Made and changed by the engine only. Engine::on_exit()
// is the way out: one that is dropped with limits broken stays counted in Engine::raised().
class ProcessLimitState {
 private:
    friend class Engine;

    // The values of a stretch of time.
    struct MeasurementWindow {
        uint64_t begin_ns = 0;
        uint64_t end_ns = 0;
        double peak = 0;
        double last = 0;
        double weighted_sum = 0;  // value x nanoseconds

        void extend(uint64_t until_ns);  // the last value goes on
        void add(double value, uint64_t until_ns);
        double mean() const;
    };

    // One limit of one rule that the process is held against.
    struct LimitState {
        uint32_t rule = 0;  // index
        model::Metric metric = model::Metric::cpu;
        bool raised = false;
        uint64_t reported_ns = 0;
        std::optional<MeasurementWindow> above_limit;  // since it was first beyond the limit
        std::optional<MeasurementWindow>
            violation;  // while at or below it again: the same, up to there

        void add_measurement(double value, double limit, uint64_t from_ns, uint64_t now_ns);
        void reset();
        LimitReport report(model::ViolationState state, const RuleSet& rules) const;
        LimitReport clear(const RuleSet& rules, uint64_t now_ns);
    };

    std::shared_ptr<const RuleSet> rules_;  // that it was matched with; null: it never was
    std::vector<LimitState> limit_states_;
};

class Engine {
 public:
    using Handler = std::function<void(const ProcessView&, const LimitReport&)>;

    static constexpr size_t max_suppressed = 4096;  // of on_exit(); beyond, nothing is held back

    // The handler must not call the engine.
    explicit Engine(Handler handler);

    // These rules from now on. Every ProcessLimitState is out of date then. Running measurements go
    // on under the rule that has the same process, user and cgroup (of several the one at the same
    // place among these); its limits and times may differ. What on_exit() holds back is told first.
    void apply(RuleSet rules);
    const RuleSet& rules() const { return *rules_; }

    // False where match() is to be called: it never was, or apply() came in between.
    bool is_current(const ProcessLimitState& process_limits) const;

    // Finds the rules that hold for the process. To be called also when its name, image, user or
    // cgroup has changed: what no longer holds is cleared.
    void match(ProcessLimitState& process_limits, const ProcessView& view, uint64_t now_ns);

    // True if at least one rule holds for it.
    static bool is_watched(const ProcessLimitState& process_limits) {
        return !process_limits.limit_states_.empty();
    }

    // One measurement: rates over [from_ns, now_ns], the rest at now_ns. What is unavailable
    // neither breaks nor clears, and nothing is told about it. A ProcessLimitState that is out of
    // date is held against the rules that it was matched with.
    void evaluate(ProcessLimitState& process_limits, const ProcessView& view,
                  const model::Usage& usage, uint64_t from_ns, uint64_t now_ns);

    // The process has ended at now_ns: the last measurement, then what is raised is cleared. A
    // limit that is beyond only now, for long enough, is told in one report, raised and exited:
    // one per rule, metric and parent each cooldown; the next one says how many came between.
    // Here also what is no rate counts for all of [from_ns, now_ns]: it is the peak of that time.
    // Matches first where that is due. The ProcessLimitState is as new afterwards.
    void on_exit(ProcessLimitState& process_limits, const ProcessView& view,
                 const model::Usage& usage, uint64_t from_ns, uint64_t now_ns);

    // To be called now and then: tells the last of what on_exit() has held back, once its cooldown
    // is over.
    void flush_suppressed(uint64_t now_ns);

    // Limits that are broken now: raised and not yet cleared.
    size_t raised() const { return raised_; }

 private:
    using LimitState = ProcessLimitState::LimitState;
    // (rule, metric, parent's pid)
    using SuppressionKey = std::tuple<uint32_t, model::Metric, uint32_t>;
    struct Suppressed {
        uint64_t reported_ns = 0;
        uint64_t count = 0;
        ProcessView last;
        LimitReport last_report;
    };

    bool matches(uint32_t rule, const ProcessView& view,
                 const std::vector<std::string>& names) const;
    std::vector<LimitState> limit_states_for(const ProcessView& view) const;
    void evaluate_limit(LimitState& limit_state, const RuleSet& rules, const ProcessView& view,
                        double value, uint64_t from_ns, uint64_t now_ns);
    void emit_cleared(const ProcessView& view, const LimitReport& report);
    void emit_exited(const LimitState& limit_state, const ProcessView& view, uint64_t now_ns);
    void emit_suppressed(Suppressed& suppressed, uint64_t now_ns);

    Handler handler_;
    std::shared_ptr<const RuleSet> rules_;
    std::vector<std::optional<uint32_t>> uids_;  // of each rule's user; absent: no such user here
    std::map<SuppressionKey, Suppressed> suppressed_;  // of the rules now; reports point into them
    size_t raised_ = 0;
};

}  // namespace vigil::rules
