// SPDX-License-Identifier: Apache-2.0
// Executable images, each stored once: a thousand shells share one image.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <unordered_map>

#include "model/exec_image.h"

namespace vigil::process {

class ImageCache {
 public:
    explicit ImageCache(size_t max_bytes) : max_bytes_(max_bytes) {}

    // Returns an image equal to `image`, which must not be null; a cached one if possible. At the
    // memory limit it is returned without its arguments.
    model::ExecImagePtr intern(model::ExecImagePtr image);

    // Estimated memory of the images that are still referenced.
    size_t bytes() const { return bytes_; }

 private:
    model::ExecImagePtr find(size_t hash, const model::ExecImage& image) const;
    void drop_unused();

    std::unordered_multimap<size_t, std::weak_ptr<const model::ExecImage>> by_hash_;
    size_t max_bytes_;
    size_t bytes_ = 0;
    size_t interned_ = 0;  // since drop_unused()
    size_t sweep_at_ = 1024;
};

}  // namespace vigil::process
