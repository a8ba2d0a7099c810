// SPDX-License-Identifier: Apache-2.0
// Events of fictitious processes, and the resulting death records.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "deaths/death_recorder.h"
#include "process/table_updater.h"
#include "support/events.h"

namespace vigil::test {

// A copy: the emitted record is valid only during the call.
struct Record {
    model::Process process;
    model::Death death;  // its views must not be read
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

// Pids far beyond those of this machine, so that /proc has no data of them. Each process starts at
// its pid in ms.
class Story final : public model::EventSink {
 public:
    static constexpr uint32_t nobody = 100'000'000;

    Story() { updater_.set_observers({&recorder_}); }

    void on_event(const model::Event& event) override {
        if (event.kind != model::Kind::death) {
            return;
        }
        const model::Death& death = *std::get<const model::Death*>(event.body);
        Record record;
        record.process = event.process;
        record.death = death;
        record.executable = death.executable.value_or("-");
        record.argv = death.argv.value_or("-");
        record.ancestors = names_of(death.ancestry);
        if (death.killer) {
            record.killer_executable = death.killer->executable.value_or("-");
            record.killer_ancestors = names_of(death.killer->ancestry);
        }
        records.push_back(std::move(record));
    }

    static model::Process process(uint32_t number, const std::string& name, uint32_t parent = 0) {
        model::Process result;
        result.pid = result.tid = nobody + number;
        result.ppid = parent == 0 ? 0 : nobody + parent;
        result.start_ns = start_ns(number);
        result.comm = comm(name);
        return result;
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
                model::SignalResult result = model::SignalResult::delivered,
                bool dumping_core = false) {
        model::Signal signal;
        signal.number = number;
        signal.source = source;
        signal.result = result;
        signal.dumping_core = dumping_core;
        if (sender) {
            signal.sender = model::Sender{.pid = nobody + *sender,
                                          .tid = nobody + *sender,
                                          .uid = 0,
                                          .start_ns = start_ns(*sender),
                                          .comm = comm("sender")};
        }
        take(model::Kind::signal, process(target, "x"), signal);
    }
    // The record; `status` is that of wait(2).
    const Record& exit(uint32_t number, uint32_t status, const std::string& name = "x") {
        const size_t before = records.size();
        model::Exit exit;
        exit.status = status;
        exit.lifetime_ns = 5;
        take(model::Kind::exit, process(number, name), exit);
        EXPECT_EQ(records.size(), before + 1);
        return records.back();
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
        if (kind == model::Kind::violation) {
            recorder_.on_event(event);  // as the limit monitor does
        } else {
            updater_.apply(event);
        }
    }
    void pass(uint64_t ns) { now_ns_ += ns; }
    process::TableUpdater& updater() { return updater_; }
    size_t living() const { return updater_.table().size(); }

    std::vector<Record> records;

 private:
    process::TableUpdater updater_{true, 1'000'000'000};
    deaths::DeathRecorder recorder_{updater_.table(), *this};
    uint64_t now_ns_ = 1'000'000'000;
};

}  // namespace vigil::test
