// SPDX-License-Identifier: Apache-2.0
// The layout of an event's JSON line, for what writes it (format/) and for what searches a line
// without parsing it (query/, agent/):
//   {"time":"2026-11-20T22:33:49.123456Z","kind":"exit","host":"box","pid":4242,...}
// The members after "host" are the rows of model/fields.h.
#pragma once

#include <string>
#include <string_view>

namespace vigil::model {

constexpr std::string_view json_before_time = R"({"time":")";
constexpr size_t json_time_bytes = std::string_view("2026-11-20T22:33:49.123456Z").size();
constexpr std::string_view json_before_kind = R"(","kind":")";
constexpr std::string_view json_before_host = R"(","host":)";  // then a JSON string
constexpr std::string_view json_end = "}\n";
constexpr std::string_view json_end_if_cut = ",\"cut\":true}\n";  // long strings have been cut

// Keys of the members that are not rows.
constexpr std::string_view time_key = "time";
constexpr std::string_view kind_key = "kind";
constexpr std::string_view host_key = "host";
constexpr std::string_view cut_key = "cut";

// `"key":`. No string of a line holds it: its quotes would be escaped there.
inline std::string json_key(std::string_view key) { return '"' + std::string(key) + "\":"; }
// What separates members, and the key.
inline std::string json_next_key(std::string_view key) { return ',' + json_key(key); }
// `"name"`, of a name that needs no escapes.
inline std::string json_name(std::string_view name) { return '"' + std::string(name) + '"'; }

// Keys of rows that a search looks for in a line.
namespace keys {
constexpr std::string_view boot_id = "boot_id";
constexpr std::string_view boot_ns = "boot_ns";
constexpr std::string_view pid = "pid";
constexpr std::string_view cause = "cause";
constexpr std::string_view exit_code = "exit_code";
constexpr std::string_view lifetime_ns = "lifetime_ns";
constexpr std::string_view cpu_ns = "cpu_ns";
constexpr std::string_view peak_rss_bytes = "peak_rss_bytes";
constexpr std::string_view read_bytes = "read_bytes";
constexpr std::string_view write_bytes = "write_bytes";
constexpr std::string_view sent_bytes = "sent_bytes";
constexpr std::string_view received_bytes = "received_bytes";
}  // namespace keys

}  // namespace vigil::model
