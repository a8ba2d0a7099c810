// SPDX-License-Identifier: Apache-2.0
// Death records on this machine's disk: two journals (docs/journal.md) in a directory. Abnormal
// deaths, and reports of lost events and of time that was not monitored, have one of their own, so
// that a storm of clean exits never displaces them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/thread_annotations.h"
#include "journal/writer.h"
#include "model/event.h"

namespace vigil::deaths {

constexpr std::string_view abnormal_file = "abnormal.log";
constexpr std::string_view clean_file = "clean.log";

struct DeathStoreOptions {
    std::string directory;
    uint64_t max_bytes = 256 << 20;  // of both together
    // Older ones are deleted, up to an eighth of this time late.
    uint64_t max_age_ns = uint64_t{7} * 24 * 3600 * ns_per_s;
};

// For one thread; the journals have threads of their own.
class DeathStore {
 public:
    static Result<std::unique_ptr<DeathStore>> open(const DeathStoreOptions& options);

    // A death, a loss, or time that was not monitored, as one line with its end. False where it is
    // dropped (the disk takes none, and the buffer is full); a death is then counted.
    bool add(const model::Event& event, std::string_view line);

    // Deaths that were dropped and not reported yet. `report` makes the event and adds it: true
    // where that was taken.
    struct Lost {
        uint64_t count = 0;
        int64_t from_unix_ns = 0;
        int64_t to_unix_ns = 0;
    };
    void report_lost(const std::function<bool(const Lost&)>& report);

    // To be called about once a minute: deletes what is too old.
    void enforce_retention(int64_t unix_ns);

    // The error of the journals now; "": none.
    std::string last_error() const;

    // Whether all is on the disk that was added before the last call of this.
    bool is_durable();
    // Waits until all is on the disk, or for the timeout. Whether it is.
    bool wait_durable(uint64_t timeout_ns);

 private:
    struct Partition {
        std::string path;
        int64_t active_since_unix_ns = 0;  // its active file
        uint64_t asked = 0;                // the last line at the last is_durable()
        mutable Mutex mutex;
        std::string error GUARDED_BY(mutex);
        std::unique_ptr<journal::Writer> writer;
    };

    explicit DeathStore(const DeathStoreOptions& options) : options_(options) {}
    Result<void> open(Partition& partition, std::string_view file) const;
    void enforce_retention(Partition& part, int64_t unix_ns) const;

    DeathStoreOptions options_;
    std::optional<Lost> lost_;
    Partition abnormal_;
    Partition clean_;
};

}  // namespace vigil::deaths
