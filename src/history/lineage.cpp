// SPDX-License-Identifier: Apache-2.0
#include "history/lineage.h"

#include <utility>
#include <vector>

namespace vigil::history {
namespace {

// Counts what it has given out.
template <class T>
struct CountingAllocator {
    using value_type = T;  // NOLINT(readability-identifier-naming): as the standard has it

    explicit CountingAllocator(size_t* total) : bytes(total) {}
    template <class Other>
    CountingAllocator(const CountingAllocator<Other>& other) : bytes(other.bytes) {}

    T* allocate(size_t count) {
        *bytes += count * sizeof(T);
        return std::allocator<T>().allocate(count);
    }
    void deallocate(T* at, size_t count) {
        *bytes -= count * sizeof(T);
        std::allocator<T>().deallocate(at, count);
    }
    template <class Other>
    bool operator==(const CountingAllocator<Other>& other) const {
        return bytes == other.bytes;
    }

    size_t* bytes;
};

Person person_of(const model::Process& process, model::ImagePtr image, PersonPtr parent) {
    Person person;
    person.pid = process.pid;
    person.start_ns = process.start_ns;
    person.comm = process.comm;
    person.image = std::move(image);
    person.depth = parent ? parent->depth + 1 : 0;
    person.parent = std::move(parent);
    return person;
}

}  // namespace

PersonPtr Lineage::make(Person person) {
    return std::allocate_shared<const Person>(CountingAllocator<Person>(&bytes_),
                                              std::move(person));
}

PersonPtr Lineage::shorten(const PersonPtr& person) {
    if (person->depth < 2 * most_ancestors) {
        return person;
    }
    std::vector<const Person*> line;
    for (const Person* each = person.get(); line.size() < most_ancestors;
         each = each->parent.get()) {
        line.push_back(each);
    }
    PersonPtr above;
    for (auto each = line.rbegin(); each != line.rend(); ++each) {
        Person copy = **each;
        copy.cut = copy.cut || !above;
        copy.depth = above ? above->depth + 1 : 0;
        copy.parent = std::move(above);
        above = make(std::move(copy));
    }
    return above;
}

PersonPtr Lineage::add(const model::Process& process, model::ImagePtr image, PersonPtr parent) {
    const bool no_room = parent && bytes_ >= most_bytes_;
    Person person = person_of(process, std::move(image), no_room ? nullptr : std::move(parent));
    person.cut = no_room;
    return make(std::move(person));
}

PersonPtr Lineage::renew(const Person& person, const model::Process& process,
                         model::ImagePtr image) {
    Person now = person_of(process, std::move(image), person.parent);
    now.start_ns = person.start_ns;
    now.cut = person.cut;
    return make(std::move(now));
}

void list_ancestors(const Person& person, model::Ancestry& out) {
    out.pids.clear();
    out.start_ns.clear();
    out.comms.clear();
    out.cut = person.cut;
    for (const Person* each = person.parent.get(); each != nullptr; each = each->parent.get()) {
        if (out.pids.size() == most_ancestors) {
            out.cut = true;
            return;
        }
        out.pids.push_back(each->pid);
        out.start_ns.push_back(each->start_ns);
        out.comms.push_back(each->comm);
        out.cut = each->cut;
    }
}

}  // namespace vigil::history
