// SPDX-License-Identifier: Apache-2.0
// Lives of made-up processes, as the kernel's events tell them, and the certificates that come out.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "history/registrar.h"
#include "support/events.h"

namespace vigil::test {

// What is kept of a certificate: the one that is told is valid during the call only.
struct Certificate {
    model::Process process;
    model::Death death;  // its views are not to be read
    std::string executable;
    std::string argv;
    std::string killer_executable;
    std::vector<std::string> ancestors;
    std::vector<std::string> killer_ancestors;
};

inline std::vector<std::string> names_of(const model::Ancestry& ancestry) {
    std::vector<std::string> names;
    for (size_t i = 0; i < ancestry.pids.size(); i++) {
        names.push_back(std::string(ancestry.comms[i].view()) + ' ' +
                        std::to_string(ancestry.pids[i]));
    }
    return names;
}

// Pids far beyond those of this machine, so that /proc tells nothing of them. Each process starts
// at its pid in ms.
class Story {
 public:
    static constexpr uint32_t nobody = 100'000'000;

    Story()
        : registrar_([this](const model::Event& event) {
              const model::Death& death = *std::get<const model::Death*>(event.body);
              Certificate told;
              told.process = event.process;
              told.death = death;
              told.executable = death.executable.value_or("-");
              told.argv = death.argv.value_or("-");
              told.ancestors = names_of(death.ancestry);
              if (death.killer) {
                  told.killer_executable = death.killer->executable.value_or("-");
                  told.killer_ancestors = names_of(death.killer->ancestry);
              }
              certificates.push_back(std::move(told));
          }) {}

    static model::Process process(uint32_t number, const std::string& name, uint32_t parent = 0) {
        model::Process made;
        made.pid = made.tid = nobody + number;
        made.ppid = parent == 0 ? 0 : nobody + parent;
        made.start_ns = start_ns(number);
        made.comm = comm(name);
        return made;
    }
    static uint64_t start_ns(uint32_t number) { return uint64_t{number} * 1'000'001; }

    void fork(uint32_t child, uint32_t parent, const std::string& name) {
        take(model::Kind::fork, process(child, name, parent),
             model::Fork{.thread = false, .parent_start_ns = start_ns(parent)});
    }
    void exec(uint32_t number, const std::string& name, const std::string& file,
              const std::string& argv) {
        model::Exec exec;
        exec.file = file;
        exec.executable = name;
        exec.argv = argv;
        take(model::Kind::exec, process(number, name), exec);
    }
    void signal(uint32_t target, int number, model::SignalSource source,
                std::optional<uint32_t> sender = std::nullopt,
                model::SignalResult result = model::SignalResult::delivered, bool dumping = false) {
        model::Signal signal;
        signal.number = number;
        signal.source = source;
        signal.result = result;
        signal.dumping = dumping;
        if (sender) {
            signal.sender = model::Sender{.pid = nobody + *sender,
                                          .tid = nobody + *sender,
                                          .uid = 0,
                                          .start_ns = start_ns(*sender),
                                          .comm = comm("sender")};
        }
        take(model::Kind::signal, process(target, "x"), signal);
    }
    // The certificate; its status is as wait(2) has it.
    const Certificate& exit(uint32_t number, uint32_t status, const std::string& name = "x") {
        const size_t before = certificates.size();
        model::Exit exit;
        exit.status = status;
        exit.lifetime_ns = 5;
        take(model::Kind::exit, process(number, name), exit);
        EXPECT_EQ(certificates.size(), before + 1);
        return certificates.back();
    }
    void lose(std::optional<model::Kind> kind) {
        model::Loss loss;
        loss.kind = kind;
        loss.count = 1;
        take(model::Kind::loss, {}, loss);
    }
    template <class Body>
    void take(model::Kind kind, const model::Process& process, Body body) {
        model::Event event;
        event.kind = kind;
        event.boot_ns = now_ns_ += 1'000'000;
        event.unix_ns = evening_ns + static_cast<int64_t>(now_ns_);
        event.process = process;
        event.body = std::move(body);
        registrar_.take(event);
    }
    void pass(uint64_t ns) { now_ns_ += ns; }
    history::Registrar& registrar() { return registrar_; }

    std::vector<Certificate> certificates;

 private:
    history::Registrar registrar_;
    uint64_t now_ns_ = 1'000'000'000;
};

}  // namespace vigil::test
