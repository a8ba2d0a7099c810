// SPDX-License-Identifier: Apache-2.0
#include "rules/config_file.h"

#include <algorithm>

namespace vigil::rules {

bool FileStamp::operator==(const FileStamp& other) const {
    return device == other.device && inode == other.inode && size == other.size &&
           modified.tv_sec == other.modified.tv_sec && modified.tv_nsec == other.modified.tv_nsec;
}

FileStamp stamp_of(const std::string& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) {
        return {};
    }
    return {info.st_dev, info.st_ino, info.st_size, info.st_mtim};
}

// Before the read: a change during the read must count as a new one.
Result<RuleSet> ConfigFile::load() {
    loaded_ = last_ = stamp_of(path_);
    return rules::load(path_);
}

bool ConfigFile::is_rereadable() const {
    struct stat info {};
    return ::stat(path_.c_str(), &info) != 0 || S_ISREG(info.st_mode);
}

bool ConfigFile::has_changed() {
    const FileStamp now = stamp_of(path_);
    const bool at_rest = now == last_;
    last_ = now;
    missing_calls_ = now.size < 0 && loaded_.size >= 0 ? std::min(missing_calls_ + 1, 3) : 0;
    // While an editor replaces the file, it may be missing for a moment.
    return at_rest && now.size >= 0 && !(now == loaded_);
}

}  // namespace vigil::rules
