// SPDX-License-Identifier: Apache-2.0
#include "process/image_cache.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace vigil::process {
namespace {

size_t hash_of(const model::ExecImage& image) {
    const std::hash<std::string_view> hash;
    return hash(image.file) ^ hash(image.argv.value_or("")) * 31;
}

size_t bytes_of(const model::ExecImage& image) {
    size_t bytes = sizeof(model::ExecImage) + image.file.capacity() + image.executable.capacity() +
                   (image.argv ? image.argv->capacity() : 0);
    for (const std::string& program : image.programs) {
        bytes += sizeof(std::string) + program.capacity();
    }
    return bytes;
}

}  // namespace

model::ExecImagePtr ImageCache::find(size_t hash, const model::ExecImage& image) const {
    const auto [begin, end] = by_hash_.equal_range(hash);
    for (auto it = begin; it != end; ++it) {
        if (auto known = it->second.lock(); known && *known == image) {
            return known;
        }
    }
    return nullptr;
}

model::ExecImagePtr ImageCache::intern(model::ExecImagePtr image) {
    if (auto known = find(hash_of(*image), *image)) {
        return known;
    }
    if (++interned_ >= sweep_at_) {
        drop_unused();
    }
    if (bytes_ >= max_bytes_ && image->argv) {
        model::ExecImage shorter = *image;
        shorter.argv.reset();
        return intern(std::make_shared<const model::ExecImage>(std::move(shorter)));
    }
    by_hash_.emplace(hash_of(*image), image);
    bytes_ += bytes_of(*image);
    return image;
}

void ImageCache::drop_unused() {
    bytes_ = 0;
    for (auto it = by_hash_.begin(); it != by_hash_.end();) {
        if (const auto image = it->second.lock()) {
            bytes_ += bytes_of(*image);
            ++it;
        } else {
            it = by_hash_.erase(it);
        }
    }
    interned_ = 0;
    sweep_at_ = std::max<size_t>(1024, by_hash_.size());
}

}  // namespace vigil::process
