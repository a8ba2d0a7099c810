// SPDX-License-Identifier: Apache-2.0
#include "host/libbpf_log.h"

#include <bpf/libbpf.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <sstream>
#include <string_view>

namespace vigil::host {
namespace {

std::string& log_text() {
    static std::string text;
    return text;
}

int collect(libbpf_print_level level, const char* format, va_list arguments) {
    if (level == LIBBPF_DEBUG) {
        return 0;
    }
    std::array<char, 1024> line{};
    const int length = std::vsnprintf(line.data(), line.size(), format, arguments);
    log_text() += line.data();
    return length;
}

int silence(libbpf_print_level, const char*, va_list) { return 0; }

}  // namespace

LibbpfLog::LibbpfLog() {
    log_text().clear();
    ::libbpf_set_print(collect);
}

LibbpfLog::~LibbpfLog() { ::libbpf_set_print(silence); }

std::string LibbpfLog::last_error_line() const {
    constexpr std::string_view prefix = "libbpf: ";
    std::istringstream lines(log_text());
    std::string key;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(prefix) && (key.empty() || line.find("prog '") != std::string::npos)) {
            key = line.substr(prefix.size());
        }
    }
    return key;
}

}  // namespace vigil::host
