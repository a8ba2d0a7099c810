// SPDX-License-Identifier: Apache-2.0
#include "query/query.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/text.h"
#include "model/exec_image.h"
#include "model/name_pattern.h"
#include "model/process_names.h"
#include "query/boot_clocks.h"
#include "query/line_filter.h"
#include "query/name_match.h"
#include "query/reverse_line_reader.h"

namespace vigil::query {
namespace {

// After this many consecutive lines that are too old the search ends: a clock that was wrong for a
// while, as before the first time synchronisation of a boot, may have left some before newer lines.
constexpr size_t max_older_lines = 10'000;

model::ExecImage image_of(const DeathRecord& record) {
    model::ExecImage image;
    image.file = record.executable.value_or("");
    image.executable = model::base_name(image.file);
    std::string argv;
    for (const std::string& argument : record.argv) {
        argv += argument + '\0';
    }
    image.programs = model::find_programs(record.comm, image.executable, argv);
    return image;
}

bool matches_process_name(const DeathRecord& record, const std::string& name) {
    const model::ExecImage image = image_of(record);
    if (model::matches_any(name, model::names_of(record.comm, &image, record.cwd.value_or("")))) {
        return true;
    }
    return name.size() > max_comm_bytes && !model::has_wildcards(name) &&
           name.substr(0, max_comm_bytes) == record.comm;
}

bool matches_user(const DeathRecord& record, const std::string& user) {
    return record.user == user || (record.uid && std::to_string(*record.uid) == user);
}

bool matches_unit(const DeathRecord& record, const std::string& unit) {
    return record.unit && (model::matches_pattern(unit, *record.unit) ||
                           model::matches_pattern(unit + ".service", *record.unit));
}

// Wraps around instead of overflowing, as to_unix_ns() does.
int64_t difference(int64_t a, int64_t b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

// A journal and its next line.
class JournalCursor {
 public:
    explicit JournalCursor(ReverseLineReader lines) : lines_(std::move(lines)) {}
    JournalCursor(const JournalCursor&) = delete;  // line_ points into lines_
    JournalCursor& operator=(const JournalCursor&) = delete;

    // Advances to the next line with a valid prefix. False: there is none left.
    bool advance(int64_t since_unix_ns, BootClocks& clocks, QueryResult& result) {
        while (older_lines_ < max_older_lines) {
            const auto next = lines_.next();
            if (!next) {
                result.errors.push_back(next.error().context);
                continue;
            }
            if (!*next) {
                return false;
            }
            const auto prefix = parse_line_prefix(**next);
            if (prefix && set_time(*prefix, clocks)) {
                line_ = **next;
                prefix_ = *prefix;
                older_lines_ = unix_ns_ < since_unix_ns ? older_lines_ + 1 : 0;
                return true;
            }
        }
        return false;
    }

    // After a change of the clocks.
    void update_time(BootClocks& clocks) { (void)set_time(prefix_, clocks); }

    std::string_view line() const { return line_; }
    const LinePrefix& prefix() const { return prefix_; }
    // When the line was written, by the clock as it is set now.
    int64_t unix_ns() const { return unix_ns_; }
    // What is to be added to the line's own times for that.
    int64_t shift_ns() const { return shift_ns_; }

 private:
    bool set_time(const LinePrefix& prefix, BootClocks& clocks) {
        const auto own_ns = parse_utc(prefix.time);
        const auto now_ns = prefix.boot_ns ? clocks.unix_ns(prefix) : own_ns;
        if (!own_ns || !now_ns) {
            return false;
        }
        if (prefix.boot_ns) {
            shift_ns_ = difference(*now_ns, *own_ns);
        } else if (prefix.kind == to_string(model::Kind::death)) {
            shift_ns_ = 0;
        }
        // A gap has no time since boot: the clock was set as at the next death.
        unix_ns_ = to_unix_ns(static_cast<uint64_t>(*own_ns), shift_ns_);
        return true;
    }

    ReverseLineReader lines_;
    std::string_view line_;
    LinePrefix prefix_;
    int64_t unix_ns_ = 0;
    int64_t shift_ns_ = 0;
    size_t older_lines_ = 0;  // consecutive lines that were too old
};

// Deaths that are already in the result: two agents of one machine each record them.
class Deduplicator {
 public:
    // False: the death has been added before.
    bool add(const DeathRecord& record) {
        const std::pair key(*record.pid, record.start_ns.value_or(0));
        const auto [begin, end] = times_.equal_range(key);
        const auto same = [&](const auto& seen) {
            const auto [early, late] = std::minmax(seen.second, *record.unix_ns);
            return static_cast<uint64_t>(late) - static_cast<uint64_t>(early) <= ns_per_s;
        };
        if (std::any_of(begin, end, same)) {
            return false;
        }
        times_.emplace(key, *record.unix_ns);
        return true;
    }

 private:
    std::multimap<std::pair<uint32_t, uint64_t>, int64_t> times_;
};

struct Ranked {
    std::optional<uint64_t> rank;
    Match match;
};

// Of equal ranks the newer.
bool ranks_higher(const Ranked& a, const Ranked& b) {
    return std::pair(a.rank, a.match.unix_ns) > std::pair(b.rank, b.match.unix_ns);
}

class Search {
 public:
    Search(const Query& query, const std::function<bool(Match)>& on_match)
        : query_(&query), on_match_(&on_match), line_filter_(query), clocks_(query.clock) {}

    QueryResult run(const std::vector<std::string>& journals) {
        std::vector<std::unique_ptr<JournalCursor>> cursors;
        for (const std::string& journal : journals) {
            auto lines = ReverseLineReader::open(journal);
            if (!lines) {
                result_.errors.push_back(lines.error().context);
                continue;
            }
            auto cursor = std::make_unique<JournalCursor>(std::move(*lines));
            if (advance(*cursor)) {
                cursors.push_back(std::move(cursor));
            }
        }
        for (const auto& cursor : cursors) {
            clocks_.prefer_newer(cursor->prefix());
        }
        for (const auto& cursor : cursors) {
            cursor->update_time(clocks_);
        }
        while (!cursors.empty() && !done_) {
            const auto newest = std::max_element(
                cursors.begin(), cursors.end(),
                [](const auto& a, const auto& b) { return a->unix_ns() < b->unix_ns(); });
            oldest_ = (*newest)->prefix().time;
            handle(**newest);
            if (!advance(**newest)) {
                cursors.erase(newest);
            }
        }
        return finish();
    }

 private:
    bool advance(JournalCursor& cursor) {
        return cursor.advance(query_->filter.since_unix_ns, clocks_, result_);
    }

    bool is_ranked() const { return query_->order != Order::newest; }

    void emit(Match match) {
        reported_deaths_++;
        done_ = !(*on_match_)(std::move(match)) || reported_deaths_ >= query_->max_deaths;
    }

    void handle(const JournalCursor& cursor) {
        const std::string_view kind = cursor.prefix().kind;
        if (kind == to_string(model::Kind::loss) || kind == to_string(model::Kind::unobserved)) {
            on_gap(cursor.line(), cursor.shift_ns());
        } else if (kind == to_string(model::Kind::death) &&
                   cursor.unix_ns() >= query_->filter.since_unix_ns &&
                   cursor.unix_ns() <= query_->filter.until_unix_ns &&
                   line_filter_.may_match(cursor.line())) {
            on_death(cursor.line(), cursor.unix_ns());
        }
    }

    void on_gap(std::string_view line, int64_t shift_ns) {
        const ParsedRecord parsed = parser_.parse(line);
        const auto* gap = std::get_if<CoverageGap>(&parsed);
        if (gap == nullptr) {
            return;
        }
        const auto shifted = [&](int64_t unix_ns) {
            return to_unix_ns(static_cast<uint64_t>(unix_ns), shift_ns);
        };
        if (shifted(gap->from_unix_ns) > query_->filter.until_unix_ns ||
            shifted(gap->to_unix_ns) < query_->filter.since_unix_ns) {
            return;
        }
        if (reported_gaps_.insert(*gap).second) {
            result_.gaps.push_back(*gap);
        }
    }

    void on_death(std::string_view line, int64_t unix_ns) {
        const bool full = is_ranked() && ranked_.size() >= query_->max_deaths;
        if (full && line_filter_.rank(line) <= ranked_.front().rank) {
            return;
        }
        ParsedRecord parsed = parser_.parse(line);
        auto* record = std::get_if<DeathRecord>(&parsed);
        if (record == nullptr || !matches(*record, query_->filter, unix_ns)) {
            return;
        }
        const auto own_rank = rank(*record, query_->order);
        if ((full && own_rank <= ranked_.front().rank) || !deduplicator_.add(*record)) {
            return;
        }
        Match match{std::move(*record), escape_terminal_json(line), unix_ns};
        if (!is_ranked()) {
            emit(std::move(match));
            return;
        }
        if (full) {
            std::pop_heap(ranked_.begin(), ranked_.end(), ranks_higher);
            ranked_.pop_back();
        }
        ranked_.push_back({own_rank, std::move(match)});
        std::push_heap(ranked_.begin(), ranked_.end(), ranks_higher);
    }

    QueryResult finish() {
        std::sort(ranked_.begin(), ranked_.end(), ranks_higher);
        for (Ranked& ranked : ranked_) {
            if (!done_) {
                emit(std::move(ranked.match));
            }
        }
        result_.oldest_unix_ns = parse_utc(oldest_);
        return std::move(result_);
    }

    const Query* query_;
    const std::function<bool(Match)>* on_match_;
    LineFilter line_filter_;
    BootClocks clocks_;
    RecordParser parser_;
    Deduplicator deduplicator_;
    std::set<CoverageGap> reported_gaps_;
    std::string oldest_;
    size_t reported_deaths_ = 0;
    bool done_ = false;
    std::vector<Ranked> ranked_;  // a heap, the lowest rank on top
    QueryResult result_;
};

}  // namespace

bool matches(const DeathRecord& record, const DeathFilter& filter, int64_t unix_ns) {
    return unix_ns >= filter.since_unix_ns && unix_ns <= filter.until_unix_ns &&
           (!filter.name || matches_process_name(record, *filter.name)) &&
           (!filter.pid || record.pid == filter.pid) &&
           (!filter.user || matches_user(record, *filter.user)) &&
           (!filter.unit || matches_unit(record, *filter.unit)) &&
           (!filter.cause || record.cause == filter.cause) &&
           (!filter.abnormal || record.is_abnormal());
}

bool includes_clean_exits(const DeathFilter& filter) {
    return !filter.abnormal && filter.cause.value_or(model::Cause::exit) == model::Cause::exit;
}

QueryResult run_query(const std::vector<std::string>& journals, const Query& query) {
    std::vector<Match> deaths;
    QueryResult result = run_query(journals, query, [&](Match match) {
        deaths.push_back(std::move(match));
        return true;
    });
    result.deaths = std::move(deaths);
    return result;
}

QueryResult run_query(const std::vector<std::string>& journals, const Query& query,
                      const std::function<bool(Match)>& on_match) {
    return query.max_deaths == 0 ? QueryResult{} : Search(query, on_match).run(journals);
}

}  // namespace vigil::query
