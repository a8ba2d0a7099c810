// SPDX-License-Identifier: Apache-2.0
// An observer's state for each slot of the process table. Grows as needed; an unused slot has T().
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace vigil::process {

template <class T>
class SlotVector {
 public:
    T& operator[](uint32_t slot) {
        if (slot >= size_) {
            grow(slot);
        }
        return items_[slot];
    }
    // Null: the slot was never used.
    T* find(uint32_t slot) { return slot < size_ ? &items_[slot] : nullptr; }
    const T* find(uint32_t slot) const { return slot < size_ ? &items_[slot] : nullptr; }

    // Call it in on_erase().
    void reset(uint32_t slot) {
        if (slot < size_) {
            items_[slot] = T();
        }
    }

    auto begin() { return items_.begin(); }
    auto end() { return items_.end(); }

 private:
    void grow(uint32_t slot) {
        items_.resize(std::max<size_t>(slot + size_t{1}, items_.size() * 2));
        size_ = items_.size();
    }

    std::vector<T> items_;
    size_t size_ = 0;  // size of items_; a member because vector::size() needs a division
};

}  // namespace vigil::process
