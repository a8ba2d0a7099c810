// SPDX-License-Identifier: Apache-2.0
// Reads a BPF ring buffer (kernel/bpf/ringbuf.c) without freeing its space while reading.
//
// libbpf's reader frees each record when its callback returns, before buffered output is written: a
// reader that is killed in between loses events. Here the caller keeps the position, and release()
// frees only what the caller has confirmed. The data is mapped once (libbpf maps it twice), so an 8
// MiB ring counts as 8 MiB of memory.
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
    // The caller keeps ownership of `map_fd`. `size_bytes` is the map's max_entries.
    static Result<Ring> open(int map_fd, size_t size_bytes);

    struct Record {
        // valid until release() passes the record or the next read()
        std::span<const std::byte> bytes;
        uint64_t next = 0;  // position after the record
        bool discarded = false;
    };

    // The record at `position`; nullopt at the end of the ring or while the record is being
    // written.
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
    std::vector<std::byte> joined_;  // copy of a record that wraps around the end
};

}  // namespace vigil::capture
