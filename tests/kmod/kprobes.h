// SPDX-License-Identifier: Apache-2.0
// The kernel's kprobes, by debugfs.
#pragma once

#include <string>

namespace vigil::tests {

// How many there are on this function.
int kprobes_of(const std::string& function);

// A switch of the kernel's, by its file: off while this object lives.
class SwitchedOff {
 public:
    explicit SwitchedOff(const char* path);
    SwitchedOff(const SwitchedOff&) = delete;
    SwitchedOff& operator=(const SwitchedOff&) = delete;
    ~SwitchedOff();

 private:
    const char* path_;
};

// No kprobe of the machine fires while one of these lives.
struct KprobesOff : SwitchedOff {
    KprobesOff() : SwitchedOff("/sys/kernel/debug/kprobes/enabled") {}
};
struct FtraceOff : SwitchedOff {
    FtraceOff() : SwitchedOff("/proc/sys/kernel/ftrace_enabled") {}
};

}  // namespace vigil::tests
