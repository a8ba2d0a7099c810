// SPDX-License-Identifier: Apache-2.0
// The lines of each agent's journals that the log holds: a line that arrives twice is logged once,
// and is acknowledged only when it is durable. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace vigil::server {

class DedupIndex {
 public:
    // Beyond this number an agent's least recently used journal is forgotten. Each start of an
    // agent begins a new journal, and old ones return only until they are acknowledged.
    static constexpr size_t max_journals = 256;

    // Numbers in the log of lines that were appended together.
    struct LogRange {
        uint64_t first = 0;
        uint64_t last = 0;
    };

    // One journal of one agent.
    struct Entry {
        uint64_t appended = 0;   // its last line that was passed to the log
        uint64_t durable = 0;    // its last durable line
        uint64_t logged_at = 0;  // sequence in the log of its last line

        struct Batch {
            LogRange logged;
            uint64_t sequence = 0;  // in the journal, of the last line
        };
        std::deque<Batch> undurable;  // oldest first; of the first, some lines may be durable
        bool is_waiting = false;      // is in the list of entries with undurable lines
        uint32_t use_count = 0;
    };

    // The entry of that journal, created if missing. It does not move until release().
    Entry& use(std::string_view agent, std::string_view journal);
    // An entry without any appended line is then forgotten: a name alone costs no memory.
    void release(std::string_view agent, std::string_view journal);

    // Lines up to `sequence` of that journal were appended, with these numbers in the log.
    void appended(Entry& entry, uint64_t sequence, LogRange logged);

    // The log is durable up to `log_sequence`. Calls `durable` for each entry that advanced.
    void synced(uint64_t log_sequence, const std::function<void(Entry&)>& durable);

    size_t agents() const { return agents_.size(); }

    // The durable state as text, which load() reads, after synced(log_sequence). It says which
    // lines of the log it covers: all up to that one, or to the first batch that ends after it.
    std::string text(uint64_t log_sequence) const;

    // Whether this is such a text, damaged or not.
    static bool is_index(std::string_view text);

    // Reads such a text and returns its log sequence. After an error the index is empty.
    Result<uint64_t> load(std::string_view text);

    // Adds a line found in the log at start. Ignores a line without an origin.
    void recover(std::string_view line, uint64_t log_sequence);

 private:
    using Journals = std::map<std::string, Entry, std::less<>>;

    Entry& entry(std::string_view agent, std::string_view journal);

    std::map<std::string, Journals, std::less<>> agents_;
    std::vector<Entry*> waiting_;
};

}  // namespace vigil::server
