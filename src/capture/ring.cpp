// SPDX-License-Identifier: Apache-2.0
#include "capture/ring.h"

#include <fmt/format.h>
#include <linux/bpf.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "host/hints.h"

namespace vigil::capture {
namespace {

// include/uapi/linux/bpf.h: the header of each record is its length with two flags, then a page
// offset; records are aligned to 8 bytes.
uint32_t record_header(const std::byte* at) {
    const auto* word = reinterpret_cast<const uint32_t*>(at);
    return std::atomic_ref(*const_cast<uint32_t*>(word)).load(std::memory_order_acquire);
}

uint64_t load_position(const Mapping& page) {
    return std::atomic_ref(*page.as<uint64_t>()).load(std::memory_order_acquire);
}

}  // namespace

Ring::Ring(Mapping consumer, Mapping producer, const std::byte* data, size_t size_bytes)
    : consumer_(std::move(consumer)),
      producer_(std::move(producer)),
      data_(data),
      size_bytes_(size_bytes) {}

Result<Ring> Ring::open(int map_fd, size_t size_bytes) {
    const auto page = static_cast<size_t>(::getpagesize());
    void* consumer = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
    if (consumer == MAP_FAILED) {
        return host::system_failure("mapping the ring's consumer page", errno);
    }
    Mapping consumer_mapping(consumer, page);
    void* producer =
        ::mmap(nullptr, page + size_bytes, PROT_READ, MAP_SHARED, map_fd, static_cast<off_t>(page));
    if (producer == MAP_FAILED) {
        return host::system_failure(fmt::format("mapping a ring of {} bytes", size_bytes), errno);
    }
    Mapping producer_mapping(producer, page + size_bytes);
    const std::byte* data = static_cast<const std::byte*>(producer) + page;
    return Ring(std::move(consumer_mapping), std::move(producer_mapping), data, size_bytes);
}

uint64_t Ring::consumer_position() const { return load_position(consumer_); }

uint64_t Ring::producer_position() const { return load_position(producer_); }

void Ring::release(uint64_t position) {
    std::atomic_ref(*consumer_.as<uint64_t>()).store(position, std::memory_order_release);
}

std::optional<Ring::Record> Ring::read(uint64_t position) {
    if (position >= producer_position()) {
        return std::nullopt;
    }
    const uint64_t mask = size_bytes_ - 1;
    const uint32_t header = record_header(data_ + (position & mask));
    if ((header & BPF_RINGBUF_BUSY_BIT) != 0) {
        return std::nullopt;
    }
    const size_t length = header & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
    const uint64_t begin = (position + BPF_RINGBUF_HDR_SZ) & mask;

    Record record;
    record.next = position + ((length + BPF_RINGBUF_HDR_SZ + 7) & ~size_t{7});
    record.discarded = (header & BPF_RINGBUF_DISCARD_BIT) != 0;
    if (begin + length <= size_bytes_) {
        record.bytes = {data_ + begin, length};
    } else {
        const size_t head = size_bytes_ - begin;
        joined_.resize(length);
        std::memcpy(joined_.data(), data_ + begin, head);
        std::memcpy(joined_.data() + head, data_, length - head);
        record.bytes = joined_;
    }
    return record;
}

}  // namespace vigil::capture
