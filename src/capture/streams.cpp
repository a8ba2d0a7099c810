// SPDX-License-Identifier: Apache-2.0
#include "capture/streams.h"

namespace vigil::capture {

Gap advance(Cursor& cursor, uint16_t stream, model::Kind kind, uint64_t sequence,
            uint64_t boot_ns) {
    vigil_stream& reached = cursor.streams[stream].kind[model::index(kind)];
    Gap gap{kind, stream, 0, reached.time_ns, boot_ns};
    if (sequence > reached.sequence) {
        gap.count = sequence - reached.sequence - 1;
        reached.lost += gap.count;
        reached.sequence = sequence;
        reached.time_ns = boot_ns;
    }
    return gap;
}

std::vector<Gap> close_gaps(Cursor& cursor, std::span<const vigil_cpu_counters> sequences,
                            uint64_t now_boot_ns) {
    std::vector<Gap> gaps;
    for (size_t stream = 0; stream < cursor.streams.size(); stream++) {
        for (size_t kind = 0; kind < model::kernel_kind_count; kind++) {
            vigil_stream& reached = cursor.streams[stream].kind[kind];
            const uint64_t assigned = sequences[stream].kind[kind].sequence;
            if (assigned <= reached.sequence) {
                continue;
            }
            const uint64_t count = assigned - reached.sequence;
            gaps.push_back({static_cast<model::Kind>(kind), static_cast<uint16_t>(stream), count,
                            reached.time_ns, now_boot_ns});
            reached.lost += count;
            reached.sequence = assigned;
        }
    }
    return gaps;
}

}  // namespace vigil::capture
