// SPDX-License-Identifier: Apache-2.0
// Reading a BPF ring buffer (kernel/bpf/ringbuf.c) without giving its space back on the way.
//
// libbpf's reader frees each record as soon as its callback returns, which is before buffered
// output is written: a reader that is killed in between loses events. Here the position is the
// caller's, and release() frees only what the caller has confirmed. The data is mapped once
// (libbpf maps it twice), so an 8 MiB ring counts as 8 MiB of memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace vigil::capture {

class Ring {
 public:
    // `map_fd` stays the caller's. `size_bytes` is the map's max_entries.
    static Result<Ring> open(int map_fd, size_t size_bytes);

    struct Record {
        std::span<const std::byte> bytes;  // valid until release() passes it or the next read()
        uint64_t next = 0;                 // position behind it
        bool discarded = false;
    };

    // The record at `position`, unless the ring ends there or its writer is not done yet.
    std::optional<Record> read(uint64_t position);

    uint64_t consumer_position() const;
    uint64_t producer_position() const;

    // Frees everything before `position`.
    void release(uint64_t position);

    size_t size_bytes() const { return size_bytes_; }

 private:
    Ring(Mapping consumer, Mapping producer, const std::byte* data, size_t size_bytes);

    Mapping consumer_;
    Mapping producer_;
    const std::byte* data_;
    size_t size_bytes_;
    std::vector<std::byte> joined_;  // a record that goes around the end
};

}  // namespace vigil::capture
