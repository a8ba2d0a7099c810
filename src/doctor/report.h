// SPDX-License-Identifier: Apache-2.0
// Results of `vigil doctor`, and their output.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vigil::doctor {

enum class CheckStatus { ok, missing, info };

struct Check {
    std::string_view section;
    std::string name;
    CheckStatus status = CheckStatus::ok;
    std::string value;
    std::string effect;  // empty: no effect
    std::string fix;
};

// All results, and the first one that makes tracing impossible.
class DoctorReport {
 public:
    void begin(std::string_view section) { section_ = section; }

    void ok(std::string name, std::string value = {}) {
        checks_.push_back({section_, std::move(name), CheckStatus::ok, std::move(value), {}, {}});
    }
    void info(std::string name, std::string value, std::string effect = {}, std::string fix = {}) {
        checks_.push_back({section_, std::move(name), CheckStatus::info, std::move(value),
                           std::move(effect), std::move(fix)});
    }
    void missing(std::string name, std::string value, std::string effect, std::string fix) {
        checks_.push_back({section_, std::move(name), CheckStatus::missing, std::move(value),
                           std::move(effect), std::move(fix)});
    }
    // `reason`: a sentence that includes the fix.
    void cannot_trace(std::string reason) {
        if (blocker_.empty()) {
            blocker_ = std::move(reason);
        }
    }

    const std::vector<Check>& checks() const { return checks_; }
    const std::string& blocker() const { return blocker_; }

 private:
    std::string_view section_;
    std::vector<Check> checks_;
    std::string blocker_;
};

// A text table, with the verdict last.
std::string to_text(const DoctorReport& report, bool use_color);

// One JSON object on one line.
std::string to_json(const DoctorReport& report);

}  // namespace vigil::doctor
