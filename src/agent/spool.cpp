// SPDX-License-Identifier: Apache-2.0
#include "agent/spool.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "base/units.h"
#include "wire/protocol.h"

namespace vigil::agent {
namespace {

constexpr size_t largest_state_bytes = 1 << 20;
constexpr mode_t state_mode = 0600;
constexpr size_t pending_bytes = 4 << 20;
constexpr size_t part_bytes = 256 << 10;

std::string state_path(const SpoolOptions& options) { return options.folder + "/spool.state"; }
std::string journal_path(const SpoolOptions& options) { return options.folder + "/spool"; }

// The time of a line of the journal; 0 where it has none.
int64_t time_of(std::string_view line) {
    constexpr std::string_view begin = "{\"time\":\"";
    constexpr size_t length = sizeof "2026-11-20T22:33:49.123456Z" - 1;
    return line.starts_with(begin) ? parse_utc(line.substr(begin.size(), length)).value_or(0) : 0;
}

// What stands behind `key` in a line; in a string the quotes of a key are escaped.
std::string_view value_of(std::string_view line, std::string_view key, std::string_view end) {
    const size_t at = std::min(line.find(key), line.size());
    const size_t begin = std::min(at + key.size(), line.size());
    return line.substr(begin, line.find_first_of(end, begin) - begin);
}

// A line that goes. Of one that tells a loss, what it tells goes on to the one that tells of it.
void add_line(SpoolLoss& loss, std::string_view line) {
    const int64_t time_ns = time_of(line);
    int64_t from_ns = time_ns;
    loss.count++;
    if (value_of(line, ",\"kind\":\"", "\"") == "loss") {
        const auto count = parse_number(value_of(line, ",\"count\":", ",}"), 0, INT64_MAX);
        loss.count += count ? *count : 0;
        from_ns = parse_utc(value_of(line, ",\"from\":\"", "\"")).value_or(time_ns);
    }
    loss.from_unix_ns = loss.from_unix_ns == 0 ? from_ns : std::min(loss.from_unix_ns, from_ns);
    loss.to_unix_ns = std::max(loss.to_unix_ns, time_ns);
}

}  // namespace

Spool::Spool(const SpoolOptions& options) : options_(options) {
    options_.segment_bytes = std::min(options.segment_bytes, options.total_bytes / 4);
}

Spool::~Spool() {
    writer_.reset();
    (void)write_state();
}

Result<std::unique_ptr<Spool>> Spool::open(const SpoolOptions& options) {
    std::unique_ptr<Spool> spool(new Spool(options));
    TRY(make_folders(options.folder, 0700));
    TRY_ASSIGN(const auto state, read_file_if_any(state_path(options), largest_state_bytes));
    SpoolState parsed = parse_state(state ? std::string_view(*state) : std::string_view());
    journal::WriterOptions writer;
    writer.path = journal_path(options);
    writer.segment_bytes = spool->options_.segment_bytes;
    writer.pending_bytes = pending_bytes;
    writer.first_sequence = parsed.acknowledged + 1;
    writer.new_segment = true;
    writer.mode = state_mode;
    journal::WriterEvents events;
    events.on_synced = [self = spool.get()](uint64_t) {
        const MutexLock lock(self->listener_mutex_);
        if (self->listener_ != nullptr) {
            self->listener_->on_lines_durable();
        }
    };
    events.on_trouble = [self = spool.get()](const std::string& text) {
        const MutexLock lock(self->mutex_);
        self->trouble_ = text;
    };
    TRY_ASSIGN(spool->writer_, journal::Writer::open(std::move(writer), std::move(events)));

    spool->begin_run(std::move(parsed));
    TRY(spool->write_state());
    return spool;
}

void Spool::set_listener(SpoolListener* listener) {
    const MutexLock lock(listener_mutex_);
    listener_ = listener;
}

void Spool::begin_run(SpoolState state) {
    const MutexLock lock(mutex_);
    state_ = std::move(state);
    const uint64_t next = writer_->next_sequence();
    const uint64_t oldest = writer_->oldest_sequence();
    std::vector<SpoolRun>& runs = state_.runs;
    // Lines that an unknown journal has left (its state was lost) get a new name.
    std::erase_if(runs, [&](const SpoolRun& run) { return run.first_sequence >= next; });
    if (oldest < next && (runs.empty() || runs.front().first_sequence > oldest)) {
        runs.insert(runs.begin(), SpoolRun{wire::make_uuid(), oldest});
    }
    runs.push_back({wire::make_uuid(), next});
    if (state_.acknowledged >= next) {
        state_.acknowledged = 0;  // can't be: twice is better than not at all
    }
    state_.acknowledged = std::max(state_.acknowledged, oldest - 1);
    if (state_.telling && state_.telling_at >= next) {
        merge(state_.loss, *state_.telling);  // its line did not get to the disk
    }
    state_.telling.reset();
    safe_ = state_.acknowledged;
}

// Where it has changed. Not under the lock: the disk may take its time.
Result<void> Spool::write_state() {
    std::string text;
    {
        const MutexLock lock(mutex_);
        text = format_state(state_);
    }
    if (text == written_) {
        return {};
    }
    written_.clear();
    TRY(replace_file(state_path(options_), text, state_mode));
    written_ = std::move(text);
    return {};
}

bool Spool::add(std::string_view line, int64_t unix_ns) {
    if (writer_->append(line)) {
        return true;
    }
    lose({.count = 1, .from_unix_ns = unix_ns, .to_unix_ns = unix_ns}, 1);
    return false;
}

void Spool::lose(const SpoolLoss& loss, uint64_t lines) {
    const MutexLock lock(mutex_);
    lost_ += lines;
    merge(state_.loss, loss);
}

void Spool::tell_loss(const std::function<std::string(const SpoolLoss&)>& line_of) {
    SpoolLoss loss;
    {
        const MutexLock lock(mutex_);
        if (!state_.loss || state_.telling) {
            return;
        }
        loss = *state_.loss;
        state_.telling = std::exchange(state_.loss, std::nullopt);
        state_.telling_at = writer_->next_sequence();
    }
    // Where the state can't say so, a kill would have it told twice; where there is no room for
    // the line now, it is told together with what will be lost until then.
    if (!write_state() || !writer_->append(line_of(loss))) {
        {
            const MutexLock lock(mutex_);
            merge(state_.loss, loss);
            state_.telling.reset();
        }
        (void)write_state();
    }
}

// Of the lines from `first` on, `end` not among them.
SpoolLoss Spool::loss_of(uint64_t first, uint64_t end) const {
    SpoolLoss loss;
    journal::Reader reader(journal_path(options_), first);
    std::string lines;
    while (reader.next_sequence() < end) {
        lines.clear();
        const auto count = reader.read(lines, part_bytes, end - 1);
        if (!count || *count == 0) {
            break;
        }
        for (size_t begin = 0; begin < lines.size();) {
            const size_t line_end = lines.find('\n', begin);
            add_line(loss, std::string_view(lines).substr(begin, line_end - begin));
            begin = line_end + 1;
        }
    }
    loss.count = std::max(loss.count, end - first);  // what can't be read goes too
    return loss;
}

// The lines before `end`, but for those that are acknowledged while they are counted.
void Spool::give_up(uint64_t end) {
    for (uint64_t first = acknowledged() + 1; first < end;) {
        const SpoolLoss loss = loss_of(first, end);
        const MutexLock lock(mutex_);
        if (state_.acknowledged + 1 == first) {
            lost_ += end - first;
            merge(state_.loss, loss);
            state_.acknowledged = end - 1;
        }
        first = state_.acknowledged + 1;
    }
}

void Spool::keep_bounds() {
    {
        const MutexLock lock(mutex_);
        if (state_.telling && writer_->synced() >= state_.telling_at) {
            state_.telling.reset();
        }
        std::vector<SpoolRun>& runs = state_.runs;
        const uint64_t next = state_.acknowledged + 1;
        if (runs.size() > 1 && runs[1].first_sequence <= next) {
            const auto still_used =
                std::find_if(runs.begin() + 1, runs.end(),
                             [&](const SpoolRun& run) { return run.first_sequence > next; });
            runs.erase(runs.begin(), still_used - 1);
        }
    }
    remove_old();
    if (writer_->bytes_on_disk() <= options_.total_bytes) {
        return;
    }
    const auto segments = journal::list_segments(journal_path(options_));
    if (!segments) {
        return;
    }
    uint64_t bytes = 0;
    for (const auto& segment : *segments) {
        bytes += segment.size_bytes;
    }
    for (size_t i = 0; i + 1 < segments->size() && bytes > options_.total_bytes; i++) {
        give_up((*segments)[i + 1].first_sequence);
        bytes -= (*segments)[i].size_bytes;
    }
    remove_old();
}

// What is lost is on the disk before the lines are gone from it. What the server has acknowledged
// may go in any case: the server knows it too, and drops what comes twice.
void Spool::remove_old() {
    const uint64_t acknowledged = this->acknowledged();
    const bool written = write_state().has_value();
    const MutexLock lock(mutex_);
    writer_->remove_before((written ? acknowledged : safe_) + 1);
}

std::string Spool::trouble() const {
    const MutexLock lock(mutex_);
    return trouble_;
}

void Spool::settle(uint64_t timeout_ns) {
    (void)writer_->wait_synced(writer_->next_sequence() - 1, timeout_ns);
}

const SpoolRun& Spool::run_of(uint64_t sequence) const {
    auto run = state_.runs.begin();
    while (run + 1 != state_.runs.end() && (run + 1)->first_sequence <= sequence) {
        ++run;
    }
    return *run;
}

// The first sequence behind it.
uint64_t Spool::end_of(const SpoolRun& run) const {
    const SpoolRun* next = &run + 1;
    return next == state_.runs.data() + state_.runs.size() ? UINT64_MAX : next->first_sequence;
}

Result<std::optional<SpoolPart>> Spool::next(uint64_t after, size_t most_bytes) {
    const uint64_t synced = writer_->synced();
    uint64_t first = 0;
    {
        const MutexLock lock(mutex_);
        first = std::max({after, state_.acknowledged, writer_->oldest_sequence() - 1}) + 1;
    }
    while (first <= synced) {
        SpoolPart part;
        uint64_t last = synced;
        {
            const MutexLock lock(mutex_);
            const SpoolRun& run = run_of(first);
            part.journal = run.journal;
            last = std::min(last, end_of(run) - 1);
        }
        if (!reader_ || reader_->next_sequence() != first) {
            reader_ = std::make_unique<journal::Reader>(journal_path(options_), first);
        }
        const auto count = reader_->read(part.lines, most_bytes, last);
        const uint64_t next = reader_->next_sequence();
        part.count = count ? *count : 0;
        part.first_sequence = next - part.count;
        miss(first, part.first_sequence);
        if (part.count > 0) {
            return std::optional(std::move(part));
        }
        if (next == first) {
            return count ? Result<std::optional<SpoolPart>>(std::nullopt) : count.error();
        }
        first = next;  // behind a damaged line, or lines that are missing
    }
    return std::optional<SpoolPart>();
}

// The lines from `first` to the one before `end` can't be read. Told once, and not where they have
// been given up meanwhile.
void Spool::miss(uint64_t first, uint64_t end) {
    const MutexLock lock(mutex_);
    first = std::max({first, state_.acknowledged + 1, missed_before_});
    if (first >= end) {
        return;
    }
    missed_before_ = end;
    const int64_t now_ns = unix_now_ns();
    lost_ += end - first;
    merge(state_.loss, {.count = end - first, .from_unix_ns = now_ns, .to_unix_ns = now_ns});
}

SpoolPart Spool::begin() const {
    const MutexLock lock(mutex_);
    SpoolPart part;
    part.first_sequence = state_.acknowledged + 1;
    part.journal = run_of(part.first_sequence).journal;
    return part;
}

void Spool::acknowledge(std::string_view journal, uint64_t sequence) {
    const MutexLock lock(mutex_);
    for (const SpoolRun& run : state_.runs) {
        if (run.journal == journal && sequence >= run.first_sequence) {
            const uint64_t most = std::min(end_of(run) - 1, writer_->synced());
            safe_ = std::max(safe_, std::min(sequence, most));
            state_.acknowledged = std::max(state_.acknowledged, safe_);
        }
    }
}

uint64_t Spool::acknowledged() const {
    const MutexLock lock(mutex_);
    return state_.acknowledged;
}

uint64_t Spool::queued() const {
    const MutexLock lock(mutex_);
    return writer_->next_sequence() - 1 -
           std::min(state_.acknowledged, writer_->next_sequence() - 1);
}

uint64_t Spool::lost() const {
    const MutexLock lock(mutex_);
    return lost_;
}

}  // namespace vigil::agent
