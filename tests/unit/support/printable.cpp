// SPDX-License-Identifier: Apache-2.0
#include "support/printable.h"

#include <cstdint>
#include <cstdio>

namespace vigil::test {
namespace {

std::string wrong(const char* what, uint32_t value, size_t at) {
    char message[96];
    std::snprintf(message, sizeof message, "%s 0x%x at byte %zu", what, value, at);
    return message;
}

// The rows of Table 3-7 of the Unicode standard: how many bytes follow, and the range of the
// first of them; all others are 80 to bf.
struct Row {
    uint8_t first_low, first_high, following, second_low, second_high;
};
constexpr Row rows[] = {
    {0x00, 0x7f, 0, 0x00, 0x00}, {0xc2, 0xdf, 1, 0x80, 0xbf}, {0xe0, 0xe0, 2, 0xa0, 0xbf},
    {0xe1, 0xec, 2, 0x80, 0xbf}, {0xed, 0xed, 2, 0x80, 0x9f}, {0xee, 0xef, 2, 0x80, 0xbf},
    {0xf0, 0xf0, 3, 0x90, 0xbf}, {0xf1, 0xf3, 3, 0x80, 0xbf}, {0xf4, 0xf4, 3, 0x80, 0x8f},
};

const Row* row_of(uint8_t first) {
    for (const Row& row : rows) {
        if (first >= row.first_low && first <= row.first_high) {
            return &row;
        }
    }
    return nullptr;
}

bool is_forbidden(uint32_t point) {
    constexpr uint32_t ranges[][2] = {
        {0x00, 0x1f},     {0x7f, 0x9f},       {0xad, 0xad},     {0x61c, 0x61c},
        {0x200b, 0x200f}, {0x2028, 0x202e},   {0x2060, 0x206f}, {0xfeff, 0xfeff},
        {0xfff9, 0xfffb}, {0xe0000, 0xe01ef}, {0x34f, 0x34f},   {0x115f, 0x1160},
        {0x180b, 0x180f}, {0x3164, 0x3164},   {0xffa0, 0xffa0}, {0xfe00, 0xfe0f},
    };
    for (const auto& range : ranges) {
        if (point >= range[0] && point <= range[1]) {
            return true;
        }
    }
    return false;
}

}  // namespace

std::string unprintable(std::string_view text, bool newline_at_end) {
    if (newline_at_end) {
        if (text.empty() || text.back() != '\n') {
            return "no newline at the end";
        }
        text.remove_suffix(1);
    }
    const auto at = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
    for (size_t i = 0; i < text.size();) {
        const Row* row = row_of(at(i));
        if (row == nullptr || i + row->following >= text.size()) {
            return wrong("no UTF-8:", at(i), i);
        }
        // The leading bits of a first byte: 0, 110, 1110, 11110.
        uint32_t point = row->following == 0 ? at(i) : at(i) & (0x3fU >> row->following);
        for (size_t k = 1; k <= row->following; k++) {
            const uint8_t low = k == 1 ? row->second_low : 0x80;
            const uint8_t high = k == 1 ? row->second_high : 0xbf;
            if (at(i + k) < low || at(i + k) > high) {
                return wrong("no UTF-8:", at(i + k), i + k);
            }
            point = point * 64 + (at(i + k) - 0x80U);
        }
        if (is_forbidden(point)) {
            return wrong("code point", point, i);
        }
        i += 1 + row->following;
    }
    return {};
}

}  // namespace vigil::test
