// SPDX-License-Identifier: Apache-2.0
#include "process/ancestry.h"

#include <utility>
#include <vector>

namespace vigil::process {
namespace {

// Counts the bytes that it has allocated.
template <class T>
struct CountingAllocator {
    using value_type = T;  // NOLINT(readability-identifier-naming): required by the standard

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

ProcessNode node_of(const model::Process& process, model::ExecImagePtr image, NodePtr parent) {
    ProcessNode node;
    node.pid = process.pid;
    node.start_ns = process.start_ns;
    node.comm = process.comm;
    node.image = std::move(image);
    node.depth = parent ? parent->depth + 1 : 0;
    node.parent = std::move(parent);
    return node;
}

}  // namespace

NodePtr AncestryStore::make(ProcessNode node) {
    return std::allocate_shared<const ProcessNode>(CountingAllocator<ProcessNode>(&bytes_),
                                                   std::move(node));
}

NodePtr AncestryStore::truncate(const NodePtr& node) {
    if (node->depth < 2 * max_ancestors) {
        return node;
    }
    std::vector<const ProcessNode*> chain;
    for (const ProcessNode* each = node.get(); chain.size() < max_ancestors;
         each = each->parent.get()) {
        chain.push_back(each);
    }
    NodePtr parent;
    for (auto each = chain.rbegin(); each != chain.rend(); ++each) {
        ProcessNode copy = **each;
        copy.truncated = copy.truncated || !parent;
        copy.depth = parent ? parent->depth + 1 : 0;
        copy.parent = std::move(parent);
        parent = make(std::move(copy));
    }
    return parent;
}

NodePtr AncestryStore::add(const model::Process& process, model::ExecImagePtr image,
                           NodePtr parent) {
    const bool at_limit = parent && bytes_ >= max_bytes_;
    ProcessNode node = node_of(process, std::move(image), at_limit ? nullptr : std::move(parent));
    node.truncated = at_limit;
    return make(std::move(node));
}

NodePtr AncestryStore::replace_image(const ProcessNode& node, const model::Process& process,
                                     model::ExecImagePtr image) {
    ProcessNode next = node_of(process, std::move(image), node.parent);
    next.start_ns = node.start_ns;
    next.truncated = node.truncated;
    return make(std::move(next));
}

void list_ancestors(const ProcessNode& node, model::Ancestry& out) {
    out.pids.clear();
    out.start_ns.clear();
    out.comms.clear();
    out.cut = node.truncated;
    for (const ProcessNode* each = node.parent.get(); each != nullptr; each = each->parent.get()) {
        if (out.pids.size() == max_ancestors) {
            out.cut = true;
            return;
        }
        out.pids.push_back(each->pid);
        out.start_ns.push_back(each->start_ns);
        out.comms.push_back(each->comm);
        out.cut = each->truncated;
    }
}

}  // namespace vigil::process
