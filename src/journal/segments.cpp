// SPDX-License-Identifier: Apache-2.0
#include "journal/segments.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>

#include "base/fd.h"
#include "base/file.h"
#include "base/units.h"
#include "journal/manifest.h"

namespace vigil::journal {
namespace {

constexpr int max_attempts = 10;  // to list files while a writer renames them

struct PathParts {
    std::string directory;
    std::string name;
};

PathParts split_path(const std::string& path) {
    const size_t slash = path.rfind('/');
    if (slash == std::string::npos) {
        return {".", path};
    }
    return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

// The number after "events.log.", only in the form that a writer uses.
std::optional<uint64_t> sequence_of(std::string_view name, std::string_view active_name) {
    if (name.size() <= active_name.size() + 1 || !name.starts_with(active_name) ||
        name[active_name.size()] != '.' || name[active_name.size() + 1] == '0') {
        return {};
    }
    const auto number = parse_number(name.substr(active_name.size() + 1), 1, max_sequence);
    return number ? std::optional(*number) : std::nullopt;
}

// Size of a regular file; nullopt if there is none of this name.
std::optional<uint64_t> file_size(int directory, const char* name) {
    struct stat info {};
    if (::fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode)) {
        return {};
    }
    return static_cast<uint64_t>(info.st_size);
}

struct CloseDirectory {
    void operator()(DIR* directory) const { ::closedir(directory); }
};

}  // namespace

std::string rotated_path(const std::string& path, uint64_t sequence) {
    return fmt::format("{}.{}", path, sequence);
}

namespace {

// Files of such names, whatever they are.
Result<std::vector<Segment>> list_names(const std::string& path) {
    const PathParts parts = split_path(path);
    const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(parts.directory.c_str()));
    if (!directory) {
        return system_error("opening", parts.directory);
    }
    std::vector<Segment> found;
    while (true) {
        errno = 0;
        const dirent* entry =
            ::readdir(directory.get());  // NOLINT(concurrency-mt-unsafe): own stream
        if (entry == nullptr && errno != 0) {
            return system_error("reading", parts.directory);
        }
        if (entry == nullptr) {
            break;
        }
        const auto sequence = sequence_of(entry->d_name, parts.name);
        if (!sequence) {
            continue;
        }
        if (const auto size = file_size(::dirfd(directory.get()), entry->d_name)) {
            found.push_back({rotated_path(path, *sequence), *sequence, *size, false});
        }
    }
    const auto older = [](const Segment& a, const Segment& b) {
        return a.first_sequence < b.first_sequence;
    };
    // A directory that changes while it is read may list a name twice.
    const auto same = [](const Segment& a, const Segment& b) {
        return a.first_sequence == b.first_sequence;
    };
    std::sort(found.begin(), found.end(), older);
    found.erase(std::unique(found.begin(), found.end(), same), found.end());
    return found;
}

// The rotated segments, and the list of them that says so.
struct Listed {
    std::vector<Segment> rotated;
    std::optional<Manifest> manifest;  // none: a journal of an older version, names decide
};

Result<Listed> list(const std::string& path) {
    TRY_ASSIGN(auto manifest, read_manifest(path));
    for (int i = 1;; i++) {
        TRY_ASSIGN(std::vector<Segment> found, list_names(path));
        if (manifest) {
            std::erase_if(found, [&](const Segment& each) {
                return !manifest->lists(each.path, each.first_sequence, each.size_bytes);
            });
        }
        // Between the two a segment may have been rotated that the first one did not list.
        TRY_ASSIGN(auto after, read_manifest(path));
        if (manifest == after || i == max_attempts) {
            return Listed{std::move(found), std::move(after)};
        }
        manifest = std::move(after);
    }
}

}  // namespace

Result<std::vector<Segment>> list_rotated(const std::string& path) {
    TRY_ASSIGN(Listed listed, list(path));
    return std::move(listed.rotated);
}

bool same_newest(const std::vector<Segment>& a, const std::vector<Segment>& b) {
    if (a.empty() || b.empty()) {
        return a.empty() == b.empty();
    }
    return a.back().first_sequence == b.back().first_sequence &&
           a.back().size_bytes == b.back().size_bytes;
}

Result<std::vector<Segment>> list_segments(const std::string& path,
                                           uint64_t first_sequence_if_unknown) {
    TRY_ASSIGN(Listed listed, list(path));
    std::vector<Segment> segments = std::move(listed.rotated);
    uint64_t first_sequence = first_sequence_if_unknown;
    if (listed.manifest) {
        first_sequence = listed.manifest->active_first_at(path);
    } else if (!segments.empty()) {
        TRY_ASSIGN(const WholeLines newest, count_lines(segments.back().path));
        first_sequence = segments.back().first_sequence + newest.count;
    }
    const auto is_sequence_marker = [](const Segment& segment) { return segment.size_bytes == 0; };
    segments.erase(std::remove_if(segments.begin(), segments.end(), is_sequence_marker),
                   segments.end());
    if (const auto size = file_size(AT_FDCWD, path.c_str())) {
        segments.push_back({path, first_sequence, *size, true});
    }
    return segments;
}

// Lines are long enough that jumping between line ends is faster than checking each byte.
uint64_t count_line_ends(std::string_view bytes) {
    uint64_t count = 0;
    for (size_t at = bytes.find('\n'); at != std::string_view::npos;
         at = bytes.find('\n', at + 1)) {
        count++;
    }
    return count;
}

Result<WholeLines> count_lines(const std::string& path) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!file && errno == ENOENT) {
        return WholeLines{};  // deleted meanwhile
    }
    if (!file) {
        return system_error("opening", path);
    }
    std::string buffer(size_t{256} << 10, '\0');
    WholeLines lines;
    for (uint64_t offset = 0;;) {
        const ssize_t got =
            ::pread(file.get(), buffer.data(), buffer.size(), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return system_error("reading", path);
        }
        if (got == 0) {
            return lines;
        }
        const std::string_view bytes(buffer.data(), static_cast<size_t>(got));
        lines.count += count_line_ends(bytes);
        if (const size_t end = bytes.rfind('\n'); end != std::string_view::npos) {
            lines.bytes = offset + end + 1;
        }
        offset += bytes.size();
    }
}

}  // namespace vigil::journal
