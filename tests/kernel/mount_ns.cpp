// SPDX-License-Identifier: Apache-2.0
#include "mount_ns.h"

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>

namespace vigil::tests {
namespace {

bool own_mount_ns = false;

}  // namespace

void enter_own_mount_ns() {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("bpf", "/sys/fs/bpf", "bpf", 0, "mode=0700") != 0) {
        std::cerr << "no mount namespace for the tests: " << std::strerror(errno) << "\n";
        return;
    }
    own_mount_ns = true;
    if (!has_tracefs() && ::mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, nullptr) == 0) {
        std::cerr << "mounted tracefs for these tests only\n";
    }
}

bool has_own_mount_ns() { return own_mount_ns; }

bool has_tracefs() {
    return ::access("/sys/kernel/tracing/events/syscalls/sys_exit_kill/id", R_OK) == 0;
}

void hide(const char* path) {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("tmpfs", path, "tmpfs", 0, nullptr) != 0) {
        ::_exit(125);
    }
}

}  // namespace vigil::tests
