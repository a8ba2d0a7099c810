// SPDX-License-Identifier: Apache-2.0
// The mount namespace that the tests run in.
#pragma once

namespace vigil::tests {

// Enters a new mount namespace with an empty bpffs at /sys/fs/bpf, and tracefs at
// /sys/kernel/tracing if it was not mounted.
void enter_own_mount_ns();

// False if the kernel did not allow it: tests that need it are skipped.
bool has_own_mount_ns();
bool has_tracefs();

// For a child: hides the content of `path` with an empty file system, for itself only.
void hide(const char* path);

}  // namespace vigil::tests
