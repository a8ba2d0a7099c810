// SPDX-License-Identifier: Apache-2.0
// Loading of the sweep programs, each of which has its own skeleton type.
#pragma once

#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/types.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include "base/result.h"
#include "host/libbpf_log.h"
#include "host/probe_result.h"
#include "sampling/process_scanner.h"

namespace vigil::sampling {

// EXACT_RSS_CPUS of bpf/lib/sample.h: with more CPUs, memory counters are not corrected.
constexpr int exact_rss_cpus = 64;

inline Error failure(const char* what, int error) {
    return {ErrorCode::failed, fmt::format("{}: {}", what, std::strerror(error))};
}

template <class Skeleton>
using LoadedProgram = std::unique_ptr<Skeleton, void (*)(Skeleton*)>;

// Opens the skeleton, lets `adjust` change it, and loads it.
template <class Skeleton, class Adjust>
Result<LoadedProgram<Skeleton>> load_program(const ScannerOptions& options, Adjust adjust) {
    const host::LibbpfLog log;
    LoadedProgram<Skeleton> program(Skeleton::open(), Skeleton::destroy);
    if (!program) {
        return failure("opening the sweep program", errno);
    }
    const bool network = options.processes_fd >= 0;
    const int cpus = ::libbpf_num_possible_cpus();
    program->rodata->cpu_count = cpus <= exact_rss_cpus ? static_cast<__u32>(std::max(0, cpus)) : 0;
    program->rodata->network_counted = network ? 1 : 0;
    if (network) {
        ::bpf_map__reuse_fd(program->maps.processes, options.processes_fd);
    } else {
        ::bpf_map__set_max_entries(program->maps.processes, 1);
    }
    adjust(*program);
    host::VerifierLog verifier;
    bpf_program* each = nullptr;
    while ((each = ::bpf_object__next_program(program->obj, each)) != nullptr) {
        ::bpf_program__set_log_buf(each, verifier.data(), host::VerifierLog::size_bytes);
    }
    if (const int error = Skeleton::load(program.get()); error != 0) {
        const std::string last_error_line = verifier.last_error_line();
        return Error{
            ErrorCode::unsupported,
            fmt::format("loading the sweep program: {} ({})", std::strerror(-error),
                        last_error_line.empty() ? log.last_error_line() : last_error_line)};
    }
    return program;
}

}  // namespace vigil::sampling
