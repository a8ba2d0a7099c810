// SPDX-License-Identifier: Apache-2.0
// Two network namespaces joined by a veth pair, in place of two machines.
#pragma once

#include <functional>
#include <string>

#include "base/fd.h"

namespace vigil::tests {

class NetnsPair {
 public:
    static constexpr const char* first_address = "10.77.0.1";
    static constexpr const char* second_address = "10.77.0.2";

    NetnsPair();

    // False if this kernel has no veth devices.
    bool exist() const { return exist_; }

    // For a child, before it does anything: moves it into the first or second namespace.
    std::function<void()> in_first() const;
    std::function<void()> in_second() const;

 private:
    Fd first_;
    Fd second_;
    bool exist_ = false;
};

}  // namespace vigil::tests
