// SPDX-License-Identifier: Apache-2.0
// Mount and network namespaces of the fleet tests: the machine's servers, agents and ports are out
// of their reach, and the default ones are free.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <string>

#include "base/fd.h"

namespace vigil::tests {

// Enters new namespaces with loopback only, and empty /run and /var/lib.
void enter_fleet_namespaces();

// Brings up the loopback interface of the calling process's network namespace.
void bring_up_loopback();

// A small file system, mounted on its own directory.
class SmallDisk {
 public:
    // `inodes`: how many files and directories fit, its own root included; 0: as many as usual.
    explicit SmallDisk(size_t bytes, size_t inodes = 0);
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    ~SmallDisk();

    const std::string& path() const { return path_; }
    // Fills it, but leaves this many bytes, rounded down to pages.
    void fill(size_t leave_bytes = 0) const;
    void free_space() const;

 private:
    std::string filler() const { return path_ + "/filler"; }
    std::string path_;
};

}  // namespace vigil::tests
