// SPDX-License-Identifier: Apache-2.0
#include "history/sieve.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

#include "base/clock.h"
#include "history/names.h"

namespace vigil::history {
namespace {

// The bill stands at the end of a line: its keys are looked for there first.
constexpr size_t bill_bytes = 1024;

bool holds(std::string_view line, std::string_view part) {
    return ::memmem(line.data(), line.size(), part.data(), part.size()) != nullptr;
}

// The number behind `key`, which is quoted and has its colon: so it stands in no string. The
// first one in the line.
std::optional<uint64_t> number_behind(std::string_view line, std::string_view key) {
    const void* found = ::memmem(line.data(), line.size(), key.data(), key.size());
    if (found == nullptr) {
        return std::nullopt;
    }
    const char* begin = static_cast<const char*>(found) + key.size();
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(begin, line.data() + line.size(), number);
    return error == std::errc{} ? std::optional(number) : std::nullopt;
}

std::optional<uint64_t> bill_item(std::string_view line, std::string_view key) {
    const std::string_view end = line.substr(line.size() - std::min(line.size(), bill_bytes));
    return holds(end, key) ? number_behind(end, key) : number_behind(line, key);
}

// What comes before all times, or behind them, is so as a text too.
std::string time_text(int64_t unix_ns, std::string_view first, std::string_view last) {
    if (unix_ns == std::numeric_limits<int64_t>::min()) {
        return std::string(first);
    }
    if (unix_ns == std::numeric_limits<int64_t>::max()) {
        return std::string(last);
    }
    std::string text;
    TimeFormat().append_utc(text, unix_ns);
    return text;
}

}  // namespace

std::optional<Head> read_head(std::string_view line) {
    constexpr std::string_view before_time = "{\"time\":\"";
    constexpr std::string_view before_kind = "\",\"kind\":\"";
    constexpr size_t time_size = sizeof "2026-11-20T22:33:49.123456Z" - 1;
    constexpr size_t kind_at = before_time.size() + time_size + before_kind.size();
    if (line.size() <= kind_at || !line.starts_with(before_time) ||
        line.substr(before_time.size() + time_size, before_kind.size()) != before_kind) {
        return std::nullopt;
    }
    const size_t end = line.find('"', kind_at);
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    return Head{line.substr(before_time.size(), time_size), line.substr(kind_at, end - kind_at)};
}

Sieve::Sieve(const Query& query)
    : order_(query.order),
      since_(time_text(query.conditions.since_unix_ns, "", "~")),
      until_(time_text(query.conditions.until_unix_ns, "", "~")),
      pid_(query.conditions.pid),
      abnormal_(query.conditions.abnormal) {
    const Conditions& conditions = query.conditions;
    const auto add = [&](const std::string& part) {
        if (!part.empty()) {
            parts_.push_back(part);
        }
    };
    if (conditions.cause) {
        add(fmt::format("\"cause\":\"{}\"", to_string(*conditions.cause)));
    }
    if (conditions.name) {
        add(literal_part(conditions.name->substr(0, longest_comm)));
    }
    if (conditions.unit) {
        add(literal_part(*conditions.unit));
    }
    if (conditions.user && !is_number(*conditions.user)) {
        add(literal_part(*conditions.user));
    }
}

bool Sieve::may_match(std::string_view line, const Head& head) const {
    return head.time >= since_ && head.time <= until_ &&
           (!pid_ || number_behind(line, "\"pid\":") == pid_) &&
           !(abnormal_ && holds(line, "\"exit_code\":0,")) &&
           std::all_of(parts_.begin(), parts_.end(),
                       [&](const std::string& part) { return holds(line, part); });
}

std::optional<uint64_t> Sieve::rank(std::string_view line) const {
    switch (order_) {
        case Order::newest:
            return std::nullopt;
        case Order::cpu:
            return bill_item(line, "\"cpu_ns\":");
        case Order::memory:
            return bill_item(line, "\"peak_rss_bytes\":");
        case Order::disk:
            return sum(bill_item(line, "\"read_bytes\":"), bill_item(line, "\"write_bytes\":"));
        case Order::network:
            return sum(bill_item(line, "\"sent_bytes\":"), bill_item(line, "\"received_bytes\":"));
        case Order::lifetime:
            break;
    }
    return bill_item(line, "\"lifetime_ns\":");
}

std::optional<uint64_t> sum(std::optional<uint64_t> a, std::optional<uint64_t> b) {
    if (!a || !b) {
        return a ? a : b;
    }
    return *a + std::min(*b, std::numeric_limits<uint64_t>::max() - *a);
}

std::optional<uint64_t> rank(const Certificate& certificate, Order order) {
    const Bill& bill = certificate.bill;
    switch (order) {
        case Order::newest:
            return std::nullopt;
        case Order::cpu:
            return bill.cpu_ns;
        case Order::memory:
            return bill.peak_rss_bytes;
        case Order::disk:
            return sum(bill.read_bytes, bill.write_bytes);
        case Order::network:
            return sum(bill.sent_bytes, bill.received_bytes);
        case Order::lifetime:
            break;
    }
    return bill.lifetime_ns;
}

}  // namespace vigil::history
