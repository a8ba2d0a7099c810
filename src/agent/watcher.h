// SPDX-License-Identifier: Apache-2.0
// Holds every process of this machine against rules: sweeps each interval, follows forks, execs
// and exits in between, and tells violations as events.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/processes.h"
#include "base/result.h"
#include "capture/reader.h"
#include "host/users.h"
#include "model/event.h"
#include "rules/engine.h"
#include "sample/sampler.h"

namespace vigil::agent {

class Watcher {
 public:
    // Gets violations and losses, in order. The event's views are valid during the call.
    using Handler = std::function<void(const model::Event&)>;

    // `reader` brings forks, execs and exits; null: processes that live shorter than an interval
    // are not seen. It must outlive the watcher.
    Watcher(sample::Sampler sampler, capture::Reader* reader, uint64_t interval_ns,
            Handler handler);
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;

    // From now on these rules; see rules::Engine::apply().
    void apply(rules::RuleSet rules) { engine_.apply(std::move(rules)); }

    // `follower` gets every event of the reader, after what it has led to was told.
    void set_follower(Handler follower) { follower_ = std::move(follower); }

    // To be called each interval: a sweep, then the events until now.
    Result<void> tick();

    // Reads events in between; to be called when the reader is woken. Whether there were any.
    bool drain();

    // From now on the first event wakes the reader, not the ring when it fills.
    void be_prompt() { resting_ = VIGIL_READER_IDLE; }

    // To be called at the end: tells what the rules have held back.
    void finish() {
        drain();
        engine_.advance(UINT64_MAX);
    }

    size_t processes() const { return processes_.size(); }
    const rules::Engine& engine() const { return engine_; }
    // What this process itself used in the last tick; by model::Metric.
    const model::Usage& own_usage() const { return own_usage_; }
    const sample::Sampler& sampler() const { return sampler_; }

 private:
    bool read_events();
    void take(const model::Event& event);
    void born(const model::Event& event);
    void replaced(const model::Event& event);
    void ended(const model::Event& event);
    void move(Known& known, const model::Process& now) const;
    bool has_ended(const model::Process& process) const;
    void doubt_network(model::Sample& sample) const;
    void measure(model::Sample& sample);
    bool make_way(const model::Process& process);
    Known& current(const model::Sample& sample);
    void refresh(Known& known, const model::Sample& sample);
    void forget(Known& known);
    void forget_missing();
    void report(const rules::Subject& subject, const rules::Report& report);

    sample::Sampler sampler_;
    capture::Reader* reader_;
    uint64_t interval_ns_;
    Handler handler_;
    Handler follower_;
    rules::Engine engine_;
    Processes processes_;
    std::vector<model::Sample> samples_;
    std::unordered_map<uint32_t, uint64_t> ended_;         // since the last tick: pid and start
    std::unordered_map<uint32_t, uint64_t> ended_before_;  // in the tick before
    std::unordered_map<uint32_t, uint64_t> forgotten_;     // whose exit may still come
    host::UserNames users_;
    std::unordered_map<uint64_t, std::shared_ptr<const std::string>> cgroup_paths_;  // by id
    uint32_t resting_ = VIGIL_READER_NAPPING;  // what the reader does between two looks
    uint32_t own_pid_;
    uint64_t begun_ns_;
    uint64_t now_ns_ = 0;         // of the sweep, or the newest event
    uint64_t last_sweep_ns_ = 0;  // its begin
    uint64_t tick_ = 0;
    size_t shown_ = 0;  // processes that the sweep of this tick has shown
    model::Usage own_usage_;
};

}  // namespace vigil::agent
