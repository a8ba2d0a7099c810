// SPDX-License-Identifier: Apache-2.0
// What is kept of a process while it lives, for its death certificate.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "history/lineage.h"
#include "model/event.h"

namespace vigil::history {

using SharedText = std::shared_ptr<const std::string>;  // null: not known

// A signal that reached it.
struct Blow {
    int number = 0;
    int code = 0;
    model::SignalSource source = model::SignalSource::unknown;
    bool dumping = false;  // it was writing its core by then
    int64_t unix_ns = 0;
    std::optional<model::Sender> sender;
    PersonPtr person;  // the sender, as it was then; null: not known
};

struct OomKill {
    std::optional<uint64_t> rss_bytes;
    std::optional<uint64_t> limit_bytes;
    std::string limit_cgroup;
    uint32_t trigger_pid = 0;
    model::Comm trigger_comm;
};

struct Broken {
    std::string_view metric;  // of model::metrics()
    double limit = 0;
    double peak = 0;
    int64_t since_unix_ns = 0;
    int64_t last_unix_ns = 0;  // that it was beyond; INT64_MAX: it still is
};

// Most processes never get any of this.
struct Marks {
    std::vector<Blow> blows;  // the last of each number, the latest one last
    std::optional<OomKill> oom;
    std::vector<Broken> broken;
};

struct Life {
    PersonPtr person;
    uint64_t cgroup_id = 0;  // 0: not known
    SharedText cgroup;       // path in the hierarchy
    SharedText cwd;          // its parent's, unless cwd_read
    bool cwd_read = false;
    std::unique_ptr<Marks> marks;

    Marks& marked() {
        if (!marks) {
            marks = std::make_unique<Marks>();
        }
        return *marks;
    }
};

using Lives = std::unordered_map<uint32_t, Life>;  // by pid

// The last signal of this number; null: none came, or it is not known any more.
const Blow* find_blow(const Life& life, int number);

}  // namespace vigil::history
