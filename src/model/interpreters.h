// SPDX-License-Identifier: Apache-2.0
// What runs where the executed file is only an interpreter: the script or module in its arguments.
// One table of interpreters and their options, for rules, queries and filters alike.
#pragma once

#include <string_view>
#include <vector>

namespace vigil::model {

// The programs in the arguments (a NUL after each), as written there: the program that the dynamic
// loader is to run, the applet of busybox, the script or module of an interpreter, in this
// order. Empty: there is none, as with code in the arguments or on standard input.
// `executable`: base name of the executed file; if empty, that of the first argument is taken.
std::vector<std::string_view> programs_in_arguments(std::string_view executable,
                                                    std::string_view argv);

}  // namespace vigil::model
