// SPDX-License-Identifier: Apache-2.0
#include "sampling/convert.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "host/procfs.h"

namespace vigil::sampling {
namespace {

uint64_t page_bytes() {
    static const uint64_t size = static_cast<uint64_t>(::getpagesize());
    return size;
}

// A leader that exited before its threads has released the memory that they share.
std::optional<uint64_t> rss_of_threads(uint32_t pid) {
    for (const uint32_t thread : host::list_threads(pid)) {
        if (const auto bytes = host::read_rss_bytes(thread); bytes && *bytes > 0) {
            return bytes;
        }
    }
    return std::nullopt;
}

}  // namespace

model::Sample sample_of(const vigil_sample& record) {
    model::Sample sample;
    model::Process& process = sample.process;
    process.pid = process.tid = record.pid;
    process.ppid = record.ppid;
    process.uid = record.uid;
    process.gid = record.gid;
    process.pidns_level = static_cast<uint16_t>(record.pidns_level);
    process.start_ns = record.start_ns;
    process.cgroup_id = record.cgroup_id;
    std::memcpy(process.comm.bytes.data(), record.comm, sizeof record.comm);
    sample.exec_id = record.exec_id;
    sample.threads = record.threads;

    model::Counters& counters = sample.counters;
    counters.cpu_ns = record.runtime_ns;
    if (record.rss_pages != 0) {  // 0: a kernel thread, or in the middle of an exec
        counters.rss_bytes = record.rss_pages * page_bytes();
    }
    if ((record.flags & VIGIL_SAMPLE_STORAGE_UNKNOWN) == 0) {
        counters.read_bytes = record.read_bytes;
        counters.write_bytes = record.write_bytes;
    }
    if ((record.flags & VIGIL_SAMPLE_NETWORK_UNKNOWN) == 0) {
        counters.sent_bytes = record.sent_bytes;
        counters.received_bytes = record.received_bytes;
    }
    if ((record.flags & VIGIL_SAMPLE_INCONSISTENT) != 0) {
        if (const auto stat = host::read_stat(record.pid)) {
            counters.cpu_ns = stat->cpu_ns;
        }
    }
    return sample;
}

std::optional<model::Sample> sample_from_proc(uint32_t pid) {
    const auto stat = host::read_stat(pid);
    const auto user = host::read_user(pid);
    if (!stat || stat->is_zombie() || !user) {
        return std::nullopt;
    }
    model::Sample sample;
    model::Process& process = sample.process;
    process.pid = process.tid = pid;
    process.ppid = stat->ppid;
    process.uid = *user;
    process.start_ns = stat->start_ns;
    const size_t length = std::min(stat->comm.size(), process.comm.bytes.size() - 1);
    std::memcpy(process.comm.bytes.data(), stat->comm.data(), length);
    sample.threads = stat->threads;
    sample.counters.cpu_ns = stat->cpu_ns;
    sample.counters.rss_bytes =
        stat->state == 'Z' ? rss_of_threads(pid) : host::read_rss_bytes(pid);
    if (const auto io = host::read_io(pid)) {
        sample.counters.read_bytes = io->read_bytes;
        sample.counters.write_bytes = io->write_bytes;
    }
    return sample;
}

}  // namespace vigil::sampling
