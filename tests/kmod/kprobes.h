// SPDX-License-Identifier: Apache-2.0
// The kernel's kprobes, from debugfs.
#pragma once

#include <string>

namespace vigil::tests {

// Number of kprobes on this function.
int kprobes_of(const std::string& function);

// Turns off a kernel switch, given by its file, while this object exists.
class SwitchedOff {
 public:
    explicit SwitchedOff(const char* path);
    SwitchedOff(const SwitchedOff&) = delete;
    SwitchedOff& operator=(const SwitchedOff&) = delete;
    ~SwitchedOff();

 private:
    const char* path_;
};

// No kprobe of the machine fires while such an object exists.
struct KprobesOff : SwitchedOff {
    KprobesOff() : SwitchedOff("/sys/kernel/debug/kprobes/enabled") {}
};
struct FtraceOff : SwitchedOff {
    FtraceOff() : SwitchedOff("/proc/sys/kernel/ftrace_enabled") {}
};

}  // namespace vigil::tests
