// SPDX-License-Identifier: Apache-2.0
#include "history/archive.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "journal/segments.h"
#include "model/death.h"

namespace vigil::history {
namespace {

constexpr mode_t folder_mode = 0700;
constexpr mode_t file_mode = 0600;
constexpr uint64_t parts_of_age = 8;  // a file spans so much of the time that is kept

bool is_abnormal(const model::Event& event) {
    const auto* death = std::get_if<const model::Death*>(&event.body);
    return death == nullptr || (*death)->is_abnormal();
}

// When it was last written; 0: it is gone.
int64_t written_unix_ns(const std::string& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) {
        return 0;
    }
    return info.st_mtim.tv_sec * static_cast<int64_t>(ns_per_s) + info.st_mtim.tv_nsec;
}

// When it was made, where the file system tells; else now.
int64_t made_unix_ns(const std::string& path) {
    struct statx info {};
    if (::statx(AT_FDCWD, path.c_str(), 0, STATX_BTIME, &info) != 0 ||
        (info.stx_mask & STATX_BTIME) == 0) {
        return unix_now_ns();
    }
    return info.stx_btime.tv_sec * static_cast<int64_t>(ns_per_s) + info.stx_btime.tv_nsec;
}

}  // namespace

Result<std::unique_ptr<Archive>> Archive::open(const ArchiveOptions& options) {
    std::unique_ptr<Archive> archive(new Archive(options));
    TRY(make_folders(options.folder, folder_mode));
    TRY(archive->open(archive->abnormal_, abnormal_file));
    TRY(archive->open(archive->clean_, clean_file));
    return archive;
}

Result<void> Archive::open(Part& part, std::string_view file) const {
    part.path = options_.folder + '/' + std::string(file);
    part.begun_unix_ns = made_unix_ns(part.path);
    journal::WriterOptions writer;
    writer.path = part.path;
    writer.segment_bytes = options_.keep_bytes / 2 / parts_of_age;
    writer.total_bytes = options_.keep_bytes / 2;
    writer.mode = file_mode;
    journal::WriterEvents events;
    events.on_trouble = [&part](const std::string& text) {
        const std::lock_guard lock(part.mutex);
        part.trouble = text;
    };
    TRY_ASSIGN(part.writer, journal::Writer::open(std::move(writer), std::move(events)));
    return {};
}

bool Archive::add(const model::Event& event, std::string_view line) {
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

void Archive::tell_lost(const std::function<bool(const Lost&)>& tell) {
    if (lost_ && tell(*lost_)) {
        lost_.reset();
    }
}

std::string Archive::trouble() const {
    for (const Part* part : {&abnormal_, &clean_}) {
        const std::lock_guard lock(part->mutex);
        if (!part->trouble.empty()) {
            return part->trouble;
        }
    }
    return "";
}

bool Archive::is_durable() {
    bool durable = !lost_;
    for (Part* part : {&abnormal_, &clean_}) {
        durable = durable && part->writer->synced() >= part->asked;
        part->asked = part->writer->next_sequence() - 1;
    }
    return durable;
}

void Archive::keep_bounds(int64_t unix_ns) {
    keep_bounds(abnormal_, unix_ns);
    keep_bounds(clean_, unix_ns);
}

void Archive::keep_bounds(Part& part, int64_t unix_ns) const {
    const auto keep_ns = static_cast<int64_t>(options_.keep_ns);
    if (unix_ns - part.begun_unix_ns > keep_ns / static_cast<int64_t>(parts_of_age)) {
        part.writer->rotate();
        part.begun_unix_ns = unix_ns;
    }
    const auto segments = journal::list_segments(part.path);
    if (!segments) {
        return;
    }
    uint64_t before = 0;
    for (const journal::Segment& segment : *segments) {
        before = segment.first_sequence;
        if (segment.active || written_unix_ns(segment.path) >= unix_ns - keep_ns) {
            break;
        }
    }
    if (before > 0) {
        part.writer->remove_before(before);
    }
}

bool Archive::settle(uint64_t timeout_ns) {
    bool settled = !lost_;
    for (const Part* part : {&abnormal_, &clean_}) {
        settled =
            part->writer->wait_synced(part->writer->next_sequence() - 1, timeout_ns) && settled;
    }
    return settled;
}

}  // namespace vigil::history
