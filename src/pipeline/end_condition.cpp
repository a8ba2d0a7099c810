// SPDX-License-Identifier: Apache-2.0
#include "pipeline/end_condition.h"

#include <fmt/format.h>

#include <utility>

#include "base/clock.h"
#include "host/process_lookup.h"

namespace vigil::pipeline {

void EndCondition::watch_process(Fd pidfd, std::string what) {
    if (pidfd) {
        processes_.push_back({std::move(pidfd), std::move(what)});
    }
}

void EndCondition::add_ended(std::string reason) {
    if (reason_.empty()) {
        reason_ = std::move(reason);
    }
}

void EndCondition::watch_tree(capture::Tree tree, std::string what) {
    tree_ = tree;
    tree_name_ = std::move(what);
}

void EndCondition::watch(int wake_fd, std::function<std::string()> check) {
    checks_.push_back({wake_fd, std::move(check)});
}

std::vector<int> EndCondition::wake_fds() const {
    std::vector<int> fds;
    fds.reserve(processes_.size() + checks_.size());
    for (const Watched& process : processes_) {
        fds.push_back(process.pidfd.get());
    }
    for (const Check& check : checks_) {
        fds.push_back(check.wake_fd);
    }
    return fds;
}

void EndCondition::on_wake(int fd) {
    for (Check& check : checks_) {
        check.due = check.due || check.wake_fd == fd;
    }
}

bool EndCondition::reached() {
    recheck_ = false;
    for (const Watched& process : processes_) {
        if (reason_.empty() && host::has_ended(process.pidfd)) {
            reason_ = fmt::format("{} has ended", process.what);
        }
    }
    for (Check& check : checks_) {
        if (check.due && reason_.empty()) {
            check.due = false;
            reason_ = check.reason();
        }
    }
    if (reason_.empty() && tree_) {
        const capture::TreeState state = tree_->state(boot_now_ns());
        recheck_ = state == capture::TreeState::ending;
        if (state == capture::TreeState::empty) {
            reason_ = fmt::format("every process of {} has ended", tree_name_);
        }
    }
    return !reason_.empty();
}

}  // namespace vigil::pipeline
