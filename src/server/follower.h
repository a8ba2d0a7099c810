// SPDX-License-Identifier: Apache-2.0
// The log as it grows, for the console and `vigil ctl`.
#pragma once

#include <string>

#include "journal/reader.h"
#include "server/hub.h"

namespace vigil::server {

class Follower {
 public:
    // From the next line on. The hub must outlive it.
    explicit Follower(Hub& hub) : hub_(&hub), reader_(hub.options().log, hub.log().synced() + 1) {}

    // Lines that have become durable since the last call, as append_shown() has them; "" where
    // there are none.
    std::string next();

 private:
    Hub* hub_;
    journal::Reader reader_;
};

}  // namespace vigil::server
