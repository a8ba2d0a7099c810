// SPDX-License-Identifier: Apache-2.0
// Where the fleet tests live: mounts and a network of their own, so that the machine's servers,
// agents and ports are out of their reach, and the default ones are free.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <string>

#include "base/fd.h"

namespace vigil::tests {

// Leaves the machine's mounts and network: loopback only, /run and /var/lib empty.
void enter_fleet_namespaces();

// Brings up the loopback interface of the calling process's network.
void bring_up_loopback();

// A small disk, at a directory of its own.
class SmallDisk {
 public:
    explicit SmallDisk(size_t bytes);
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    ~SmallDisk();

    const std::string& path() const { return path_; }
    // Leaves so many bytes, rounded down to pages, for others.
    void fill(size_t leave_bytes = 0) const;
    void free_space() const;

 private:
    std::string filler() const { return path_ + "/filler"; }
    std::string path_;
};

}  // namespace vigil::tests
