// SPDX-License-Identifier: Apache-2.0
// Signal numbers and names of Linux (signal(7)).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace vigil::model {

constexpr int signal_max = 64;

// A set of signals as the kernel side filters them: bit n-1 represents signal n.
using SignalSet = uint64_t;
constexpr SignalSet all_signals = ~SignalSet{0};

constexpr SignalSet signal_bit(int number) { return SignalSet{1} << (number - 1); }

// Every signal with a default action: all but SIGCHLD, SIGURG and SIGWINCH.
SignalSet default_signals();

// True if the default action is to dump core.
bool dumps_core(int number);

// "SIGTERM", "SIGRTMIN+3"; "SIG0" for 0, "SIG?" for an invalid number. Static storage.
std::string_view signal_name(int number);

// Accepts 15, TERM, SIGTERM, RTMIN+3, RTMAX-1 in any case. The error suggests similar signals.
Result<int> parse_signal(std::string_view text);

}  // namespace vigil::model
