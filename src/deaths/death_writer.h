// SPDX-License-Identifier: Apache-2.0
// Writes death records to the store on this machine. Each is formatted once: the stored line is the
// line that the listener gets. On the monitor's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "deaths/death_store.h"
#include "deaths/retention.h"
#include "format/formatter.h"
#include "model/event_sink.h"

namespace vigil::deaths {

// Callbacks for deaths. They come during calls of DeathWriter.
class DeathListener {
 public:
    virtual ~DeathListener() = default;

    // Called after the death was passed to the store; `line` is its JSON with the line end.
    virtual void on_death(const model::Event& /*death*/, std::string_view /*line*/) {}
    // For the user: one sentence about the store.
    virtual void on_store_message(const std::string& text) = 0;
};

class DeathWriter final : public model::EventSink {
 public:
    // The listener must outlive it.
    explicit DeathWriter(DeathListener& listener);
    DeathWriter(const DeathWriter&) = delete;
    DeathWriter& operator=(const DeathWriter&) = delete;

    // Opens the store in the directory "deaths" of `state`. Call it before the first event.
    Result<void> open(const std::string& state, const Retention& retention);

    // Writes a death, loss or monitoring gap.
    void on_event(const model::Event& event) override;

    // Call it about once a second: reports losses and errors, enforces the retention.
    void on_second();

    // See DeathStore.
    bool is_durable() { return store_->is_durable(); }
    bool wait_durable(uint64_t timeout_ns) { return store_->wait_durable(timeout_ns); }

    uint64_t deaths() const { return deaths_; }

 private:
    bool write(const model::Event& event);
    bool report_lost(const DeathStore::Lost& lost);

    DeathListener* listener_;
    std::unique_ptr<format::Formatter> json_;
    std::string line_;
    uint64_t deaths_ = 0;
    uint64_t next_retention_ns_ = 0;
    std::string reported_error_;
    std::unique_ptr<DeathStore> store_;
};

}  // namespace vigil::deaths
