// SPDX-License-Identifier: Apache-2.0
// The members of a watched tree (VIGIL_FILTER_TREE), as the kernel side keeps them.
#pragma once

#include <cstdint>
#include <optional>

namespace vigil::capture {

enum class TreeState {
    alive,   // or its end is still to come: the kernel side will wake the reader
    ending,  // all members are exiting, and one may have left without a wake-up: poll
    empty,   // no process of the tree lives, so none can join it
};

class Tree {
 public:
    // `map_fd`: the tree map; must stay open. The pids in it must be those of this /proc.
    explicit Tree(int map_fd) : map_fd_(map_fd) {}

    // How long a tree is `ending` at most, counted from the first such answer.
    static constexpr uint64_t max_ending_ns = 2'000'000'000;

    // Cheap while the member lives that the last call found. `boot_ns`: the present time.
    TreeState state(uint64_t boot_ns);

 private:
    TreeState members_state();

    int map_fd_;
    uint32_t alive_ = 0;  // pid
    std::optional<uint64_t> ending_since_ns_;
};

}  // namespace vigil::capture
