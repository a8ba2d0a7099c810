// SPDX-License-Identifier: Apache-2.0
#include "model/signals.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <csignal>
#include <vector>

#include "base/units.h"

namespace vigil::model {
namespace {

// The C library reserves 32 and 33; its SIGRTMIN is 34. kill(2) accepts all of them.
constexpr int realtime_min = 34;

struct Name {
    int number;
    std::string_view name;
};

constexpr std::array standard{
    Name{SIGHUP, "SIGHUP"},       Name{SIGINT, "SIGINT"},       Name{SIGQUIT, "SIGQUIT"},
    Name{SIGILL, "SIGILL"},       Name{SIGTRAP, "SIGTRAP"},     Name{SIGABRT, "SIGABRT"},
    Name{SIGBUS, "SIGBUS"},       Name{SIGFPE, "SIGFPE"},       Name{SIGKILL, "SIGKILL"},
    Name{SIGUSR1, "SIGUSR1"},     Name{SIGSEGV, "SIGSEGV"},     Name{SIGUSR2, "SIGUSR2"},
    Name{SIGPIPE, "SIGPIPE"},     Name{SIGALRM, "SIGALRM"},     Name{SIGTERM, "SIGTERM"},
    Name{SIGSTKFLT, "SIGSTKFLT"}, Name{SIGCHLD, "SIGCHLD"},     Name{SIGCONT, "SIGCONT"},
    Name{SIGSTOP, "SIGSTOP"},     Name{SIGTSTP, "SIGTSTP"},     Name{SIGTTIN, "SIGTTIN"},
    Name{SIGTTOU, "SIGTTOU"},     Name{SIGURG, "SIGURG"},       Name{SIGXCPU, "SIGXCPU"},
    Name{SIGXFSZ, "SIGXFSZ"},     Name{SIGVTALRM, "SIGVTALRM"}, Name{SIGPROF, "SIGPROF"},
    Name{SIGWINCH, "SIGWINCH"},   Name{SIGIO, "SIGIO"},         Name{SIGPWR, "SIGPWR"},
    Name{SIGSYS, "SIGSYS"},
};
constexpr std::array aliases{
    Name{SIGABRT, "SIGIOT"},
    Name{SIGIO, "SIGPOLL"},
    Name{SIGCHLD, "SIGCLD"},
};

// Indexed by number.
const std::array<std::string, signal_max + 1>& names() {
    static const auto table = [] {
        std::array<std::string, signal_max + 1> result;
        for (int number = 0; number <= signal_max; number++) {
            result[static_cast<size_t>(number)] = fmt::format("SIG{}", number);
        }
        for (const Name& each : standard) {
            result[static_cast<size_t>(each.number)] = each.name;
        }
        for (int number = realtime_min; number <= signal_max; number++) {
            const int offset = number - realtime_min;
            result[static_cast<size_t>(number)] =
                offset == 0 ? "SIGRTMIN" : fmt::format("SIGRTMIN+{}", offset);
        }
        result[signal_max] = "SIGRTMAX";
        return result;
    }();
    return table;
}

size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<size_t> row(b.size() + 1);
    for (size_t j = 0; j <= b.size(); j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.size(); i++) {
        size_t diagonal = std::exchange(row[0], i);
        for (size_t j = 1; j <= b.size(); j++) {
            const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
        }
    }
    return row[b.size()];
}

// The three names with the smallest edit distance, as "SIGTERM, SIGTRAP, SIGTTIN".
std::string near_names(std::string_view wanted) {
    std::vector<Name> all(standard.begin(), standard.end());
    std::stable_sort(all.begin(), all.end(), [&](const Name& a, const Name& b) {
        return edit_distance(wanted, a.name) < edit_distance(wanted, b.name);
    });
    return fmt::format("{}, {}, {}", all[0].name, all[1].name, all[2].name);
}

// "SIGRTMIN+3", "SIGRTMAX-1"; 0 for any other text.
int parse_realtime(std::string_view name) {
    const bool from_min = name.starts_with("SIGRTMIN");
    if (!from_min && !name.starts_with("SIGRTMAX")) {
        return 0;
    }
    const int base = from_min ? realtime_min : signal_max;
    name.remove_prefix(sizeof "SIGRTMIN" - 1);
    if (name.empty()) {
        return base;
    }
    const auto offset = parse_number(name.substr(1), 0, signal_max - realtime_min);
    if (!offset || name[0] != (from_min ? '+' : '-')) {
        return 0;
    }
    const auto distance = static_cast<int>(*offset);
    return from_min ? base + distance : base - distance;
}

}  // namespace

SignalSet default_signals() {
    return all_signals & ~(signal_bit(SIGCHLD) | signal_bit(SIGURG) | signal_bit(SIGWINCH));
}

bool dumps_core(int number) {
    constexpr std::array numbers{SIGQUIT, SIGILL,  SIGTRAP, SIGABRT, SIGBUS,
                                 SIGFPE,  SIGSEGV, SIGXCPU, SIGXFSZ, SIGSYS};
    return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

std::string_view signal_name(int number) {
    const bool valid = number >= 1 && number <= signal_max;
    if (!valid) {
        return number == 0 ? "SIG0" : "SIG?";  // kill(2) accepts 0: only a permission check
    }
    return names()[static_cast<size_t>(number)];
}

Result<int> parse_signal(std::string_view text) {
    if (const auto number = parse_number(text, 1, signal_max)) {
        return static_cast<int>(*number);
    }
    std::string name(text);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    if (!name.starts_with("SIG")) {
        name.insert(0, "SIG");
    }
    const auto matches = [&](const Name& each) { return each.name == name; };
    if (const auto it = std::find_if(standard.begin(), standard.end(), matches);
        it != standard.end()) {
        return it->number;
    }
    if (const auto it = std::find_if(aliases.begin(), aliases.end(), matches);
        it != aliases.end()) {
        return it->number;
    }
    if (const int number = parse_realtime(name); number != 0) {
        return number;
    }
    return Error{ErrorCode::usage,
                 fmt::format("'{}' is no signal: expected a number from 1 to {}, a name (near: "
                             "{}), RTMIN+N or RTMAX-N",
                             text, signal_max, near_names(name))};
}

}  // namespace vigil::model
