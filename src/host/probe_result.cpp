// SPDX-License-Identifier: Apache-2.0
#include "host/probe_result.h"

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

namespace vigil::host {
namespace {

// The verifier's log ends with the error, followed by a line of statistics.
std::string find_last_error_line(std::string_view log) {
    while (!log.empty()) {
        const size_t end = log.find_last_not_of('\n');
        log = log.substr(0, end + 1);
        const size_t begin = log.rfind('\n') + 1;  // npos + 1 = 0
        const std::string_view line = log.substr(begin);
        if (!line.empty() && !line.starts_with("processed ")) {
            return std::string(line);
        }
        log = log.substr(0, begin);
    }
    return {};
}

}  // namespace

ProbeResult denied(int error, const std::string& detail) {
    std::string reason = error == EPERM ? "the kernel refuses it (EPERM)" : std::strerror(error);
    if (!detail.empty()) {
        reason += ": " + detail;
    }
    return {.supported = false, .forbidden = error == EPERM, .reason = std::move(reason)};
}

ProbeResult missing(std::string reason) { return {.reason = std::move(reason)}; }

ProbeResult supported() { return {.supported = true, .reason = {}}; }

VerifierLog::VerifierLog() : bytes_(std::make_unique_for_overwrite<char[]>(size_bytes)) {
    bytes_[0] = '\0';
}

std::string VerifierLog::last_error_line() const {
    return find_last_error_line({bytes_.get(), ::strnlen(bytes_.get(), size_bytes)});
}

}  // namespace vigil::host
