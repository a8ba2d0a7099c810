// SPDX-License-Identifier: Apache-2.0
#include "journal/manifest.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/fd.h"
#include "base/file.h"
#include "base/text.h"
#include "base/units.h"
#include "journal/segments.h"

namespace vigil::journal {
namespace {

constexpr std::string_view title = "vigil journal 1";
constexpr std::string_view last_line = "end";
constexpr size_t max_manifest_bytes = 64 << 20;
constexpr size_t max_head_bytes = 4096;

// FNV-1a: against mistakes, not against forgery.
uint64_t hash(std::string_view bytes) {
    uint64_t value = 0xcbf29ce484222325;
    for (const char c : bytes) {
        value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    }
    return value;
}

std::string read_head(int fd, size_t bytes) {
    std::string head(std::min(bytes, max_head_bytes), '\0');
    const ssize_t got = ::pread(fd, head.data(), head.size(), 0);
    head.resize(got < 0 ? 0 : static_cast<size_t>(got));
    return head;
}

void append_entry(std::string& text, std::string_view kind, const ManifestEntry& entry) {
    text += fmt::format("{} {} {} {} {} {}\n", kind, entry.first_sequence, entry.file.inode,
                        entry.file.size_bytes, entry.file.head_bytes, entry.file.head_hash);
}

std::string_view next_field(std::string_view& rest, char end) {
    const size_t at = std::min(rest.find(end), rest.size());
    const std::string_view field = rest.substr(0, at);
    rest.remove_prefix(std::min(at + 1, rest.size()));
    return field;
}

std::optional<ManifestEntry> parse_entry(std::string_view line) {
    std::array<uint64_t, 5> numbers{};
    for (uint64_t& number : numbers) {
        const auto parsed = parse_number(next_field(line, ' '), 0, UINT64_MAX);
        if (!parsed) {
            return {};
        }
        number = *parsed;
    }
    return ManifestEntry{numbers[0], {numbers[1], numbers[2], numbers[3], numbers[4]}};
}

// Numbers rise from segment to segment.
bool is_valid(const Manifest& manifest) {
    uint64_t before = 0;
    for (const ManifestEntry& entry : manifest.rotated) {
        if (entry.first_sequence <= before) {
            return false;
        }
        before = entry.first_sequence;
    }
    return manifest.active.first_sequence >= std::max<uint64_t>(before, 1) &&
           manifest.active.first_sequence <= max_sequence;
}

}  // namespace

FileIdentity identify(int fd, bool grows) {
    struct stat info {};
    if (::fstat(fd, &info) != 0) {
        return {};
    }
    std::string head = read_head(fd, static_cast<size_t>(info.st_size));
    if (const size_t end = head.find('\n'); end != std::string::npos) {
        head.resize(end + 1);  // a file that was shortened is the same one
    }
    return {info.st_ino, grows ? 0 : static_cast<uint64_t>(info.st_size), head.size(), hash(head)};
}

bool is_same_file(const std::string& path, const FileIdentity& identity) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) {
        return false;
    }
    const auto size_bytes = static_cast<uint64_t>(info.st_size);
    const bool same_inode = identity.inode != 0 && info.st_ino == identity.inode;
    if (identity.head_bytes == 0) {
        return same_inode;
    }
    // A growing file may have been emptied: its first bytes decide.
    if (same_inode && identity.size_bytes != 0 && size_bytes == identity.size_bytes) {
        return true;
    }
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    const std::string head = file ? read_head(file.get(), identity.head_bytes) : "";
    return head.size() == identity.head_bytes && hash(head) == identity.head_hash;
}

bool Manifest::lists(const std::string& path, uint64_t sequence, uint64_t size_bytes) const {
    if (size_bytes == 0) {
        return std::find(markers.begin(), markers.end(), sequence) != markers.end();
    }
    const auto is_entry = [&](const ManifestEntry& entry) {
        return entry.first_sequence == sequence && is_same_file(path, entry.file);
    };
    return is_entry(active) || std::any_of(rotated.begin(), rotated.end(), is_entry);
}

uint64_t Manifest::active_first_at(const std::string& path) const {
    // The last one may be listed and not renamed yet.
    if (!rotated.empty() && is_same_file(path, rotated.back().file) &&
        !is_same_file(fmt::format("{}.{}", path, rotated.back().first_sequence),
                      rotated.back().file)) {
        return rotated.back().first_sequence;
    }
    return active.first_sequence;
}

std::string manifest_path(const std::string& path) { return path + ".segments"; }

std::string format_manifest(const Manifest& manifest) {
    std::string text = fmt::format("{}\n", title);
    for (const ManifestEntry& entry : manifest.rotated) {
        append_entry(text, "segment", entry);
    }
    for (const uint64_t marker : manifest.markers) {
        text += fmt::format("mark {}\n", marker);
    }
    if (manifest.unused_from > 0) {
        text += fmt::format("unused {}\n", manifest.unused_from);
    }
    append_entry(text, "active", manifest.active);
    return text + fmt::format("{}\n", last_line);
}

std::optional<Manifest> parse_manifest(std::string_view text) {
    if (next_field(text, '\n') != title) {
        return {};
    }
    Manifest manifest;
    while (!text.empty()) {
        std::string_view line = next_field(text, '\n');
        const std::string_view kind = next_field(line, ' ');
        if (kind == last_line) {
            return is_valid(manifest) ? std::optional(manifest) : std::nullopt;
        }
        if (kind == "mark" || kind == "unused") {
            const auto number = parse_number(line, 1, max_sequence);
            if (!number) {
                return {};
            }
            if (kind == "mark") {
                manifest.markers.push_back(*number);
            } else {
                manifest.unused_from = *number;
            }
            continue;
        }
        const auto entry = parse_entry(line);
        if (!entry || (kind != "segment" && kind != "active")) {
            return {};
        }
        if (kind == "active") {
            manifest.active = *entry;
        } else {
            manifest.rotated.push_back(*entry);
        }
    }
    return {};
}

Result<std::optional<Manifest>> read_manifest(const std::string& path) {
    TRY_ASSIGN(const auto text, read_optional_file(manifest_path(path), max_manifest_bytes));
    return text ? parse_manifest(*text) : std::optional<Manifest>();
}

Result<void> write_manifest(const std::string& path, const Manifest& manifest, unsigned mode) {
    const std::string name = manifest_path(path);
    return replace_file(name, format_manifest(manifest), mode, [&]() -> Result<void> {
        TRY_ASSIGN(const auto before, read_optional_file(name, title.size()));
        if (before && !before->empty() && !before->starts_with(title)) {
            return Error{ErrorCode::failed,
                         fmt::format("'{}' is in the way of the journal's list of its files: move "
                                     "it away",
                                     escape_terminal(name))};
        }
        return {};
    });
}

}  // namespace vigil::journal
