// SPDX-License-Identifier: Apache-2.0
// A configuration file that may change while it is in use.
#pragma once

#include <sys/stat.h>

#include <string>

#include "base/result.h"
#include "rules/parse.h"

namespace vigil::rules {

class ConfigFile {
 public:
    explicit ConfigFile(std::string path) : path_(std::move(path)) {}

    const std::string& path() const { return path_; }

    // Reads the file, whether it changed or not.
    Result<RuleSet> load();

    // False for a pipe: it can be read only once, and a read may block.
    bool is_rereadable() const;

    // Call it about once a second. True if the file differs from the last load() and has not
    // changed since the previous call, so that a half-written file is not read.
    bool has_changed();

 private:
    // Identifies a version of the file.
    struct FileStamp {
        dev_t device = 0;
        ino_t inode = 0;
        off_t size = -1;  // -1: no file
        timespec modified{};

        bool operator==(const FileStamp& other) const;
    };
    FileStamp stamp() const;

    std::string path_;
    FileStamp loaded_;
    FileStamp last_;
};

}  // namespace vigil::rules
