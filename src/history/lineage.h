// SPDX-License-Identifier: Apache-2.0
// Processes as they were at one moment, each with those above it as they were when it was born.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "model/death.h"
#include "model/event.h"
#include "model/image.h"

namespace vigil::history {

// Never changes: an exec makes another one. So whoever holds one holds its whole line as it was,
// and the dead stay as long as one of those that they begot.
struct Person;
using PersonPtr = std::shared_ptr<const Person>;

struct Person {
    uint32_t pid = 0;
    uint64_t start_ns = 0;
    model::Comm comm;
    model::ImagePtr image;  // may be null
    PersonPtr parent;       // null: none, not known, or cut off
    uint32_t depth = 0;     // how many are above it here
    bool cut = false;       // there was one more above
};

// Those above that are told; a line is cut to so many when it has become twice as long.
constexpr uint32_t most_ancestors = 32;

// Must outlive all that it has made.
class Lineage {
 public:
    explicit Lineage(size_t most_bytes) : most_bytes_(most_bytes) {}
    Lineage(const Lineage&) = delete;
    Lineage& operator=(const Lineage&) = delete;

    // `parent` may be null. Where memory has come to its bound the line ends here.
    PersonPtr add(const model::Process& process, model::ImagePtr image, PersonPtr parent);

    // The same process after an exec.
    PersonPtr renew(const Person& person, const model::Process& process, model::ImagePtr image);

    // A daemon that forks and ends for ever would make a line without end: the upper part of a long
    // one is let go. To be kept in place of `person`, before it gets children.
    PersonPtr shorten(const PersonPtr& person);

    // Of all persons that there are.
    size_t bytes() const { return bytes_; }

 private:
    PersonPtr make(Person person);

    size_t most_bytes_;
    size_t bytes_ = 0;
};

// Those above `person`, its parent first, at most most_ancestors. What stood in `out` is replaced.
void list_ancestors(const Person& person, model::Ancestry& out);

}  // namespace vigil::history
