// SPDX-License-Identifier: Apache-2.0
// Immutable process nodes, each linked to its parent as it was when the process was forked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "model/death.h"
#include "model/event.h"
#include "model/exec_image.h"

namespace vigil::process {

struct ProcessNode;
using NodePtr = std::shared_ptr<const ProcessNode>;  // may be null

// Never changes: an exec makes another node. The holder of a node holds all its ancestors as they
// were; exited ancestors live while a descendant references them.
struct ProcessNode {
    uint32_t pid = 0;
    uint64_t start_ns = 0;
    model::Comm comm;
    model::ExecImagePtr image;  // may be null
    NodePtr parent;             // null: none, unknown, or truncated
    uint32_t depth = 0;         // number of linked ancestors
    bool truncated = false;     // there were more ancestors
};

// Max number of reported ancestors. A chain is truncated to this length once it is twice as long.
constexpr uint32_t max_ancestors = 32;

// Creates nodes and counts their memory. Must outlive all its nodes. Nodes are created and released
// on one thread.
class AncestryStore {
 public:
    explicit AncestryStore(size_t max_bytes) : max_bytes_(max_bytes) {}
    AncestryStore(const AncestryStore&) = delete;
    AncestryStore& operator=(const AncestryStore&) = delete;

    // `parent` may be null. At the memory limit the parent link is dropped.
    NodePtr add(const model::Process& process, model::ExecImagePtr image, NodePtr parent);

    // The same process with another image.
    NodePtr replace_image(const ProcessNode& node, const model::Process& process,
                          model::ExecImagePtr image);

    // Drops the upper part of a long chain: a daemon that forks and exits for ever would make an
    // endless one. The result replaces `node` before it gets children.
    NodePtr truncate(const NodePtr& node);

    // Memory of all existing nodes.
    size_t bytes() const { return bytes_; }

 private:
    NodePtr make(ProcessNode node);

    size_t max_bytes_;
    size_t bytes_ = 0;
};

// The ancestors of `node`, its parent first, at most max_ancestors. Replaces the content of `out`.
void list_ancestors(const ProcessNode& node, model::Ancestry& out);

}  // namespace vigil::process
