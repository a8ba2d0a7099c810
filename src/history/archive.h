// SPDX-License-Identifier: Apache-2.0
// Death certificates on this machine's disk: two journals (docs/journal.md) in a folder. Abnormal
// deaths, and what is told of time and events that nobody saw, have one of their own, so that a
// storm of clean exits never pushes them out.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "journal/writer.h"
#include "model/event.h"

namespace vigil::history {

constexpr std::string_view abnormal_file = "abnormal.log";
constexpr std::string_view clean_file = "clean.log";

struct ArchiveOptions {
    std::string folder;
    uint64_t keep_bytes = 256 << 20;  // of both together
    // Older ones are deleted, within an eighth of it.
    uint64_t keep_ns = uint64_t{7} * 24 * 3600 * ns_per_s;
};

// For one thread.
class Archive {
 public:
    static Result<std::unique_ptr<Archive>> open(const ArchiveOptions& options);

    // A death, loss or unobserved time, as one line with its end. False where it finds no room (the
    // disk takes none, and memory is full); a death is then counted.
    bool add(const model::Event& event, std::string_view line);

    // Deaths that found no room and were not told yet. `tell` makes the event and adds it: true
    // where that was taken.
    struct Lost {
        uint64_t count = 0;
        int64_t from_unix_ns = 0;
        int64_t to_unix_ns = 0;
    };
    void tell_lost(const std::function<bool(const Lost&)>& tell);

    // To be called about once a minute: deletes what is too old.
    void keep_bounds(int64_t unix_ns);

    // What fails now; "": nothing.
    std::string trouble() const;

    // Whether all is on the disk that was added before this was asked last.
    bool is_durable();
    // Waits until all is on the disk, or so long. Whether it is.
    bool settle(uint64_t timeout_ns);

 private:
    struct Part {
        std::string path;
        int64_t begun_unix_ns = 0;  // its active file
        uint64_t asked = 0;         // the last line when is_durable() was asked last
        mutable std::mutex mutex;
        std::string trouble;  // under the mutex
        std::unique_ptr<journal::Writer> writer;
    };

    explicit Archive(const ArchiveOptions& options) : options_(options) {}
    Result<void> open(Part& part, std::string_view file) const;
    void keep_bounds(Part& part, int64_t unix_ns) const;

    ArchiveOptions options_;
    std::optional<Lost> lost_;
    Part abnormal_;
    Part clean_;
};

}  // namespace vigil::history
