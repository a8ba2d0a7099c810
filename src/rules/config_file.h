// SPDX-License-Identifier: Apache-2.0
// A configuration file that may change while it is in use.
#pragma once

#include <sys/stat.h>

#include <string>

#include "base/result.h"
#include "rules/parse.h"

namespace vigil::rules {

// What distinguishes one content of a file from another.
struct FileStamp {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = -1;  // -1: no regular file
    timespec modified{};

    bool operator==(const FileStamp& other) const;
};
FileStamp stamp_of(const std::string& path);

class ConfigFile {
 public:
    explicit ConfigFile(std::string path) : path_(std::move(path)) {}

    const std::string& path() const { return path_; }

    // Reads the file, whether it changed or not.
    Result<RuleSet> load();

    // Of the file when load() was last called.
    const FileStamp& loaded_stamp() const { return loaded_; }

    // False for a pipe: it can be read only once, and a read may block.
    bool is_rereadable() const;

    // Call it about once a second. True if the file differs from the last load() and has not
    // changed since the previous call, so that a half-written file is not read.
    bool has_changed();

    // After has_changed(): true once when the file is missing the second time in a row.
    bool has_gone() const { return missing_calls_ == 2; }

 private:
    std::string path_;
    FileStamp loaded_;
    FileStamp last_;
    int missing_calls_ = 0;  // in a row, up to 3
};

}  // namespace vigil::rules
