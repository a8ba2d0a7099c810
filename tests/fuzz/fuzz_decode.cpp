// SPDX-License-Identifier: Apache-2.0
// Any bytes as a ring record: decoding must not crash or read beyond them, and whatever is
// decoded must be printable in every format, and JSON.
#include <linux/types.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "abi/records.h"
#include "capture/decode.h"
#include "check.h"
#include "format/formatter.h"
#include "support/json.h"
#include "support/printable.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

using vigil::fuzz::require;

size_t record_size(uint16_t kind, size_t otherwise) {
    switch (kind) {
        case VIGIL_FORK:
            return sizeof(vigil_fork);
        case VIGIL_EXIT:
            return sizeof(vigil_exit);
        case VIGIL_SIGNAL:
            return sizeof(vigil_signal);
        case VIGIL_OOM:
            return sizeof(vigil_oom);
        case VIGIL_KILL_FAILED:
            return sizeof(vigil_kill_failed);
        default:
            return otherwise;
    }
}

void check_line(vigil::format::Formatter& formatter, const vigil::model::Event& event, bool json) {
    std::string out;
    formatter.append(out, event);
    if (out.empty()) {
        return;
    }
    const std::string wrong = vigil::test::unprintable(out, true);
    require(wrong.empty(), wrong.c_str(), out);
    require(!json || vigil::test::parse_json_object(out).has_value(), "no JSON object", out);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const auto json = vigil::format::make_json_formatter("box");
    static const auto text = vigil::format::make_text_formatter(true, false);
    static const auto bare = vigil::format::make_text_formatter(false, false);
    static const auto table = vigil::format::make_table_formatter();

    const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
    (void)vigil::capture::killed_by_kernel(bytes);
    (void)vigil::capture::oom_victim(bytes);
    (void)vigil::capture::record_position(bytes);
    for (const bool oom_follows : {false, true}) {
        const auto event =
            vigil::capture::decode(bytes, {.unix_minus_boot_ns = 1'795'214'029'000'000'000,
                                           .oom_follows = oom_follows,
                                           .cpu_count = 8,
                                           .lane_count = 4});
        if (event) {
            check_line(*json, *event, true);
            check_line(*text, *event, false);
            check_line(*bare, *event, false);
            check_line(*table, *event, false);
        }
    }
    return 0;
}

// Most noise is no record at all. So three of four changed inputs get a header that is true to
// their length, and exec's lengths are made to add up in every other of these.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
    size = LLVMFuzzerMutate(data, size, max_size);
    vigil_header header;
    if (seed % 4 == 0 || size < sizeof header) {
        return size;
    }
    std::memcpy(&header, data, sizeof header);
    header.kind = static_cast<__u16>(header.kind % 6);
    const size_t wanted = record_size(header.kind, size);
    if (wanted > max_size) {
        return size;
    }
    if (wanted > size) {
        std::memset(data + size, 0, wanted - size);
    }
    size = wanted;
    header.size = static_cast<__u32>(size);
    std::memcpy(data, &header, sizeof header);
    constexpr size_t begin = offsetof(vigil_exec, data);
    if (header.kind == VIGIL_EXEC && size >= begin && seed % 2 == 0) {
        const size_t rest = size - begin;
        const auto file = static_cast<__u16>(rest == 0 ? 0 : seed / 8 % (rest + 1));
        const auto argv = static_cast<__u16>(rest - file);
        std::memcpy(data + offsetof(vigil_exec, file_length), &file, sizeof file);
        std::memcpy(data + offsetof(vigil_exec, argv_length), &argv, sizeof argv);
    }
    return size;
}
