// SPDX-License-Identifier: Apache-2.0
#include "server/dedup_index.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/units.h"
#include "wire/protocol.h"

namespace vigil::server {
namespace {

constexpr std::string_view title = "vigil ledger 1 ";

// Removes the text up to the next `end` from `rest`, with the `end`, and returns the text.
std::string_view next_field(std::string_view& rest, char end) {
    const size_t at = std::min(rest.find(end), rest.size());
    const std::string_view field = rest.substr(0, at);
    rest.remove_prefix(std::min(at + 1, rest.size()));
    return field;
}

}  // namespace

DedupIndex::Entry& DedupIndex::entry(std::string_view agent, std::string_view journal) {
    auto found = agents_.find(agent);
    if (found == agents_.end()) {
        found = agents_.emplace(agent, Journals()).first;
    }
    Journals& journals = found->second;
    if (const auto it = journals.find(journal); it != journals.end()) {
        return it->second;
    }
    if (journals.size() >= max_journals) {
        auto oldest = journals.end();
        for (auto it = journals.begin(); it != journals.end(); ++it) {
            const bool idle = it->second.use_count == 0 && !it->second.is_waiting;
            if (idle &&
                (oldest == journals.end() || it->second.logged_at < oldest->second.logged_at)) {
                oldest = it;
            }
        }
        if (oldest != journals.end()) {
            journals.erase(oldest);
        }
    }
    return journals.emplace(journal, Entry()).first->second;
}

DedupIndex::Entry& DedupIndex::use(std::string_view agent, std::string_view journal) {
    Entry& found = entry(agent, journal);
    found.use_count++;
    return found;
}

void DedupIndex::release(std::string_view agent, std::string_view journal) {
    const auto found = agents_.find(agent);
    CHECK(found != agents_.end());
    const auto it = found->second.find(journal);
    CHECK(it != found->second.end() && it->second.use_count > 0);
    it->second.use_count--;
    if (it->second.use_count == 0 && it->second.appended == 0) {
        found->second.erase(it);
        if (found->second.empty()) {
            agents_.erase(found);
        }
    }
}

void DedupIndex::appended(Entry& entry, uint64_t sequence, LogRange logged) {
    entry.appended = sequence;
    entry.logged_at = logged.last;
    entry.undurable.push_back({logged, sequence});
    if (!std::exchange(entry.is_waiting, true)) {
        waiting_.push_back(&entry);
    }
}

void DedupIndex::synced(uint64_t log_sequence, const std::function<void(Entry&)>& durable) {
    std::vector<Entry*> still_waiting;
    for (Entry* entry : std::exchange(waiting_, {})) {
        const uint64_t before = entry->durable;
        while (!entry->undurable.empty() && entry->undurable.front().logged.last <= log_sequence) {
            entry->durable = entry->undurable.front().sequence;
            entry->undurable.pop_front();
        }
        entry->is_waiting = !entry->undurable.empty();
        if (entry->is_waiting) {
            still_waiting.push_back(entry);
        }
        if (entry->durable > before) {
            durable(*entry);
        }
    }
    waiting_.insert(waiting_.end(), still_waiting.begin(), still_waiting.end());
}

std::string DedupIndex::text(uint64_t log_sequence) const {
    // A commit may end within a batch, as where a segment is full. Durable lines of it that no
    // entry counts must be read from the log again, or they would be logged twice.
    uint64_t covered = log_sequence;
    for (const Entry* each : waiting_) {
        covered = std::min(covered, each->undurable.front().logged.first - 1);
    }
    std::string text = fmt::format("{}{}\n", title, covered);
    for (const auto& [agent, journals] : agents_) {
        for (const auto& [journal, each] : journals) {
            if (each.durable > 0) {
                fmt::format_to(std::back_inserter(text), FMT_COMPILE("{} {} {} {}\n"), agent,
                               journal, each.durable, each.logged_at);
            }
        }
    }
    return text;
}

bool DedupIndex::is_index(std::string_view text) {
    constexpr std::string_view any_version = title.substr(0, title.find('1'));
    return text.starts_with(any_version);
}

Result<uint64_t> DedupIndex::load(std::string_view text) {
    agents_.clear();
    const auto parse_error = [this](size_t line) {
        agents_.clear();
        return Error{ErrorCode::failed,
                     fmt::format("line {}: expected AGENT JOURNAL SEQUENCE PLACE", line)};
    };
    std::string_view first = next_field(text, '\n');
    if (!first.starts_with(title)) {
        return Error{ErrorCode::failed, fmt::format("line 1: expected '{}NUMBER'", title)};
    }
    TRY_ASSIGN(const uint64_t log_sequence,
               parse_number(first.substr(title.size()), 0, UINT64_MAX - 1));
    for (size_t line = 2; !text.empty(); line++) {
        std::string_view rest = next_field(text, '\n');
        const std::string_view agent = next_field(rest, ' ');
        const std::string_view journal = next_field(rest, ' ');
        const auto sequence = parse_number(next_field(rest, ' '), 1, UINT64_MAX - 1);
        const auto place = parse_number(rest, 0, UINT64_MAX - 1);
        if (!is_name(agent) || !wire::is_uuid(journal) || !sequence || !place) {
            return parse_error(line);
        }
        Entry& read = entry(agent, journal);
        read.appended = read.durable = *sequence;
        read.logged_at = *place;
    }
    return log_sequence;
}

void DedupIndex::recover(std::string_view line, uint64_t log_sequence) {
    const auto origin = wire::parse_origin(line);
    if (!origin) {
        return;
    }
    Entry& known = entry(origin->agent, origin->journal);
    known.durable = known.appended = std::max(known.appended, origin->sequence);
    known.logged_at = log_sequence;
}

}  // namespace vigil::server
