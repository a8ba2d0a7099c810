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

constexpr std::string_view title = "vigil spool 1 ";
constexpr size_t largest_state_bytes = 1 << 20;
constexpr mode_t state_mode = 0600;
constexpr size_t pending_bytes = 4 << 20;
// More lines than any agent writes: what says so is damaged.
constexpr uint64_t most_acknowledged = journal::largest_sequence / 2;
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

Result<std::unique_ptr<Spool>> Spool::open(const SpoolOptions& options,
                                           std::function<void()> changed) {
    std::unique_ptr<Spool> spool(new Spool(options));
    TRY(make_folders(options.folder, 0700));
    TRY(spool->read_state());
    journal::WriterOptions writer;
    writer.path = journal_path(options);
    writer.segment_bytes = spool->options_.segment_bytes;
    writer.pending_bytes = pending_bytes;
    writer.first_sequence = spool->acknowledged_ + 1;
    writer.new_segment = true;
    writer.mode = state_mode;
    journal::WriterEvents events;
    events.on_synced = [changed](uint64_t) { changed(); };
    events.on_trouble = [changed, self = spool.get()](const std::string& text) {
        {
            const std::lock_guard lock(self->mutex_);
            self->trouble_ = text;
        }
        changed();
    };
    TRY_ASSIGN(spool->writer_, journal::Writer::open(std::move(writer), std::move(events)));

    const std::lock_guard lock(spool->mutex_);
    const uint64_t next = spool->writer_->next_sequence();
    const uint64_t oldest = spool->writer_->oldest_sequence();
    // Lines that an unknown journal has left (its state was lost) get a new name.
    std::erase_if(spool->runs_, [&](const Run& run) { return run.first_sequence >= next; });
    if (oldest < next && (spool->runs_.empty() || spool->runs_.front().first_sequence > oldest)) {
        spool->runs_.insert(spool->runs_.begin(), Run{wire::make_uuid(), oldest});
    }
    spool->runs_.push_back({wire::make_uuid(), next});
    if (spool->acknowledged_ >= next) {
        spool->acknowledged_ = 0;  // can't be: twice is better than not at all
    }
    spool->acknowledged_ = std::max(spool->acknowledged_, oldest - 1);
    TRY(spool->write_state());
    return spool;
}

Result<void> Spool::read_state() {
    TRY_ASSIGN(const auto text, read_file_if_any(state_path(options_), largest_state_bytes));
    std::string_view rest = text ? std::string_view(*text) : std::string_view();
    const auto take_line = [&] {
        const size_t end = std::min(rest.find('\n'), rest.size());
        const std::string_view line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        return line;
    };
    const std::string_view first = take_line();
    const auto acknowledged = first.starts_with(title)
                                  ? parse_number(first.substr(title.size()), 0, most_acknowledged)
                                  : Result<uint64_t>(0);
    // A damaged state costs names: what is left is sent under a new one.
    acknowledged_ = acknowledged ? *acknowledged : 0;
    while (!rest.empty()) {
        const std::string_view line = take_line();
        const size_t space = std::min(line.find(' '), line.size());
        const auto sequence =
            parse_number(line.substr(std::min(space + 1, line.size())), 1, INT64_MAX);
        const bool rises = sequence && (runs_.empty() || runs_.back().first_sequence < *sequence);
        if (!wire::is_uuid(line.substr(0, space)) || !rises) {
            runs_.clear();
            break;
        }
        runs_.push_back({std::string(line.substr(0, space)), *sequence});
    }
    return {};
}

// Under the lock, or while no other thread is there.
Result<void> Spool::write_state() {
    std::string text = fmt::format("{}{}\n", title, acknowledged_);
    for (const Run& run : runs_) {
        text += fmt::format("{} {}\n", run.journal, run.first_sequence);
    }
    state_acknowledged_ = acknowledged_;
    return replace_file(state_path(options_), text, state_mode);
}

bool Spool::add(std::string_view line, int64_t unix_ns) {
    if (writer_->append(line)) {
        return true;
    }
    const std::lock_guard lock(mutex_);
    lose({.count = 1, .from_unix_ns = unix_ns, .to_unix_ns = unix_ns}, 1);
    return false;
}

// Under the lock. Lines that tell of a loss are fewer than what they tell of.
void Spool::lose(const SpoolLoss& loss, uint64_t lines) {
    lost_ += lines;
    if (!loss_) {
        loss_ = loss;
        return;
    }
    loss_->count += loss.count;
    loss_->from_unix_ns = std::min(loss_->from_unix_ns, loss.from_unix_ns);
    loss_->to_unix_ns = std::max(loss_->to_unix_ns, loss.to_unix_ns);
}

void Spool::tell_loss(const std::function<std::string(const SpoolLoss&)>& line_of) {
    std::optional<SpoolLoss> loss;
    {
        const std::lock_guard lock(mutex_);
        loss = loss_;
    }
    // Where there is no room for it now, it is told together with what will be lost until then.
    if (loss && writer_->append(line_of(*loss))) {
        const std::lock_guard lock(mutex_);
        loss_.reset();
    }
}

// Of the lines from `first` to the one before `end`.
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
        const std::lock_guard lock(mutex_);
        if (acknowledged_ + 1 == first) {
            lose(loss, end - first);
            acknowledged_ = end - 1;
        }
        first = acknowledged_ + 1;
    }
}

void Spool::keep_bounds() {
    {
        const std::lock_guard lock(mutex_);
        writer_->remove_before(acknowledged_ + 1);
        const bool more = runs_.size() > 1 && runs_[1].first_sequence <= acknowledged_ + 1;
        if (more) {
            const auto still_used = std::find_if(
                runs_.begin() + 1, runs_.end(),
                [&](const Run& run) { return run.first_sequence > acknowledged_ + 1; });
            runs_.erase(runs_.begin(), still_used - 1);
        }
        if (more || state_acknowledged_ != acknowledged_) {
            (void)write_state();  // the server knows it too, and drops what comes twice
        }
    }
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
        const uint64_t end = (*segments)[i + 1].first_sequence;
        give_up(end);
        bytes -= (*segments)[i].size_bytes;
        writer_->remove_before(end);
    }
}

std::string Spool::trouble() const {
    const std::lock_guard lock(mutex_);
    return trouble_;
}

void Spool::settle(uint64_t timeout_ns) {
    (void)writer_->wait_synced(writer_->next_sequence() - 1, timeout_ns);
}

const Spool::Run& Spool::run_of(uint64_t sequence) const {
    auto run = runs_.begin();
    while (run + 1 != runs_.end() && (run + 1)->first_sequence <= sequence) {
        ++run;
    }
    return *run;
}

// The first sequence behind it.
uint64_t Spool::end_of(const Run& run) const {
    const Run* next = &run + 1;
    return next == runs_.data() + runs_.size() ? UINT64_MAX : next->first_sequence;
}

Result<std::optional<SpoolPart>> Spool::next(uint64_t after, size_t most_bytes) {
    SpoolPart part;
    uint64_t last = writer_->synced();
    uint64_t first = 0;
    {
        const std::lock_guard lock(mutex_);
        first = std::max({after, acknowledged_, writer_->oldest_sequence() - 1}) + 1;
        const Run& run = run_of(first);
        part.journal = run.journal;
        last = std::min(last, end_of(run) - 1);
    }
    if (first > last) {
        return std::optional<SpoolPart>();
    }
    if (!reader_ || reader_->next_sequence() != first) {
        reader_ = std::make_unique<journal::Reader>(journal_path(options_), first);
    }
    TRY_ASSIGN(part.count, reader_->read(part.lines, most_bytes, last));
    part.first_sequence = reader_->next_sequence() - part.count;
    if (part.count == 0) {
        return std::optional<SpoolPart>();
    }
    return std::optional(std::move(part));
}

SpoolPart Spool::begin() const {
    const std::lock_guard lock(mutex_);
    SpoolPart part;
    part.first_sequence = acknowledged_ + 1;
    part.journal = run_of(part.first_sequence).journal;
    return part;
}

void Spool::acknowledge(std::string_view journal, uint64_t sequence) {
    const std::lock_guard lock(mutex_);
    for (const Run& run : runs_) {
        if (run.journal == journal && sequence >= run.first_sequence) {
            const uint64_t most = std::min(end_of(run) - 1, writer_->synced());
            acknowledged_ = std::max(acknowledged_, std::min(sequence, most));
        }
    }
}

uint64_t Spool::acknowledged() const {
    const std::lock_guard lock(mutex_);
    return acknowledged_;
}

uint64_t Spool::queued() const {
    const std::lock_guard lock(mutex_);
    return writer_->next_sequence() - 1 - std::min(acknowledged_, writer_->next_sequence() - 1);
}

uint64_t Spool::lost() const {
    const std::lock_guard lock(mutex_);
    return lost_;
}

}  // namespace vigil::agent
