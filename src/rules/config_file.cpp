// SPDX-License-Identifier: Apache-2.0
#include "rules/config_file.h"

namespace vigil::rules {

bool ConfigFile::FileStamp::operator==(const FileStamp& other) const {
    return device == other.device && inode == other.inode && size == other.size &&
           modified.tv_sec == other.modified.tv_sec && modified.tv_nsec == other.modified.tv_nsec;
}

ConfigFile::FileStamp ConfigFile::stamp() const {
    struct stat info {};
    if (::stat(path_.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) {
        return {};
    }
    return {info.st_dev, info.st_ino, info.st_size, info.st_mtim};
}

// Before the read: a change during the read must count as a new one.
Result<RuleSet> ConfigFile::load() {
    loaded_ = last_ = stamp();
    return rules::load(path_);
}

bool ConfigFile::is_rereadable() const {
    struct stat info {};
    return ::stat(path_.c_str(), &info) != 0 || S_ISREG(info.st_mode);
}

bool ConfigFile::has_changed() {
    const FileStamp now = stamp();
    const bool at_rest = now == last_;
    last_ = now;
    // While an editor replaces the file, it may be missing for a moment.
    return at_rest && now.size >= 0 && !(now == loaded_);
}

}  // namespace vigil::rules
