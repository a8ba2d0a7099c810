// SPDX-License-Identifier: Apache-2.0
// What `vigil doctor` finds, and how it is told.
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
    std::string effect;  // empty: nothing is lost
    std::string fix;
};

// All that is found, and the first lack that makes tracing impossible.
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
    // `reason`: a sentence with the fix.
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

// A table for people, ending in the verdict.
std::string to_text(const DoctorReport& report, bool use_color);

// One JSON object on one line.
std::string to_json(const DoctorReport& report);

}  // namespace vigil::doctor
