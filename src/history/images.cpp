// SPDX-License-Identifier: Apache-2.0
#include "history/images.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace vigil::history {
namespace {

size_t hash_of(const model::Image& image) {
    const std::hash<std::string_view> hash;
    return hash(image.file) ^ hash(image.argv.value_or("")) * 31;
}

bool are_equal(const model::Image& a, const model::Image& b) {
    return a.file == b.file && a.executable == b.executable && a.script == b.script &&
           a.argv == b.argv;
}

size_t bytes_of(const model::Image& image) {
    return sizeof(model::Image) + image.file.capacity() + image.executable.capacity() +
           image.script.capacity() + (image.argv ? image.argv->capacity() : 0);
}

}  // namespace

model::ImagePtr Images::keep(model::ImagePtr image) {
    if (bytes_ >= most_bytes_ && image->argv) {
        model::Image shorter = *image;
        shorter.argv.reset();
        image = std::make_shared<const model::Image>(std::move(shorter));
    }
    const size_t hash = hash_of(*image);
    const auto [begin, end] = by_hash_.equal_range(hash);
    for (auto it = begin; it != end; ++it) {
        if (auto known = it->second.lock(); known && are_equal(*known, *image)) {
            return known;
        }
    }
    if (by_hash_.size() >= tidy_at_) {
        forget_unused();
    }
    by_hash_.emplace(hash, image);
    bytes_ += bytes_of(*image);
    return image;
}

void Images::forget_unused() {
    bytes_ = 0;
    for (auto it = by_hash_.begin(); it != by_hash_.end();) {
        if (const auto image = it->second.lock()) {
            bytes_ += bytes_of(*image);
            ++it;
        } else {
            it = by_hash_.erase(it);
        }
    }
    tidy_at_ = std::max<size_t>(1024, 2 * by_hash_.size());
}

}  // namespace vigil::history
