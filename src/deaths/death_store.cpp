// SPDX-License-Identifier: Apache-2.0
#include "deaths/death_store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "journal/segments.h"
#include "model/death.h"

namespace vigil::deaths {
namespace {

constexpr mode_t directory_mode = 0700;
constexpr mode_t file_mode = 0600;
constexpr uint64_t segments_per_age = 8;  // per retention time

bool is_abnormal(const model::Event& event) {
    const auto* death = std::get_if<const model::Death*>(&event.body);
    return death == nullptr || (*death)->is_abnormal();
}

// Modification time of the file; 0: it is gone.
int64_t written_unix_ns(const std::string& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) {
        return 0;
    }
    return info.st_mtim.tv_sec * static_cast<int64_t>(ns_per_s) + info.st_mtim.tv_nsec;
}

// Creation time of the file if the file system records it; else now.
int64_t made_unix_ns(const std::string& path) {
    struct statx info {};
    if (::statx(AT_FDCWD, path.c_str(), 0, STATX_BTIME, &info) != 0 ||
        (info.stx_mask & STATX_BTIME) == 0) {
        return unix_now_ns();
    }
    return info.stx_btime.tv_sec * static_cast<int64_t>(ns_per_s) + info.stx_btime.tv_nsec;
}

}  // namespace

Result<std::unique_ptr<DeathStore>> DeathStore::open(const DeathStoreOptions& options) {
    std::unique_ptr<DeathStore> store(new DeathStore(options));
    TRY(make_directories(options.directory, directory_mode));
    TRY(store->open(store->abnormal_, abnormal_file));
    TRY(store->open(store->clean_, clean_file));
    return store;
}

Result<void> DeathStore::open(Partition& partition, std::string_view file) const {
    partition.path = options_.directory + '/' + std::string(file);
    partition.active_since_unix_ns = made_unix_ns(partition.path);
    journal::WriterOptions writer;
    writer.path = partition.path;
    writer.segment_bytes = options_.max_bytes / 2 / segments_per_age;
    writer.total_bytes = options_.max_bytes / 2;
    writer.mode = file_mode;
    writer.is_own_line = [](std::string_view line) {
        return line.starts_with(R"({"time":")") && line.ends_with("}\n");
    };
    journal::WriterEvents events;
    events.on_error = [&partition](const std::string& text) {
        const MutexLock lock(partition.mutex);
        partition.error = text;
    };
    TRY_ASSIGN(partition.writer, journal::Writer::open(std::move(writer), std::move(events)));
    return {};
}

bool DeathStore::add(const model::Event& event, std::string_view line) {
    if ((is_abnormal(event) ? abnormal_ : clean_).writer->append(line)) {
        return true;
    }
    if (event.kind == model::Kind::death) {
        if (!lost_) {
            lost_ = Lost{0, event.unix_ns, event.unix_ns};
        }
        lost_->count++;
        lost_->to_unix_ns = event.unix_ns;
    }
    return false;
}

void DeathStore::report_lost(const std::function<bool(const Lost&)>& report) {
    if (lost_ && report(*lost_)) {
        lost_.reset();
    }
}

std::string DeathStore::last_error() const {
    for (const Partition* partition : {&abnormal_, &clean_}) {
        const MutexLock lock(partition->mutex);
        if (!partition->error.empty()) {
            return partition->error;
        }
    }
    return "";
}

bool DeathStore::is_durable() {
    bool durable = !lost_;
    for (Partition* partition : {&abnormal_, &clean_}) {
        durable = durable && partition->writer->synced() >= partition->checked_sequence;
        partition->checked_sequence = partition->writer->next_sequence() - 1;
    }
    return durable;
}

void DeathStore::enforce_retention(int64_t unix_ns) {
    enforce_retention(abnormal_, unix_ns);
    enforce_retention(clean_, unix_ns);
}

void DeathStore::enforce_retention(Partition& partition, int64_t unix_ns) const {
    const auto max_age_ns = static_cast<int64_t>(options_.max_age_ns);
    if (unix_ns - partition.active_since_unix_ns >
        max_age_ns / static_cast<int64_t>(segments_per_age)) {
        partition.writer->rotate();
        partition.active_since_unix_ns = unix_ns;
    }
    const auto segments = journal::list_segments(partition.path);
    if (!segments) {
        return;
    }
    uint64_t before = 0;
    for (const journal::Segment& segment : *segments) {
        before = segment.first_sequence;
        if (segment.active || written_unix_ns(segment.path) >= unix_ns - max_age_ns) {
            break;
        }
    }
    if (before > 0) {
        partition.writer->remove_before(before);
    }
}

bool DeathStore::wait_durable(uint64_t timeout_ns) {
    bool durable = !lost_;
    for (const Partition* partition : {&abnormal_, &clean_}) {
        durable =
            partition->writer->wait_synced(partition->writer->next_sequence() - 1, timeout_ns) &&
            durable;
    }
    return durable;
}

}  // namespace vigil::deaths
