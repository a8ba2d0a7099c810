// SPDX-License-Identifier: Apache-2.0
// What processes run, each kept once: a thousand shells share one image.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <unordered_map>

#include "model/image.h"

namespace vigil::history {

class Images {
 public:
    explicit Images(size_t most_bytes) : most_bytes_(most_bytes) {}

    // The same as `image`, which must not be null, and perhaps that of another. Where memory has
    // come to its bound it is kept without its arguments.
    model::ImagePtr keep(model::ImagePtr image);

    // Of those that somebody holds, about.
    size_t bytes() const { return bytes_; }

 private:
    model::ImagePtr find(size_t hash, const model::Image& image) const;
    void forget_unused();

    std::unordered_multimap<size_t, std::weak_ptr<const model::Image>> by_hash_;
    size_t most_bytes_;
    size_t bytes_ = 0;
    size_t kept_ = 0;  // since the unused ones were forgotten
    size_t tidy_at_ = 1024;
};

}  // namespace vigil::history
