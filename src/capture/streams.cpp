// SPDX-License-Identifier: Apache-2.0
#include "capture/streams.h"

namespace vigil::capture {

Gap advance(Cursor& cursor, uint16_t cpu, model::Kind kind, uint64_t sequence, uint64_t boot_ns) {
    vigil_stream& stream = cursor.cpus[cpu].kind[model::index(kind)];
    Gap gap{kind, cpu, 0, stream.time_ns, boot_ns};
    if (sequence > stream.sequence) {
        gap.count = sequence - stream.sequence - 1;
        stream.lost += gap.count;
        stream.sequence = sequence;
        stream.time_ns = boot_ns;
    }
    return gap;
}

std::vector<Gap> close_gaps(Cursor& cursor, std::span<const vigil_cpu_counters> sequences,
                            uint64_t now_boot_ns) {
    std::vector<Gap> gaps;
    for (size_t cpu = 0; cpu < cursor.cpus.size(); cpu++) {
        for (size_t kind = 0; kind < model::kernel_kind_count; kind++) {
            vigil_stream& stream = cursor.cpus[cpu].kind[kind];
            const uint64_t given_out = sequences[cpu].kind[kind].sequence;
            if (given_out <= stream.sequence) {
                continue;
            }
            const uint64_t count = given_out - stream.sequence;
            gaps.push_back({static_cast<model::Kind>(kind), static_cast<uint16_t>(cpu), count,
                            stream.time_ns, now_boot_ns});
            stream.lost += count;
            stream.sequence = given_out;
        }
    }
    return gaps;
}

}  // namespace vigil::capture
