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

    // Reads it, changed or not.
    Result<RuleSet> load();

    // False for a pipe: that can be read once only, and then makes one wait.
    bool can_be_read_again() const;

    // To be called about once a second. True when it has changed since load() and has been at
    // rest since the last call: a file that is being written is not read half.
    bool has_changed();

 private:
    // What tells one content from another.
    struct Mark {
        dev_t device = 0;
        ino_t inode = 0;
        off_t size = -1;  // -1: no file
        timespec modified{};

        bool operator==(const Mark& other) const;
    };
    Mark mark() const;

    std::string path_;
    Mark loaded_;
    Mark last_;
};

}  // namespace vigil::rules
