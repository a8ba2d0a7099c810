// SPDX-License-Identifier: Apache-2.0
// Real processes that a test starts and looks at from outside.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/fd.h"

namespace vigil::test {

// One above every pid that Linux gives out (PID_MAX_LIMIT).
constexpr uint32_t no_such_pid = 4'194'305;

// True as soon as `condition` is; false if that takes more than ten seconds.
bool becomes_true(const std::function<bool()>& condition);

// A new empty directory; gone with all that is in it at the end.
class TempDirectory {
 public:
    TempDirectory();
    TempDirectory(const TempDirectory&) = delete;
    TempDirectory& operator=(const TempDirectory&) = delete;
    ~TempDirectory();

    std::string path(const std::string& name) const { return path_ + '/' + name; }
    // The path of a new file.
    std::string write(const std::string& name, const std::string& content, int mode = 0644) const;

 private:
    std::string path_;
};

// A process that waits until it is ended.
class Process {
 public:
    // A fork of the test; has called `first` when this returns.
    explicit Process(const std::function<void()>& first = [] {});

    // What runs `file`, which has to write something when it is ready, and to wait for input.
    // False in ready() where it could not be started.
    Process(const std::string& file, const std::vector<std::string>& arguments);

    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process();

    bool ready() const { return ready_; }
    // To its input.
    void write(const std::string& text) const;
    uint32_t pid() const { return static_cast<uint32_t>(pid_); }

    // Kills it. It stays there as a zombie.
    void kill();
    // Kills it and asks how it ended: nothing is left.
    void end();

 private:
    pid_t pid_ = -1;
    Fd input_;
    bool ready_ = false;
};

}  // namespace vigil::test
