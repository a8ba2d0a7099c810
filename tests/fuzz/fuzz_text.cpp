// SPDX-License-Identifier: Apache-2.0
// Any bytes through the escapers: what comes out must be printable, and valid JSON.
#include <cstdint>

#include "base/text.h"
#include "check.h"
#include "support/json.h"
#include "support/printable.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using vigil::fuzz::require;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);

    std::string out;
    vigil::append_escaped(out, bytes);
    std::string wrong = vigil::test::unprintable(out, false);
    require(wrong.empty(), wrong.c_str(), out);

    out.clear();
    vigil::append_quoted(out, bytes);
    wrong = vigil::test::unprintable(out, false);
    require(wrong.empty(), wrong.c_str(), out);
    require(!out.empty() && (out[0] == '"' || out.find(' ') == std::string::npos), "two words",
            out);

    out.clear();
    vigil::append_json_string(out, bytes);
    wrong = vigil::test::unprintable(out, false);
    require(wrong.empty(), wrong.c_str(), out);
    const auto parsed = vigil::test::parse_json_string(out);
    require(parsed.has_value(), "no JSON string", out);
    require(out.find("\\\\x") != std::string::npos || *parsed == bytes, "changed bytes", out);
    return 0;
}
