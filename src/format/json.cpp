// SPDX-License-Identifier: Apache-2.0
#include <fmt/compile.h>
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/text.h"
#include "format/arguments.h"
#include "format/formatter.h"
#include "model/fields.h"
#include "model/json_layout.h"

namespace vigil::format {
namespace {

class JsonFormatter final : public Formatter {
 public:
    JsonFormatter(const std::string& host, size_t max_line_bytes)
        : max_line_bytes_(max_line_bytes) {
        std::string quoted_host;
        append_json_string(quoted_host, host);
        for (size_t i = 0; i < shapes_.size(); i++) {
            const auto kind = static_cast<model::Kind>(i);
            shapes_[i].head = fmt::format("{}{}{}{}", model::json_before_kind, to_string(kind),
                                          model::json_before_host, quoted_host);
            for (const auto fields : {model::process_fields(kind), model::fields(kind)}) {
                for (const model::Field& field : fields) {
                    if (!field.json.empty()) {
                        shapes_[i].members.push_back({model::json_next_key(field.json), field.get});
                    }
                }
            }
        }
    }

    void append(std::string& out, const model::Event& event) override {
        const size_t begin = out.size();
        append_object(out, event);
        if (out.size() - begin > max_line_bytes_) {
            out.resize(begin);
            max_untrusted_bytes_ = cut_bytes;
            append_object(out, event);
            max_untrusted_bytes_ = SIZE_MAX;
        }
    }

 private:
    // Ten such strings fit into a journal's line even if every byte must be escaped.
    static constexpr size_t cut_bytes = 400;

    // The constant parts of a kind's object.
    struct Member {
        std::string key;  // with the comma before it and the colon after it
        model::Value (*get)(const model::Event&);
    };
    struct Shape {
        std::string head;  // from after the time to the first member
        std::vector<Member> members;
    };

    void append_object(std::string& out, const model::Event& event) {
        const Shape& shape = shapes_[model::index(event.kind)];
        out += model::json_before_time;
        time_.append_utc(out, event.unix_ns);
        out += shape.head;
        for (const Member& member : shape.members) {
            const model::Value value = member.get(event);
            if (!std::holds_alternative<model::Omitted>(value)) {
                out += member.key;
                std::visit([&](const auto& each) { append_value(out, each); }, value);
            }
        }
        out += max_untrusted_bytes_ == SIZE_MAX ? model::json_end : model::json_end_if_cut;
    }

    void append_value(std::string& out, model::Unknown) { out += "null"; }
    void append_value(std::string&, model::Omitted) {}
    void append_value(std::string& out, bool value) { out += value ? "true" : "false"; }
    void append_value(std::string& out, uint64_t value) {
        const fmt::format_int digits(value);
        out.append(digits.data(), digits.size());
    }
    void append_value(std::string& out, int64_t value) {
        const fmt::format_int digits(value);
        out.append(digits.data(), digits.size());
    }
    // At most three decimals: the measurements are not more precise.
    void append_value(std::string& out, double value) {
        fmt::format_to(std::back_inserter(out), FMT_COMPILE("{}"), std::round(value * 1e3) / 1e3);
    }
    void append_value(std::string& out, std::string_view value) {
        out += '"';
        out += value;
        out += '"';
    }
    void append_value(std::string& out, model::UntrustedText value) {
        append_json_string(out, value.bytes.substr(0, max_untrusted_bytes_));
    }
    void append_value(std::string& out, model::Arguments value) {
        append_json_arguments(out, value.bytes.substr(0, max_untrusted_bytes_));
    }
    void append_value(std::string& out, model::WaitStatus value) {
        append_value(out, uint64_t{value.value});
    }
    void append_value(std::string& out, model::UnixTime value) {
        out += '"';
        time_.append_utc(out, value.ns);
        out += '"';
    }
    void append_value(std::string& out, model::Duration value) { append_value(out, value.ns); }
    template <class T>
    void append_value(std::string& out, std::span<const T> values) {
        out += '[';
        for (const T& value : values) {
            append_value(out, value);
            out += ',';
        }
        end_list(out, values.empty());
    }
    void append_value(std::string& out, const model::Comm& value) {
        append_json_string(out, value.view());
    }
    void append_value(std::string& out, model::UnixTimes values) {
        out += '[';
        for (const int64_t ns : values.ns) {
            append_value(out, model::UnixTime{ns});
            out += ',';
        }
        end_list(out, values.ns.empty());
    }
    static void end_list(std::string& out, bool empty) {
        if (empty) {
            out += ']';
        } else {
            out.back() = ']';
        }
    }
    void append_value(std::string& out, model::Size value) { append_value(out, value.bytes); }

    TimeFormat time_;
    std::array<Shape, model::kind_count> shapes_;
    size_t max_line_bytes_;
    size_t max_untrusted_bytes_ = SIZE_MAX;
};

}  // namespace

std::unique_ptr<Formatter> make_json_formatter(std::string host, size_t max_line_bytes) {
    return std::make_unique<JsonFormatter>(host, max_line_bytes);
}

}  // namespace vigil::format
