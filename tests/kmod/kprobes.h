// SPDX-License-Identifier: Apache-2.0
// The kernel's kprobes, by debugfs.
#pragma once

#include <string>

namespace vigil::tests {

// How many there are on this function.
int kprobes_of(const std::string& function);

// No kprobe of the machine fires while this object lives.
class KprobesOff {
 public:
    KprobesOff();
    KprobesOff(const KprobesOff&) = delete;
    KprobesOff& operator=(const KprobesOff&) = delete;
    ~KprobesOff();
};

}  // namespace vigil::tests
