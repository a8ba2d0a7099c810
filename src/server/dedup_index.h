// SPDX-License-Identifier: Apache-2.0
// What the log holds of each agent's journals: so a line that comes twice is taken once, and is
// acknowledged only when it is durable.
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
    // Beyond, the journal of an agent that was used longest ago is forgotten. Each start of an
    // agent begins a new one, and old ones come back only until they are acknowledged.
    static constexpr size_t max_journals = 256;

    // One journal of one agent.
    struct Entry {
        uint64_t appended = 0;   // its last line that was handed to the log
        uint64_t durable = 0;    // its last line that is on the disk
        uint64_t logged_at = 0;  // where in the log: sequence of the last one

        // (sequence in the log, sequence in the journal), of what is not durable yet
        std::deque<std::pair<uint64_t, uint64_t>> undurable;
        bool is_waiting = false;  // is in the list of those with marks
        uint32_t use_count = 0;
    };

    // The entry of that journal; made if there is none. Stays where it is as long as it is in use:
    // until release().
    Entry& use(std::string_view agent, std::string_view journal);
    // One that nothing was ever appended to is forgotten then: a name alone costs no memory.
    void release(std::string_view agent, std::string_view journal);

    // Lines up to `sequence` of that journal were appended; the last one has this place in the log.
    void appended(Entry& entry, uint64_t sequence, uint64_t log_sequence);

    // The log is on the disk up to there. Calls `durable` for each entry that has got further.
    void synced(uint64_t log_sequence, const std::function<void(Entry&)>& durable);

    size_t agents() const { return agents_.size(); }

    // All that is durable, as text: what load() reads. `log_sequence`: of the log's last line that
    // is taken into account.
    std::string text(uint64_t log_sequence) const;

    // Whether this is such a text, damaged or not.
    static bool is_index(std::string_view text);

    // Reads such a text; the sequence in it. An error leaves an empty ledger.
    Result<uint64_t> load(std::string_view text);

    // A line found in the log at start. Nothing where it tells no origin.
    void recover(std::string_view line, uint64_t log_sequence);

 private:
    using Journals = std::map<std::string, Entry, std::less<>>;

    Entry& entry(std::string_view agent, std::string_view journal);

    std::map<std::string, Journals, std::less<>> agents_;
    std::vector<Entry*> waiting_;
};

}  // namespace vigil::server
