// SPDX-License-Identifier: Apache-2.0
// The promise of every format, checked without the code under test: nothing that could act on
// a terminal or mislead a reader.
#pragma once

#include <string>
#include <string_view>

namespace vigil::test {

// "" where `text` is valid UTF-8 without control characters (C0, DEL, C1) and without code
// points that are invisible or turn the direction of writing; else what is wrong, and where.
// `newline_at_end`: exactly one newline must stand at the end; else none may be there.
std::string unprintable(std::string_view text, bool newline_at_end);

}  // namespace vigil::test
