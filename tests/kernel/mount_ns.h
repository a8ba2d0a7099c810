// SPDX-License-Identifier: Apache-2.0
// The mount namespace that the tests run in.
#pragma once

namespace vigil::tests {

// Leaves the machine's mounts: an own, empty bpffs at /sys/fs/bpf, and tracefs at
// /sys/kernel/tracing where it was not mounted.
void enter_own_mount_ns();

// False where the kernel did not allow it: tests that need it then skip.
bool has_own_mount_ns();
bool has_tracefs();

// For a child: hides what is below `path` behind an empty file system, for itself only.
void hide(const char* path);

}  // namespace vigil::tests
