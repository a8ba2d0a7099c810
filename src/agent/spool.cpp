// SPDX-License-Identifier: Apache-2.0
#include "agent/spool.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "base/units.h"
#include "model/event.h"
#include "model/json_layout.h"
#include "wire/protocol.h"

namespace vigil::agent {
namespace {

constexpr size_t max_state_bytes = 1 << 20;
constexpr mode_t state_mode = 0600;
constexpr size_t pending_bytes = 4 << 20;
constexpr size_t read_chunk_bytes = 256 << 10;

std::string state_path(const SpoolOptions& options) { return options.directory + "/spool.state"; }
std::string journal_path(const SpoolOptions& options) { return options.directory + "/spool"; }

// Time of a journal line; 0 if it has none.
int64_t time_of(std::string_view line) {
    constexpr std::string_view begin = model::json_before_time;
    return line.starts_with(begin)
               ? parse_utc(line.substr(begin.size(), model::json_time_bytes)).value_or(0)
               : 0;
}

// The text after `key` in a line. A key cannot match inside a string, where its quotes are escaped.
std::string_view value_of(std::string_view line, std::string_view key, std::string_view end) {
    const size_t at = std::min(line.find(key), line.size());
    const size_t begin = std::min(at + key.size(), line.size());
    return line.substr(begin, line.find_first_of(end, begin) - begin);
}

// Counts a lost line. If the line reports a loss, its numbers are added instead, and the next
// report includes them.
void count_line(SpoolLoss& loss, std::string_view line) {
    const int64_t time_ns = time_of(line);
    int64_t from_ns = time_ns;
    loss.count++;
    if (value_of(line, model::json_before_kind, "\"") == to_string(model::Kind::loss)) {
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
    const bool opened = writer_ != nullptr;
    writer_.reset();
    if (opened) {
        (void)write_state();
    }
}

Result<std::unique_ptr<Spool>> Spool::open(const SpoolOptions& options) {
    std::unique_ptr<Spool> spool(new Spool(options));
    TRY(make_directories(options.directory, 0700));
    TRY_ASSIGN(const auto state, read_optional_file(state_path(options), max_state_bytes));
    SpoolState parsed = parse_state(state ? std::string_view(*state) : std::string_view());
    journal::WriterOptions writer;
    writer.path = journal_path(options);
    writer.segment_bytes = spool->options_.segment_bytes;
    writer.pending_bytes = pending_bytes;
    writer.first_sequence = parsed.acknowledged + 1;
    writer.new_segment = true;
    writer.mode = state_mode;
    writer.is_own_line = [](std::string_view line) {
        return line.starts_with(model::json_before_time);
    };
    journal::WriterEvents events;
    events.on_synced = [self = spool.get()](uint64_t) {
        const MutexLock lock(self->listener_mutex_);
        if (self->listener_ != nullptr) {
            self->listener_->on_lines_durable();
        }
    };
    events.on_error = [self = spool.get()](const std::string& text) {
        const MutexLock lock(self->mutex_);
        self->last_error_ = text;
    };
    TRY_ASSIGN(spool->writer_, journal::Writer::open(std::move(writer), std::move(events)));

    spool->begin_epoch(std::move(parsed));
    TRY(spool->write_state());
    return spool;
}

void Spool::set_listener(SpoolListener* listener) {
    const MutexLock lock(listener_mutex_);
    listener_ = listener;
}

void Spool::begin_epoch(SpoolState state) {
    const MutexLock lock(mutex_);
    state_ = std::move(state);
    const uint64_t next = writer_->next_sequence();
    const uint64_t oldest = writer_->oldest_sequence();
    std::vector<SpoolEpoch>& epochs = state_.epochs;
    // Lines of an unknown journal (its state was lost) get a new journal id.
    std::erase_if(epochs, [&](const SpoolEpoch& epoch) { return epoch.first_sequence >= next; });
    if (oldest < next && (epochs.empty() || epochs.front().first_sequence > oldest)) {
        epochs.insert(epochs.begin(), SpoolEpoch{wire::make_uuid(), oldest});
    }
    epochs.push_back({wire::make_uuid(), next});
    if (state_.acknowledged >= next) {
        state_.acknowledged = 0;  // impossible, so damaged: sending twice is better than not at all
    }
    state_.acknowledged = std::max(state_.acknowledged, oldest - 1);
    if (state_.pending_report && state_.pending_report_sequence >= next) {
        merge(state_.loss, *state_.pending_report);  // its line did not become durable
    }
    state_.pending_report.reset();
    server_acknowledged_ = state_.acknowledged;
}

// Writes the state file if it changed. Not under the lock: the disk may be slow.
Result<void> Spool::write_state() {
    std::string text;
    {
        const MutexLock lock(mutex_);
        text = format_state(state_);
    }
    if (text == written_state_) {
        return {};
    }
    written_state_.clear();
    TRY(replace_file(state_path(options_), text, state_mode));
    written_state_ = std::move(text);
    return {};
}

bool Spool::add(std::string_view line, int64_t unix_ns) {
    if (writer_->append(line)) {
        return true;
    }
    record_loss({.count = 1, .from_unix_ns = unix_ns, .to_unix_ns = unix_ns}, 1);
    return false;
}

void Spool::record_loss(const SpoolLoss& loss, uint64_t lines) {
    const MutexLock lock(mutex_);
    lost_ += lines;
    merge(state_.loss, loss);
}

void Spool::report_loss(const std::function<std::string(const SpoolLoss&)>& line_of) {
    SpoolLoss loss;
    {
        const MutexLock lock(mutex_);
        if (!state_.loss || state_.pending_report) {
            return;
        }
        loss = *state_.loss;
        state_.pending_report = std::exchange(state_.loss, std::nullopt);
        state_.pending_report_sequence = writer_->next_sequence();
    }
    // If the state cannot be written, a kill would make the loss reported twice; if the line does
    // not fit now, it is reported together with later losses.
    if (!write_state() || !writer_->append(line_of(loss))) {
        {
            const MutexLock lock(mutex_);
            merge(state_.loss, loss);
            state_.pending_report.reset();
        }
        (void)write_state();
    }
}

// Loss of the lines in [first, end).
SpoolLoss Spool::loss_of(uint64_t first, uint64_t end) const {
    SpoolLoss loss;
    journal::Reader reader(journal_path(options_), first);
    std::string lines;
    while (reader.next_sequence() < end) {
        lines.clear();
        const auto count = reader.read(lines, read_chunk_bytes, end - 1);
        if (!count || *count == 0) {
            break;
        }
        for (size_t begin = 0; begin < lines.size();) {
            const size_t line_end = lines.find('\n', begin);
            count_line(loss, std::string_view(lines).substr(begin, line_end - begin));
            begin = line_end + 1;
        }
    }
    loss.count = std::max(loss.count, end - first);  // unreadable lines are lost too
    return loss;
}

// Discards the lines before `end`, except those that are acknowledged while they are counted.
void Spool::discard_until(uint64_t end) {
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

void Spool::enforce_retention() {
    {
        const MutexLock lock(mutex_);
        if (state_.pending_report && writer_->synced() >= state_.pending_report_sequence) {
            state_.pending_report.reset();
        }
        std::vector<SpoolEpoch>& epochs = state_.epochs;
        const uint64_t next = state_.acknowledged + 1;
        if (epochs.size() > 1 && epochs[1].first_sequence <= next) {
            const auto still_used =
                std::find_if(epochs.begin() + 1, epochs.end(),
                             [&](const SpoolEpoch& epoch) { return epoch.first_sequence > next; });
            epochs.erase(epochs.begin(), still_used - 1);
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
        discard_until((*segments)[i + 1].first_sequence);
        bytes -= (*segments)[i].size_bytes;
    }
    remove_old();
}

// The loss is durable before the lines are deleted. Acknowledged lines may be deleted in any case:
// the server has them, and drops duplicates.
void Spool::remove_old() {
    const uint64_t acknowledged = this->acknowledged();
    const bool written = write_state().has_value();
    const MutexLock lock(mutex_);
    writer_->remove_before((written ? acknowledged : server_acknowledged_) + 1);
}

std::string Spool::last_error() const {
    const MutexLock lock(mutex_);
    return last_error_;
}

void Spool::wait_durable(uint64_t timeout_ns) {
    (void)writer_->wait_synced(writer_->next_sequence() - 1, timeout_ns);
}

const SpoolEpoch& Spool::epoch_of(uint64_t sequence) const {
    auto epoch = state_.epochs.begin();
    while (epoch + 1 != state_.epochs.end() && (epoch + 1)->first_sequence <= sequence) {
        ++epoch;
    }
    return *epoch;
}

// The first sequence after the epoch.
uint64_t Spool::end_of(const SpoolEpoch& epoch) const {
    const SpoolEpoch* next = &epoch + 1;
    return next == state_.epochs.data() + state_.epochs.size() ? UINT64_MAX : next->first_sequence;
}

Result<std::optional<SpoolBatch>> Spool::next(uint64_t after, size_t max_bytes) {
    const uint64_t synced = writer_->synced();
    uint64_t first = 0;
    {
        const MutexLock lock(mutex_);
        first = std::max({after, state_.acknowledged, writer_->oldest_sequence() - 1}) + 1;
    }
    while (first <= synced) {
        SpoolBatch batch;
        uint64_t last = synced;
        {
            const MutexLock lock(mutex_);
            const SpoolEpoch& epoch = epoch_of(first);
            batch.journal = epoch.journal;
            last = std::min(last, end_of(epoch) - 1);
        }
        if (!reader_ || reader_->next_sequence() != first) {
            reader_ = std::make_unique<journal::Reader>(journal_path(options_), first);
        }
        const auto count = reader_->read(batch.lines, max_bytes, last);
        const uint64_t next = reader_->next_sequence();
        batch.count = count ? *count : 0;
        batch.first_sequence = next - batch.count;
        record_missing(first, batch.first_sequence);
        if (batch.count > 0) {
            return std::optional(std::move(batch));
        }
        if (next == first) {
            return count ? Result<std::optional<SpoolBatch>>(std::nullopt) : count.error();
        }
        first = next;  // after a damaged line or missing lines
    }
    return std::optional<SpoolBatch>();
}

// The lines in [first, end) can't be read. They are reported once, and not if they were discarded
// meanwhile.
void Spool::record_missing(uint64_t first, uint64_t end) {
    const MutexLock lock(mutex_);
    first = std::max({first, state_.acknowledged + 1, missing_counted_until_});
    if (first >= end) {
        return;
    }
    missing_counted_until_ = end;
    const int64_t now_ns = unix_now_ns();
    lost_ += end - first;
    merge(state_.loss, {.count = end - first, .from_unix_ns = now_ns, .to_unix_ns = now_ns});
}

SpoolBatch Spool::begin() const {
    const MutexLock lock(mutex_);
    SpoolBatch batch;
    batch.first_sequence = state_.acknowledged + 1;
    batch.journal = epoch_of(batch.first_sequence).journal;
    return batch;
}

void Spool::acknowledge(std::string_view journal, uint64_t sequence) {
    const MutexLock lock(mutex_);
    for (const SpoolEpoch& epoch : state_.epochs) {
        if (epoch.journal == journal && sequence >= epoch.first_sequence) {
            const uint64_t last_durable = std::min(end_of(epoch) - 1, writer_->synced());
            server_acknowledged_ = std::max(server_acknowledged_, std::min(sequence, last_durable));
            state_.acknowledged = std::max(state_.acknowledged, server_acknowledged_);
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
