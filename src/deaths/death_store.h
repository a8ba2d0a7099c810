// SPDX-License-Identifier: Apache-2.0
// Death records on this machine's disk: two journals (docs/journal.md) in a directory. One is for
// abnormal deaths, losses and monitoring gaps, so that many clean exits never displace them; the
// other is for clean exits.
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
    uint64_t max_bytes = 256 << 20;  // of both journals together
    // Older records are deleted, up to an eighth of this time late.
    uint64_t max_age_ns = uint64_t{7} * 24 * 3600 * ns_per_s;
};

// Used by one thread; the journals have threads of their own.
class DeathStore {
 public:
    static Result<std::unique_ptr<DeathStore>> open(const DeathStoreOptions& options);

    // Adds a death, loss or monitoring gap as one line with its line end. False if it is dropped
    // (the disk accepts no data, and the buffer is full); a dropped death is counted.
    bool add(const model::Event& event, std::string_view line);

    // Deaths that were dropped and not reported yet. `report` builds the event and adds it: true if
    // it was accepted.
    struct Lost {
        uint64_t count = 0;
        int64_t from_unix_ns = 0;
        int64_t to_unix_ns = 0;
    };
    void report_lost(const std::function<bool(const Lost&)>& report);

    // Call it about once a minute: deletes records that are too old.
    void enforce_retention(int64_t unix_ns);

    // The current error of the journals; "": none.
    std::string last_error() const;

    // True if everything added before the previous call is durable.
    bool is_durable();
    // Waits until everything is durable, at most for the timeout. True if it is.
    bool wait_durable(uint64_t timeout_ns);

 private:
    struct Partition {
        std::string path;
        int64_t active_since_unix_ns = 0;  // creation time of its active file
        uint64_t checked_sequence = 0;     // last line at the last is_durable()
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
