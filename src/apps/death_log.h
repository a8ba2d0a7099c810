// SPDX-License-Identifier: Apache-2.0
// Deaths, from the events that tell of them to the archive on this machine.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "apps/keep_options.h"
#include "base/result.h"
#include "history/archive.h"
#include "history/registrar.h"
#include "model/event.h"
#include "sinks/sink.h"

namespace vigil::apps {

class DeathLog {
 public:
    // `told` gets each death once it is in the archive, during take(). `word`: a sentence for the
    // user, during do_each_second().
    DeathLog(std::function<void(const model::Event&)> told,
             std::function<void(const std::string&)> word);
    DeathLog(const DeathLog&) = delete;
    DeathLog& operator=(const DeathLog&) = delete;

    // In the folder "deaths" of `state`; asks /proc who lives. Events must be recorded already.
    Result<void> open(const std::string& state, const Keep& keep);

    // Every event of the kernel in its order, and violations.
    void take(const model::Event& event);
    // Time in which nobody watched.
    void keep(const model::Event& event);

    // To be called about once a second.
    void do_each_second();

    // See history::Archive.
    bool is_durable() { return archive_->is_durable(); }
    bool settle(uint64_t timeout_ns) { return archive_->settle(timeout_ns); }

    uint64_t deaths() const { return deaths_; }

 private:
    bool write(const model::Event& event);
    bool tell_lost(const history::Archive::Lost& lost);

    std::function<void(const model::Event&)> told_;
    std::function<void(const std::string&)> word_;
    std::unique_ptr<sinks::Sink> json_;
    history::Registrar registrar_;
    std::string line_;
    uint64_t deaths_ = 0;
    uint64_t next_bounds_ns_ = 0;
    std::string trouble_told_;
    std::unique_ptr<history::Archive> archive_;
};

}  // namespace vigil::apps
