// SPDX-License-Identifier: Apache-2.0
// The members of a watched tree (VIGIL_FILTER_TREE), as the kernel side keeps them.
#pragma once

#include <cstdint>

namespace vigil::capture {

enum class TreeState {
    alive,
    ending,  // all members are exiting: ask again soon
    empty,   // no process of the tree lives, so none can join it
};

class Tree {
 public:
    // `map_fd`: the tree map; must stay open. The pids in it must be those of this /proc.
    explicit Tree(int map_fd) : map_fd_(map_fd) {}

    // Cheap while the member lives that the last call found.
    TreeState state();

 private:
    int map_fd_;
    uint32_t alive_ = 0;  // pid
};

}  // namespace vigil::capture
