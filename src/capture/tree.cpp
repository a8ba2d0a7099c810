// SPDX-License-Identifier: Apache-2.0
#include "capture/tree.h"

#include <bpf/bpf.h>
#include <linux/types.h>

#include <cerrno>
#include <csignal>

#include "abi/control.h"
#include "capture/tracer.h"
#include "host/procfs.h"

namespace vigil::capture {
namespace {

bool is_member(int map_fd, uint32_t pid) {
    __u8 value = VIGIL_TREE_EXITED;
    return ::bpf_map_lookup_elem(map_fd, &pid, &value) == 0 && value == VIGIL_TREE_MEMBER;
}

// A member that ended just before it was added stays in the map: /proc decides.
TreeState state_of(uint32_t pid) {
    if (::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH) {
        return TreeState::empty;
    }
    const auto stat = host::read_stat(pid);
    if (!stat || !stat->exiting) {
        return TreeState::alive;  // unreadable: hidden by hidepid
    }
    return stat->is_zombie() ? TreeState::empty : TreeState::ending;
}

}  // namespace

// A member that was exiting when it was added may have passed the exit hook before: no wake-up
// comes. That takes a moment only, and only as the watch begins. A process stays `ending` for much
// longer if its first thread has ended and others run (pthread_exit(3) in main): their end is a
// wake-up.
TreeState Tree::state(uint64_t boot_ns) {
    const TreeState state = members_state();
    if (state != TreeState::ending) {
        return state;
    }
    ending_since_ns_ = ending_since_ns_.value_or(boot_ns);
    return boot_ns - *ending_since_ns_ < max_ending_ns ? state : TreeState::alive;
}

TreeState Tree::members_state() {
    if (alive_ != 0 && is_member(map_fd_, alive_) && state_of(alive_) == TreeState::alive) {
        return TreeState::alive;
    }
    alive_ = 0;
    auto all = TreeState::empty;
    __u32 pid = 0;
    // If the key was deleted meanwhile, the kernel starts again with the first one: bounded.
    int error = ::bpf_map_get_next_key(map_fd_, nullptr, &pid);
    for (uint32_t i = 0; error == 0 && i < 2 * max_tree_entries; i++) {
        const TreeState state = is_member(map_fd_, pid) ? state_of(pid) : TreeState::empty;
        if (state == TreeState::alive) {
            alive_ = pid;
            return state;
        }
        all = state == TreeState::ending ? state : all;
        error = ::bpf_map_get_next_key(map_fd_, &pid, &pid);
    }
    return error == 0 ? TreeState::ending : all;
}

}  // namespace vigil::capture
