// SPDX-License-Identifier: Apache-2.0
#include "history/query.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/text.h"
#include "history/lines.h"
#include "history/names.h"
#include "history/sieve.h"
#include "model/image.h"

namespace vigil::history {
namespace {

// So many lines in a row that are too old are the end: a clock that was wrong for a while, as
// before the first time signal of a boot, may have left some in front of good ones.
constexpr size_t most_older_lines = 10'000;

// A script that an interpreter was given, as `python3 backup.py`.
std::string script_of(const Certificate& certificate, std::string_view executable) {
    std::string argv;
    for (const std::string& argument : certificate.argv) {
        argv += argument + '\0';
    }
    return model::script_name(certificate.comm, executable, argv);
}

bool matches_process_name(const Certificate& certificate, const std::string& name) {
    const std::string executable(model::base_name(certificate.executable.value_or("")));
    if (matches_name(name, certificate.comm) ||
        (!executable.empty() && matches_name(name, executable))) {
        return true;
    }
    const std::string script = script_of(certificate, executable);
    if (!script.empty() && matches_name(name, script)) {
        return true;
    }
    return name.size() > longest_comm && !has_wildcards(name) &&
           name.substr(0, longest_comm) == certificate.comm;
}

bool matches_user(const Certificate& certificate, const std::string& user) {
    return certificate.user == user ||
           (certificate.uid && std::to_string(*certificate.uid) == user);
}

bool matches_unit(const Certificate& certificate, const std::string& unit) {
    return certificate.unit && (matches_name(unit, *certificate.unit) ||
                                matches_name(unit + ".service", *certificate.unit));
}

// One journal, and the line of it that comes next.
class Source {
 public:
    explicit Source(Lines lines) : lines_(std::move(lines)) {}
    Source(const Source&) = delete;  // the line is one of its own bytes
    Source& operator=(const Source&) = delete;

    // To the next line that begins as one should. False: there is none.
    bool advance(const Sieve& sieve, Answer& answer) {
        while (older_ < most_older_lines) {
            const auto next = lines_.next();
            if (!next) {
                answer.troubles.push_back(next.error().context);
                continue;
            }
            if (!*next) {
                return false;
            }
            if (const auto head = read_head(**next)) {
                line_ = **next;
                head_ = *head;
                older_ = sieve.is_before(*head) ? older_ + 1 : 0;
                return true;
            }
        }
        return false;
    }

    std::string_view line() const { return line_; }
    const Head& head() const { return head_; }

 private:
    Lines lines_;
    std::string_view line_;
    Head head_;
    size_t older_ = 0;  // lines in a row
};

// Deaths that are in the answer already: two agents of one machine tell each.
class Told {
 public:
    // False: it was told before.
    bool add(const Certificate& certificate) {
        const std::pair key(*certificate.pid, certificate.start_ns.value_or(0));
        const auto [begin, end] = times_.equal_range(key);
        const auto same = [&](const auto& told) {
            const auto [early, late] = std::minmax(told.second, *certificate.unix_ns);
            return static_cast<uint64_t>(late) - static_cast<uint64_t>(early) <= ns_per_s;
        };
        if (std::any_of(begin, end, same)) {
            return false;
        }
        times_.emplace(key, *certificate.unix_ns);
        return true;
    }

 private:
    std::multimap<std::pair<uint32_t, uint64_t>, int64_t> times_;
};

struct Ranked {
    std::optional<uint64_t> rank;
    Found found;
};

// Of equal ones the newer.
bool above(const Ranked& a, const Ranked& b) {
    return std::pair(a.rank, a.found.certificate.unix_ns) >
           std::pair(b.rank, b.found.certificate.unix_ns);
}

class Search {
 public:
    Search(const Query& query, const std::function<bool(Found)>& each)
        : query_(&query), each_(&each), sieve_(query) {}

    Answer run(const std::vector<std::string>& journals) {
        std::vector<std::unique_ptr<Source>> sources;
        for (const std::string& journal : journals) {
            auto lines = Lines::open(journal);
            if (!lines) {
                answer_.troubles.push_back(lines.error().context);
                continue;
            }
            auto source = std::make_unique<Source>(std::move(*lines));
            if (source->advance(sieve_, answer_)) {
                sources.push_back(std::move(source));
            }
        }
        while (!sources.empty() && !done_) {
            const auto newest = std::max_element(
                sources.begin(), sources.end(),
                [](const auto& a, const auto& b) { return a->head().time < b->head().time; });
            oldest_ = (*newest)->head().time;
            take(**newest);
            if (!(*newest)->advance(sieve_, answer_)) {
                sources.erase(newest);
            }
        }
        return finish();
    }

 private:
    bool is_ranked() const { return query_->order != Order::newest; }

    void tell(Found found) {
        told_deaths_++;
        done_ = !(*each_)(std::move(found)) || told_deaths_ >= query_->most;
    }

    void take(const Source& source) {
        const std::string_view kind = source.head().kind;
        if (kind == "loss" || kind == "unobserved") {
            take_receipt(source.line());
        } else if (kind == "death" && sieve_.may_match(source.line(), source.head())) {
            take_death(source.line());
        }
    }

    void take_receipt(std::string_view line) {
        const Record record = parser_.parse(line);
        const auto* receipt = std::get_if<Receipt>(&record);
        if (receipt == nullptr || receipt->from_unix_ns > query_->conditions.until_unix_ns ||
            receipt->to_unix_ns < query_->conditions.since_unix_ns) {
            return;
        }
        if (told_receipts_.insert(*receipt).second) {
            answer_.receipts.push_back(*receipt);
        }
    }

    void take_death(std::string_view line) {
        const bool full = is_ranked() && ranked_.size() >= query_->most;
        if (full && sieve_.rank(line) <= ranked_.front().rank) {
            return;
        }
        Record record = parser_.parse(line);
        auto* certificate = std::get_if<Certificate>(&record);
        if (certificate == nullptr || !matches(*certificate, query_->conditions)) {
            return;
        }
        const auto own_rank = rank(*certificate, query_->order);
        if ((full && own_rank <= ranked_.front().rank) || !told_.add(*certificate)) {
            return;
        }
        Found found{std::move(*certificate), printable_json(line)};
        if (!is_ranked()) {
            tell(std::move(found));
            return;
        }
        if (full) {
            std::pop_heap(ranked_.begin(), ranked_.end(), above);
            ranked_.pop_back();
        }
        ranked_.push_back({own_rank, std::move(found)});
        std::push_heap(ranked_.begin(), ranked_.end(), above);
    }

    Answer finish() {
        std::sort(ranked_.begin(), ranked_.end(), above);
        for (Ranked& each : ranked_) {
            if (!done_) {
                tell(std::move(each.found));
            }
        }
        answer_.oldest_unix_ns = parse_utc(oldest_);
        return std::move(answer_);
    }

    const Query* query_;
    const std::function<bool(Found)>* each_;
    Sieve sieve_;
    Parser parser_;
    Told told_;
    std::set<Receipt> told_receipts_;
    std::string oldest_;
    size_t told_deaths_ = 0;
    bool done_ = false;
    std::vector<Ranked> ranked_;  // a heap, the least one on top
    Answer answer_;
};

}  // namespace

bool matches(const Certificate& certificate, const Conditions& conditions) {
    return certificate.unix_ns >= conditions.since_unix_ns &&
           certificate.unix_ns <= conditions.until_unix_ns &&
           (!conditions.name || matches_process_name(certificate, *conditions.name)) &&
           (!conditions.pid || certificate.pid == conditions.pid) &&
           (!conditions.user || matches_user(certificate, *conditions.user)) &&
           (!conditions.unit || matches_unit(certificate, *conditions.unit)) &&
           (!conditions.cause || certificate.cause == conditions.cause) &&
           (!conditions.abnormal || certificate.is_abnormal());
}

bool takes_clean_exits(const Conditions& conditions) {
    return !conditions.abnormal &&
           conditions.cause.value_or(model::Cause::exit) == model::Cause::exit;
}

Answer ask(const std::vector<std::string>& journals, const Query& query) {
    std::vector<Found> deaths;
    Answer answer = ask(journals, query, [&](Found found) {
        deaths.push_back(std::move(found));
        return true;
    });
    answer.deaths = std::move(deaths);
    return answer;
}

Answer ask(const std::vector<std::string>& journals, const Query& query,
           const std::function<bool(Found)>& each) {
    return query.most == 0 ? Answer{} : Search(query, each).run(journals);
}

}  // namespace vigil::history
