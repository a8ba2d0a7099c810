// SPDX-License-Identifier: Apache-2.0
#include "query/line_filter.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

#include "base/clock.h"
#include "base/units.h"
#include "model/exec_image.h"
#include "model/json_layout.h"
#include "query/name_match.h"

namespace vigil::query {
namespace {

// The usage is at the end of a line: its keys are searched there first.
constexpr size_t usage_bytes = 1024;
// The boot stands within this many bytes after the kind.
constexpr size_t boot_bytes = 512;

bool contains(std::string_view line, std::string_view literal) {
    return ::memmem(line.data(), line.size(), literal.data(), literal.size()) != nullptr;
}

// The number after the first `key`. The key includes its quotes and colon, so it cannot match
// inside a string.
std::optional<uint64_t> number_after(std::string_view line, std::string_view key) {
    const void* found = ::memmem(line.data(), line.size(), key.data(), key.size());
    if (found == nullptr) {
        return std::nullopt;
    }
    const char* begin = static_cast<const char*>(found) + key.size();
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(begin, line.data() + line.size(), number);
    return error == std::errc{} ? std::optional(number) : std::nullopt;
}

std::optional<uint64_t> usage_field(std::string_view line, std::string_view key) {
    const std::string_view end = line.substr(line.size() - std::min(line.size(), usage_bytes));
    return contains(end, key) ? number_after(end, key) : number_after(line, key);
}

// `"boot_id":"UUID","boot_ns":123,` follows the name of the host.
void read_boot(std::string_view head, LinePrefix& prefix) {
    static const std::string before_id = model::json_key(model::keys::boot_id) + '"';
    static const std::string after_id = '"' + model::json_next_key(model::keys::boot_ns);
    const size_t found = head.find(before_id);
    if (found == std::string_view::npos) {
        return;
    }
    const size_t begin = found + before_id.size();
    const size_t end = head.find(after_id, begin);
    if (end != std::string_view::npos) {
        prefix.boot_id = head.substr(begin, end - begin);
        prefix.boot_ns = number_after(head.substr(end), after_id);
    }
}

// The rows whose sum orders deaths.
std::vector<std::string_view> rank_keys(Order order) {
    namespace keys = model::keys;
    switch (order) {
        case Order::newest:
            return {};
        case Order::cpu:
            return {keys::cpu_ns};
        case Order::memory:
            return {keys::peak_rss_bytes};
        case Order::disk:
            return {keys::read_bytes, keys::write_bytes};
        case Order::network:
            return {keys::sent_bytes, keys::received_bytes};
        case Order::lifetime:
            break;
    }
    return {keys::lifetime_ns};
}

}  // namespace

std::optional<LinePrefix> parse_line_prefix(std::string_view line) {
    constexpr std::string_view before_time = model::json_before_time;
    constexpr std::string_view before_kind = model::json_before_kind;
    constexpr size_t after_time = before_time.size() + model::json_time_bytes;
    constexpr size_t kind_at = after_time + before_kind.size();
    if (line.size() <= kind_at || !line.starts_with(before_time) ||
        line.substr(after_time, before_kind.size()) != before_kind) {
        return std::nullopt;
    }
    const size_t end = line.find('"', kind_at);
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    LinePrefix prefix{line.substr(before_time.size(), model::json_time_bytes),
                      line.substr(kind_at, end - kind_at),
                      {},
                      {}};
    read_boot(line.substr(end, boot_bytes), prefix);
    return prefix;
}

LineFilter::LineFilter(const Query& query)
    : order_(query.order), pid_(query.filter.pid), abnormal_(query.filter.abnormal) {
    for (const std::string_view key : rank_keys(order_)) {
        rank_keys_.push_back(model::json_key(key));
    }
    const DeathFilter& filter = query.filter;
    const auto add = [&](const std::string& literal) {
        if (!literal.empty()) {
            literals_.push_back(literal);
        }
    };
    if (filter.cause) {
        add(model::json_key(model::keys::cause) + model::json_name(to_string(*filter.cause)));
    }
    if (filter.name) {
        // A slash within brackets separates nothing.
        const std::string_view plain =
            std::string_view(*filter.name).substr(0, filter.name->find('['));
        add(find_literal(model::base_name(plain).substr(0, max_comm_bytes)));
    }
    if (filter.unit) {
        add(find_literal(*filter.unit));
    }
    if (filter.user && !is_decimal(*filter.user)) {
        add(find_literal(*filter.user));
    }
}

bool LineFilter::may_match(std::string_view line) const {
    return (!pid_ || number_after(line, pid_key_) == pid_) &&
           !(abnormal_ && contains(line, clean_exit_)) &&
           std::all_of(literals_.begin(), literals_.end(),
                       [&](const std::string& literal) { return contains(line, literal); });
}

std::optional<uint64_t> LineFilter::rank(std::string_view line) const {
    std::optional<uint64_t> total;
    for (const std::string& key : rank_keys_) {
        total = sum(total, usage_field(line, key));
    }
    return total;
}

std::optional<uint64_t> sum(std::optional<uint64_t> a, std::optional<uint64_t> b) {
    if (!a || !b) {
        return a ? a : b;
    }
    return *a + std::min(*b, std::numeric_limits<uint64_t>::max() - *a);
}

std::optional<uint64_t> rank(const DeathRecord& record, Order order) {
    const FinalUsage& usage = record.usage;
    switch (order) {
        case Order::newest:
            return std::nullopt;
        case Order::cpu:
            return usage.cpu_ns;
        case Order::memory:
            return usage.peak_rss_bytes;
        case Order::disk:
            return sum(usage.read_bytes, usage.write_bytes);
        case Order::network:
            return sum(usage.sent_bytes, usage.received_bytes);
        case Order::lifetime:
            break;
    }
    return usage.lifetime_ns;
}

}  // namespace vigil::query
