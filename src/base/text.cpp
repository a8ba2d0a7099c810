// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace vigil {
namespace {

struct CodePoint {
    uint32_t value;
    size_t length;  // bytes; 0: invalid UTF-8
};

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
CodePoint decode_utf8(std::string_view bytes) {
    const auto at = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
    const uint8_t first = at(0);
    size_t length = 0;
    uint32_t value = 0;
    uint32_t min_value = 0;
    if (first < 0x80) {
        return {first, 1};
    }
    if ((first & 0xe0) == 0xc0) {
        length = 2, value = first & 0x1f, min_value = 0x80;
    } else if ((first & 0xf0) == 0xe0) {
        length = 3, value = first & 0x0f, min_value = 0x800;
    } else if ((first & 0xf8) == 0xf0) {
        length = 4, value = first & 0x07, min_value = 0x10000;
    } else {
        return {first, 0};
    }
    if (bytes.size() < length) {
        return {first, 0};
    }
    for (size_t i = 1; i < length; i++) {
        if ((at(i) & 0xc0) != 0x80) {
            return {first, 0};
        }
        value = value << 6 | (at(i) & 0x3f);
    }
    if (value < min_value || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) {
        return {first, 0};
    }
    return {value, length};
}

// Code points that change the display instead of being displayed.
bool is_misleading(uint32_t value) {
    return (value >= 0x7f && value <= 0x9f) ||      // DEL and the C1 controls
           value == 0xad || value == 0x34f ||       // soft hyphen, grapheme joiner
           value == 0x61c ||                        // Arabic letter mark
           (value >= 0x115f && value <= 0x1160) ||  // Hangul fillers, more below
           (value >= 0x180b && value <= 0x180f) ||  // Mongolian selectors
           (value >= 0x200b && value <= 0x200f) ||  // zero width, direction marks
           (value >= 0x2028 && value <= 0x202e) ||  // separators, embeddings, overrides
           (value >= 0x2060 && value <= 0x206f) ||  // invisible operators, isolates
           value == 0x3164 || value == 0xffa0 ||    //
           (value >= 0xfe00 && value <= 0xfe0f) ||  // variation selectors
           value == 0xfeff ||                       // byte order mark
           (value >= 0xfff9 && value <= 0xfffb) ||  // annotations
           (value >= 0xe0000 && value <= 0xe01ef);  // tags, more variation selectors
}

// A lambda so that it is inlined: it runs for every byte, and a function would be called.
constexpr auto is_plain = [](char c) { return c >= 0x20 && c < 0x7f && c != '\\' && c != '"'; };

// Calls plain(text) for runs that stay as they are and escape(code point, is_byte) for the rest.
template <class Plain, class Escape>
void walk(std::string_view bytes, Plain plain, Escape escape) {
    while (!bytes.empty()) {
        const auto end = std::find_if_not(bytes.begin(), bytes.end(), is_plain);
        const auto run = static_cast<size_t>(end - bytes.begin());
        if (run > 0) {
            plain(bytes.substr(0, run));
            bytes.remove_prefix(run);
            continue;
        }
        const CodePoint point = decode_utf8(bytes);
        if (point.length == 0) {
            escape(point.value, true);
            bytes.remove_prefix(1);
            continue;
        }
        if (point.value < 0x80 || is_misleading(point.value)) {
            escape(point.value, false);
        } else {
            plain(bytes.substr(0, point.length));
        }
        bytes.remove_prefix(point.length);
    }
}

// `quoted`: the text goes inside double quotes, so double quotes get a backslash.
void append_with_escapes(std::string& out, std::string_view bytes, bool quoted) {
    const auto plain = [&](std::string_view text) { out += text; };
    walk(bytes, plain, [&](uint32_t value, bool is_byte) {
        if (is_byte) {
            fmt::format_to(std::back_inserter(out), FMT_COMPILE("\\x{:02x}"), value);
        } else if (value == '"') {
            out += quoted ? "\\\"" : "\"";
        } else if (value == '\\') {
            out += "\\\\";
        } else if (value == '\n') {
            out += "\\n";
        } else if (value == '\t') {
            out += "\\t";
        } else if (value == '\r') {
            out += "\\r";
        } else if (value == 0x1b) {
            out += "\\e";
        } else if (value <= 0x7f) {
            fmt::format_to(std::back_inserter(out), FMT_COMPILE("\\x{:02x}"), value);
        } else {
            fmt::format_to(std::back_inserter(out), FMT_COMPILE("\\u{{{:x}}}"), value);
        }
    });
}

}  // namespace

void append_escaped(std::string& out, std::string_view bytes) {
    append_with_escapes(out, bytes, false);
}

void append_quoted(std::string& out, std::string_view bytes) {
    const auto needs_no_quotes = [](char c) { return c >= 0 && c != ' ' && c != '"' && c != '='; };
    if (!bytes.empty() && std::all_of(bytes.begin(), bytes.end(), needs_no_quotes)) {
        append_with_escapes(out, bytes, false);
        return;
    }
    out += '"';
    append_with_escapes(out, bytes, true);
    out += '"';
}

std::string escape_terminal(std::string_view bytes) {
    std::string out;
    append_escaped(out, bytes);
    return out;
}

std::string quote_if_needed(std::string_view bytes) {
    std::string out;
    append_quoted(out, bytes);
    return out;
}

void append_json_string(std::string& out, std::string_view bytes) {
    const auto plain = [&](std::string_view text) { out += text; };
    out += '"';
    walk(bytes, plain, [&](uint32_t value, bool is_byte) {
        if (is_byte) {
            fmt::format_to(std::back_inserter(out), FMT_COMPILE("\\\\x{:02x}"), value);
        } else if (value == '"') {
            out += "\\\"";
        } else if (value == '\\') {
            out += "\\\\";
        } else if (value >= 0x10000) {  // a surrogate pair
            const uint32_t rest = value - 0x10000;
            fmt::format_to(std::back_inserter(out), FMT_COMPILE("\\u{:04x}\\u{:04x}"),
                           0xd800 + (rest >> 10), 0xdc00 + (rest & 0x3ff));
        } else {
            fmt::format_to(std::back_inserter(out), FMT_COMPILE("\\u{:04x}"), value);
        }
    });
    out += '"';
}

// Outside of ASCII, JSON has only strings; control characters only occur between tokens.
std::string escape_terminal_json(std::string_view json) {
    const auto is_ascii = [](char c) { return c >= 0 && c < 0x7f; };
    const auto is_control = [](char c) { return c >= 0 && c < 0x20; };
    std::string out;
    std::string part;
    while (!json.empty()) {
        auto end = std::find_if_not(json.begin(), json.end(), is_ascii);
        std::remove_copy_if(json.begin(), end, std::back_inserter(out), is_control);
        json.remove_prefix(static_cast<size_t>(end - json.begin()));
        end = std::find_if(json.begin(), json.end(), is_ascii);
        part.clear();
        append_json_string(part, json.substr(0, static_cast<size_t>(end - json.begin())));
        out.append(part, 1, part.size() - 2);
        json.remove_prefix(static_cast<size_t>(end - json.begin()));
    }
    return out;
}

// Counts one column per code point, which is right for most names.
std::string truncate_columns(std::string_view line, size_t columns) {
    const auto begins_code_point = [](char byte) {
        return (static_cast<unsigned char>(byte) & 0xc0) != 0x80;
    };
    std::string out;
    size_t cut = std::string::npos;  // position of the ellipsis, if it is needed
    size_t used = 0;
    bool in_code = false;
    for (const char byte : line) {
        in_code = in_code || byte == '\x1b';
        if (in_code) {
            in_code = byte != 'm';
            out += byte;
            continue;
        }
        used += begins_code_point(byte) ? 1 : 0;
        if (used == columns && cut == std::string::npos) {
            cut = out.size();
        }
        if (used <= columns) {
            out += byte;
        }
    }
    if (used <= columns || cut == std::string::npos) {
        return used <= columns ? out : std::string();
    }
    size_t end = cut + 1;
    while (end < out.size() && !begins_code_point(out[end])) {
        end++;
    }
    return out.replace(cut, end - cut, "…");
}

}  // namespace vigil
