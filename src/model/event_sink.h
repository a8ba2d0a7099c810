// SPDX-License-Identifier: Apache-2.0
// Receives events that user space emits: violations, deaths.
#pragma once

#include "model/event.h"

namespace vigil::model {

class EventSink {
 public:
    virtual ~EventSink() = default;

    // The event's views are valid during the call.
    virtual void on_event(const Event& event) = 0;
};

}  // namespace vigil::model
