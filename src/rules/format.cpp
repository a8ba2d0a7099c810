// SPDX-License-Identifier: Apache-2.0
#include "rules/format.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

#include "base/text.h"
#include "model/sample.h"

namespace vigil::rules {
namespace {

// cpu, memory, disk and network stand in every rule, 0 or not, as they always have. An agent that
// is older than another metric refuses rules that name it: it is written only where it is limited.
constexpr size_t always_written_limits = 4;

// In the largest unit that gives a whole number: "90s", "5m".
std::string duration(uint64_t ns) {
    struct Unit {
        uint64_t ns;
        std::string_view name;
    };
    constexpr std::array units{Unit{86'400 * ns_per_s, "d"}, Unit{3'600 * ns_per_s, "h"},
                               Unit{60 * ns_per_s, "m"},     Unit{ns_per_s, "s"},
                               Unit{ns_per_ms, "ms"},        Unit{ns_per_us, "us"}};
    for (const Unit& unit : units) {
        if (ns > 0 && ns % unit.ns == 0) {
            return fmt::format("\"{}{}\"", ns / unit.ns, unit.name);
        }
    }
    return fmt::format("\"{}ns\"", ns);
}

std::string json_quoted(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

class Writer {
 public:
    explicit Writer(Layout layout) : readable_(layout == Layout::readable) {}

    void add(const Rule& rule) {
        static const Rule defaults;
        out_ += first_rule_ ? "" : ",";
        first_rule_ = false;
        break_line(1);
        out_ += '{';
        first_key_ = true;
        member("process", json_quoted(rule.process));
        for (size_t i = 0; i < model::metric_count; i++) {
            if (i < always_written_limits || rule.limits[i] != 0) {
                member(model::metrics()[i].name, fmt::format("{}", rule.limits[i]));
            }
        }
        if (rule.user) {
            member("user", json_quoted(*rule.user));
        }
        if (rule.cgroup) {
            member("cgroup", json_quoted(*rule.cgroup));
        }
        if (rule.for_ns != defaults.for_ns) {
            member("for", duration(rule.for_ns));
        }
        if (rule.cooldown_ns != defaults.cooldown_ns) {
            member("cooldown", duration(rule.cooldown_ns));
        }
        break_line(1);
        out_ += '}';
    }

    std::string end() {
        if (!first_rule_) {
            break_line(0);
        }
        return '[' + out_ + (readable_ ? "]\n" : "]");
    }

 private:
    void member(std::string_view key, const std::string& value) {
        out_ += first_key_ ? "" : ",";
        first_key_ = false;
        break_line(2);
        out_ += fmt::format("\"{}\":{}{}", key, readable_ ? " " : "", value);
    }
    void break_line(size_t depth) {
        if (readable_) {
            out_ += '\n' + std::string(depth * 2, ' ');
        }
    }

    bool readable_;
    bool first_rule_ = true;
    bool first_key_ = true;
    std::string out_;
};

}  // namespace

std::string format(const RuleSet& rules, Layout layout) {
    Writer writer(layout);
    for (const Rule& rule : rules) {
        writer.add(rule);
    }
    return writer.end();
}

}  // namespace vigil::rules
