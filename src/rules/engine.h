// SPDX-License-Identifier: Apache-2.0
// Compares measurements with the rules and reports limits as raised, ongoing and cleared. Not
// thread-safe: all calls come from the thread that owns the process table.
//
// Each process has a ProcessLimitState, which the caller keeps with its entry. A limit is exceeded
// while the value is strictly greater. It is raised once that has lasted for the rule's `for`,
// reported again as ongoing each cooldown, and cleared once the value has stayed at or below the
// limit for the same `for`, or when the process ends. Times are nanoseconds of CLOCK_BOOTTIME and
// never decrease.
//
// Peak, mean and duration of a LimitReport cover a window that begins with the first measurement
// above the limit (a rate's from_ns, else its now_ns). For raised and ongoing it ends now; brief
// dips to the limit are included. For cleared it ends where the value last fell to the limit, so
// that it covers the violation itself; if that was not observed (the rule or process was not
// measured then), it ends now. A value counts until the next one is known.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "model/process_names.h"
#include "model/process_view.h"
#include "model/sample.h"
#include "rules/rule.h"
#include "rules/rule_users.h"

namespace vigil::rules {

using ProcessView = model::ProcessView;  // the process to evaluate

// One report for the handler. `rule` is valid during the call.
struct LimitReport {
    model::ViolationState state = model::ViolationState::raised;
    model::Metric metric = model::Metric::cpu;
    const Rule* rule = nullptr;
    std::optional<double> value;
    double limit = 0;
    double peak = 0;
    double mean = 0;  // time-weighted
    uint64_t duration_ns = 0;
    bool exited = false;
    uint64_t similar = 0;
};

// State of one process under the rules, changed by the engine only. Release it through
// Engine::on_exit(): if it is destroyed while limits are raised, they stay counted in
// Engine::raised().
class ProcessLimitState {
 private:
    friend class Engine;

    // Values of one period of time.
    struct MeasurementWindow {
        uint64_t begin_ns = 0;
        uint64_t end_ns = 0;
        double peak = 0;
        double last = 0;
        double weighted_sum = 0;  // value x nanoseconds

        void extend(uint64_t until_ns);  // continues the last value
        void add(double value, uint64_t until_ns);
        double mean() const;
    };

    // One limit of one rule that applies to the process.
    struct LimitState {
        uint32_t rule = 0;  // index
        model::Metric metric = model::Metric::cpu;
        bool raised = false;
        uint64_t reported_ns = 0;
        std::optional<MeasurementWindow> above_limit;  // since the value first exceeded the limit
        std::optional<MeasurementWindow>
            violation;  // while at or below the limit again: above_limit, up to that point

        void add_measurement(double value, double limit, uint64_t from_ns, uint64_t now_ns);
        void reset();
        LimitReport report(model::ViolationState state, const RuleSet& rules) const;
        LimitReport clear(const RuleSet& rules, uint64_t now_ns);
    };

    std::shared_ptr<const RuleSet> rules_;  // rules that it was matched with; null: never matched
    std::vector<LimitState> limit_states_;
};

class Engine {
 public:
    using Handler = std::function<void(const ProcessView&, const LimitReport&)>;

    // suppressed by on_exit(); beyond this number every report is emitted
    static constexpr size_t max_suppressed = 4096;

    // The handler must not call the engine.
    explicit Engine(Handler handler);

    // Applies these rules from now on. Every ProcessLimitState is then out of date. Running
    // measurements continue under the rule with the same process, user and cgroup (if there are
    // several, the one at the same index); its limits and times may differ. Suppressed reports of
    // on_exit() are emitted first.
    void apply(RuleSet rules);
    const RuleSet& rules() const { return *rules_; }

    // Call it periodically: users may be created, deleted or renumbered while the rules hold.
    void refresh_users();
    // Messages about the rules' users, and the directory of all users.
    RuleUsers& users() { return users_; }

    // False if match() is due: it was never called, or rules or their users have changed since.
    bool is_current(const ProcessLimitState& process_limits) const;

    // Finds the rules that apply to the process. Call it also when name, image, user or cgroup of
    // the process have changed: limits that no longer apply are cleared.
    void match(ProcessLimitState& process_limits, const ProcessView& view, uint64_t now_ns);

    // True if at least one rule applies to the process.
    static bool is_watched(const ProcessLimitState& process_limits) {
        return !process_limits.limit_states_.empty();
    }

    // One measurement: rates over [from_ns, now_ns], other metrics at now_ns. An unavailable metric
    // neither raises nor clears a limit, and nothing is reported for it. A ProcessLimitState that
    // is out of date is compared with the rules that it was matched with.
    void evaluate(ProcessLimitState& process_limits, const ProcessView& view,
                  const model::Usage& usage, uint64_t from_ns, uint64_t now_ns);

    // The process has ended at now_ns: evaluates the last measurement, then clears what is raised.
    // A limit that only this measurement exceeds, for long enough, is reported once as raised and
    // exited: one report per rule, metric and parent each cooldown; the next report carries the
    // number of suppressed ones. Here metrics that are no rates also count for all of [from_ns,
    // now_ns], since they are the peak of that time. Calls match() first if it is due. Leaves the
    // ProcessLimitState empty, as if new.
    void on_exit(ProcessLimitState& process_limits, const ProcessView& view,
                 const model::Usage& usage, uint64_t from_ns, uint64_t now_ns);

    // Call it periodically: emits the last report that on_exit() suppressed, once its cooldown is
    // over.
    void flush_suppressed(uint64_t now_ns);

    // Limits that are raised and not yet cleared.
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

    bool matches(uint32_t rule, const ProcessView& view, const model::ProcessNames& names) const;
    std::vector<LimitState> limit_states_for(const ProcessView& view) const;
    void evaluate_limit(LimitState& limit_state, const RuleSet& rules, const ProcessView& view,
                        double value, uint64_t from_ns, uint64_t now_ns);
    void emit_cleared(const ProcessView& view, const LimitReport& report);
    void emit_exited(const LimitState& limit_state, const ProcessView& view, uint64_t now_ns);
    void emit_suppressed(Suppressed& suppressed, uint64_t now_ns);

    Handler handler_;
    std::shared_ptr<const RuleSet> rules_;
    RuleUsers users_;
    // of the current rules; the reports point into them
    std::map<SuppressionKey, Suppressed> suppressed_;
    size_t raised_ = 0;
};

}  // namespace vigil::rules
