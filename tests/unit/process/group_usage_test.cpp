// SPDX-License-Identifier: Apache-2.0
// Sums by group, also against a model that replays all events of each interval.
#include "process/group_usage.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>

#include "process/observed.h"
#include "process/tick_snapshot.h"

namespace vigil::process {
namespace {

using model::Kind;

constexpr uint64_t interval_ns = 1'000'000'000;

// A simulated machine: the test starts, loads and ends its processes.
class Machine {
 public:
    struct Program {
        model::Sample sample;
        uint32_t parent = 0;
        uint64_t cpu_before = 0;  // at the previous tick
        uint64_t read_before = 0;
        bool born = false;  // in this interval
    };

    explicit Machine(GroupOptions options)
        : groups(updater.table(), updater.meter().begun_ns(), std::move(options)) {
        updater.set_observers({&groups, &snapshots});
        now_ns = updater.meter().begun_ns() + 1;
    }

    void start(uint32_t number, uint32_t parent, const std::string& name, uint32_t uid = 0) {
        Program program;
        program.sample.process = test::made_up_process(number, name, now_ns += 1'000'003, parent);
        program.sample.process.uid = uid;
        program.sample.exec_id = 1;
        program.sample.counters.cpu_ns = program.sample.counters.read_bytes = 0;
        program.sample.counters.rss_bytes = number * 1000;
        program.parent = parent;
        program.born = true;
        model::Fork fork;
        fork.parent_start_ns = parent != 0 ? programs.at(parent).sample.process.start_ns : 0;
        updater.apply(test::made_up_event(Kind::fork, program.sample.process, fork, now_ns));
        programs[number] = program;
    }
    void use(uint32_t number, uint64_t cpu_ns, uint64_t read_bytes) {
        *programs.at(number).sample.counters.cpu_ns += cpu_ns;
        *programs.at(number).sample.counters.read_bytes += read_bytes;
    }
    void end(uint32_t number) {
        const model::Sample& sample = programs.at(number).sample;
        model::Exit exit;
        exit.lifetime_ns = now_ns - sample.process.start_ns;
        exit.cpu_ns = *sample.counters.cpu_ns;
        exit.read_bytes = sample.counters.read_bytes;
        updater.apply(test::made_up_event(Kind::exit, sample.process, exit, now_ns += 1'000));
        const uint32_t heir = programs.at(number).parent;
        programs.erase(number);
        for (auto& [each, program] : programs) {  // as if each process were a subreaper
            if (adopts && program.parent == number) {
                program.parent = heir;
                program.sample.process.ppid = test::made_up_pid + heir;
            }
        }
    }
    void tick() {
        now_ns += interval_ns;
        std::vector<model::Sample> samples;
        for (const auto& [number, program] : programs) {
            samples.push_back(program.sample);
        }
        updater.begin_tick();
        updater.finish_tick(samples, now_ns, 0);
        for (auto& [number, program] : programs) {
            program.cpu_before = *program.sample.counters.cpu_ns;
            program.read_before = *program.sample.counters.read_bytes;
            program.born = false;
        }
    }
    const GroupSum* sum(GroupBy by, const std::string& key) const {
        for (const Group& group : groups.groups(by)) {
            if (group.key == key) {
                return &group.sum;
            }
        }
        return nullptr;
    }
    const GroupSum* tree(uint32_t number) const {
        return groups.tree(*updater.table().find(test::made_up_pid + number));
    }

    TableUpdater updater{true, interval_ns};
    GroupUsage groups;
    SnapshotPublisher snapshots{updater.table()};
    std::map<uint32_t, Program> programs;
    uint64_t now_ns;
    bool adopts = true;  // orphans are adopted by their nearest living ancestor
};

TEST(GroupUsage, WhatTheDeadOfTheIntervalHaveUsedCounts) {
    Machine machine({.by = {GroupBy::name}});
    machine.start(1, 0, "make");
    machine.tick();
    machine.start(2, 1, "cc");
    machine.start(3, 1, "cc");
    machine.use(2, 700, 10);
    machine.use(3, 200, 0);
    machine.end(2);
    machine.tick();
    const GroupSum* compilers = machine.sum(GroupBy::name, "cc");
    ASSERT_NE(compilers, nullptr);
    EXPECT_EQ(compilers->used.cpu_ns, 900U);
    EXPECT_EQ(compilers->used.read_bytes, 10U);
    EXPECT_EQ(compilers->used.rss_bytes, 3000U) << "of the living";
    EXPECT_EQ(compilers->used.sent_bytes, std::nullopt) << "not known is not 0";
    EXPECT_EQ(compilers->members, 1U);
    EXPECT_EQ(compilers->births, 2U);
    EXPECT_EQ(compilers->exits, 1U);
    machine.end(3);
    machine.tick();
    EXPECT_EQ(machine.sum(GroupBy::name, "cc")->used.cpu_ns, 0U) << "counted already";
    EXPECT_EQ(machine.sum(GroupBy::name, "cc")->used.rss_bytes, std::nullopt);
    EXPECT_EQ(machine.sum(GroupBy::name, "cc")->exits, 1U);
    machine.tick();
    EXPECT_EQ(machine.sum(GroupBy::name, "cc"), nullptr) << "nothing is left of it";
}

TEST(GroupUsage, BeyondTheBoundIsOther) {
    Machine machine({.by = {GroupBy::name, GroupBy::user}, .max_groups = 2});
    for (uint32_t number = 1; number <= 4; number++) {
        machine.start(number, 0, "p" + std::to_string(number), number);
        machine.use(number, 100, 0);
        machine.tick();
    }
    EXPECT_EQ(machine.groups.groups(GroupBy::name).size(), 2U);
    EXPECT_NE(machine.sum(GroupBy::name, "p1"), nullptr);
    EXPECT_NE(machine.sum(GroupBy::user, "2"), nullptr);
    EXPECT_EQ(machine.groups.other(GroupBy::name).members, 2U);
    EXPECT_EQ(machine.groups.other(GroupBy::name).births, 1U);
    EXPECT_EQ(machine.groups.other(GroupBy::name).used.cpu_ns, 100U) << "of this interval";
    machine.end(1);
    machine.tick();
    machine.tick();  // its group is empty now
    machine.tick();
    EXPECT_EQ(machine.groups.groups(GroupBy::name).size(), 2U) << "its place was reused";
    EXPECT_EQ(machine.sum(GroupBy::name, "p1"), nullptr);
    EXPECT_EQ(machine.groups.other(GroupBy::name).members, 1U);
}

TEST(GroupUsage, ACounterThatOneMemberLacksMakesTheSumPartial) {
    Machine machine({.by = {GroupBy::name}});
    machine.start(1, 0, "x");
    machine.start(2, 0, "x");
    machine.programs.at(2).sample.counters.sent_bytes = 5;
    machine.tick();
    EXPECT_EQ(machine.sum(GroupBy::name, "x")->used.sent_bytes, 5U);
    EXPECT_TRUE(machine.sum(GroupBy::name, "x")->is_partial());
}

TEST(GroupUsage, WhatAnOlderProcessHasUsedBeforeDoesNotCount) {
    Machine machine({.by = {GroupBy::name}});
    machine.start(1, 0, "old");
    machine.programs.at(1).sample.process.start_ns = 12'345;
    machine.programs.at(1).sample.process.pid++;
    machine.use(1, 1'000'000, 0);
    machine.tick();
    EXPECT_EQ(machine.sum(GroupBy::name, "old")->used.cpu_ns, 0U);
    machine.use(1, 7, 0);
    machine.tick();
    EXPECT_EQ(machine.sum(GroupBy::name, "old")->used.cpu_ns, 7U);
}

// Cgroups of the last two are the same path in two texts.
TEST(GroupUsage, UnitsAndContainersComeFromTheCgroup) {
    const std::string id(64, 'a');
    const std::string paths[] = {"/system.slice/nginx.service", "/docker/" + id, "/docker/" + id};
    const ProcessTable table(true);
    GroupUsage groups(table, UINT64_MAX,
                      {.by = {GroupBy::unit, GroupBy::container, GroupBy::cgroup}});
    for (uint32_t slot = 0; slot < 4; slot++) {
        ProcessEntry entry;
        entry.slot = slot;
        if (slot < std::size(paths)) {
            entry.cgroup = std::make_shared<const std::string>(paths[slot]);
        }
        entry.counters.rss_bytes = 1;
        groups.on_sample(entry);
    }
    groups.on_tick({.number = 1, .sampled_ns = 1});
    ASSERT_EQ(groups.groups(GroupBy::unit).size(), 1U);
    EXPECT_EQ(groups.groups(GroupBy::unit)[0].key, "nginx.service");
    EXPECT_EQ(groups.groups(GroupBy::unit)[0].sum.members, 1U);
    ASSERT_EQ(groups.groups(GroupBy::container).size(), 1U);
    EXPECT_EQ(groups.groups(GroupBy::container)[0].key, id);
    EXPECT_EQ(groups.groups(GroupBy::container)[0].sum.members, 2U);
    EXPECT_EQ(groups.groups(GroupBy::cgroup).size(), 2U) << "that of the fourth is not known";
    EXPECT_TRUE(groups.groups(GroupBy::name).empty()) << "nobody wants it";
}

TEST(GroupUsage, ATreeHasWhatItsDeadHaveLeft) {
    Machine machine({.by = {}, .trees = true});
    machine.start(1, 0, "init");
    machine.start(2, 1, "make");
    machine.start(3, 2, "sh");
    machine.start(4, 3, "cc");
    machine.tick();
    machine.use(4, 100, 0);
    machine.end(4);
    machine.use(3, 10, 0);
    machine.end(3);
    machine.use(2, 1, 0);
    machine.tick();
    EXPECT_EQ(machine.tree(2)->used.cpu_ns, 111U);
    EXPECT_EQ(machine.tree(2)->exits, 2U);
    EXPECT_EQ(machine.tree(2)->members, 1U);
    EXPECT_EQ(machine.tree(1)->used.cpu_ns, 111U);
    EXPECT_EQ(machine.tree(1)->members, 2U);
    EXPECT_EQ(machine.tree(1)->used.rss_bytes, 3000U);
}

TEST(GroupUsage, TheNearestAncestorThatLivesInherits) {
    Machine machine({.by = {}, .trees = true});
    machine.start(1, 0, "init");
    machine.start(2, 1, "make");
    machine.start(3, 2, "sh");
    machine.start(4, 3, "cc");
    machine.tick();
    machine.adopts = false;
    machine.end(3);
    machine.use(4, 100, 0);
    machine.end(4);  // after its parent; its adoptive parent is not known yet
    machine.tick();
    EXPECT_EQ(machine.tree(2)->used.cpu_ns, 100U);
    EXPECT_EQ(machine.groups.orphaned().exits, 0U);
    machine.start(5, 0, "alone");
    machine.use(5, 3, 0);
    machine.end(5);
    machine.tick();
    EXPECT_EQ(machine.groups.orphaned().used.cpu_ns, 3U);
}

struct Expected {
    uint64_t cpu_ns = 0;
    uint64_t read_bytes = 0;
    uint64_t rss_bytes = 0;
    uint32_t members = 0;
    uint32_t births = 0;
    uint32_t exits = 0;
};

// Stores every contribution of an interval and sums them with loops.
class Model {
 public:
    struct Part {
        std::string name;
        std::string user;
        std::vector<uint32_t> trees;  // the process and its ancestors
        Expected expected;
    };

    explicit Model(Machine& machine) : machine_(&machine) {}

    void end(uint32_t number) {
        parts_.push_back(part_of(number, false));
        machine_->end(number);
    }
    void tick() {
        for (const auto& [number, program] : machine_->programs) {
            parts_.push_back(part_of(number, true));
        }
        machine_->tick();
        check();
        parts_.clear();
    }

 private:
    Part part_of(uint32_t number, bool living) {
        const Machine::Program& program = machine_->programs.at(number);
        Part part;
        part.name = program.sample.process.comm.view();
        part.user = std::to_string(program.sample.process.uid);
        for (uint32_t each = number; each != 0; each = parents_.at(each)) {
            part.trees.push_back(each);
        }
        part.expected = {.cpu_ns = *program.sample.counters.cpu_ns - program.cpu_before,
                         .read_bytes = *program.sample.counters.read_bytes - program.read_before,
                         .rss_bytes = living ? *program.sample.counters.rss_bytes : 0,
                         .members = living ? 1U : 0U,
                         .births = program.born ? 1U : 0U,
                         .exits = living ? 0U : 1U};
        return part;
    }
    template <class Belongs>
    Expected sum(const Belongs& belongs) const {
        Expected sum;
        for (const Part& part : parts_) {
            if (belongs(part)) {
                sum.cpu_ns += part.expected.cpu_ns;
                sum.read_bytes += part.expected.read_bytes;
                sum.rss_bytes += part.expected.rss_bytes;
                sum.members += part.expected.members;
                sum.births += part.expected.births;
                sum.exits += part.expected.exits;
            }
        }
        return sum;
    }
    static void compare(const Expected& expected, const GroupSum* sum, const std::string& what) {
        ASSERT_NE(sum, nullptr) << what;
        EXPECT_EQ(sum->used.cpu_ns.value_or(0), expected.cpu_ns) << what;
        EXPECT_EQ(sum->used.read_bytes.value_or(0), expected.read_bytes) << what;
        EXPECT_EQ(sum->used.rss_bytes.value_or(0), expected.rss_bytes) << what;
        EXPECT_EQ(sum->members, expected.members) << what;
        EXPECT_EQ(sum->births, expected.births) << what;
        EXPECT_EQ(sum->exits, expected.exits) << what;
    }
    void check() const {
        size_t names = 0;
        for (const Part& part : parts_) {
            compare(sum([&](const Part& each) { return each.name == part.name; }),
                    machine_->sum(GroupBy::name, part.name), part.name);
            compare(sum([&](const Part& each) { return each.user == part.user; }),
                    machine_->sum(GroupBy::user, part.user), part.user);
            names++;
        }
        EXPECT_GE(names, machine_->groups.groups(GroupBy::name).size());
        for (const auto& [number, program] : machine_->programs) {
            compare(sum([&, root = number](const Part& each) {
                        return std::find(each.trees.begin(), each.trees.end(), root) !=
                               each.trees.end();
                    }),
                    machine_->tree(number), "tree " + std::to_string(number));
        }
    }

    Machine* machine_;
    std::vector<Part> parts_;

 public:
    std::map<uint32_t, uint32_t> parents_;  // at the fork, of all processes ever
};

TEST(GroupUsage, AgreesWithASlowModel) {
    std::mt19937 generator(20'261'120);
    const auto random = [&] { return static_cast<uint32_t>(generator()); };
    Machine machine({.by = {GroupBy::name, GroupBy::user}, .trees = true});
    Model model(machine);
    uint32_t next = 1;
    const auto some = [&] {
        auto it = machine.programs.begin();
        std::advance(it, random() % machine.programs.size());
        return it->first;
    };
    const auto start = [&] {
        const uint32_t parent = machine.programs.empty() ? 0 : some();
        model.parents_[next] = parent;
        machine.start(next++, parent, "p" + std::to_string(random() % 5), random() % 3);
    };
    start();
    for (int step = 0; step < 3000; step++) {
        const uint32_t what = random() % 20;
        if (what < 6 && machine.programs.size() < 60) {
            start();
        } else if (what < 10 && machine.programs.size() > 1) {
            const uint32_t number = some();
            if (number != machine.programs.begin()->first) {  // the root process stays
                machine.use(number, random() % 1000, random() % 5);
                model.end(number);
            }
        } else if (what < 19) {
            machine.use(some(), random() % 1000, random() % 5);
        } else {
            model.tick();
        }
    }
}

TEST(SnapshotPublisher, MakesOneOnlyWhereItIsWanted) {
    Machine machine({});
    machine.start(1, 0, "a");
    machine.tick();
    EXPECT_EQ(machine.snapshots.latest(), nullptr);
    machine.snapshots.set_wanted(true);
    machine.start(2, 1, "b");
    machine.use(2, 5, 0);
    machine.end(2);
    machine.use(1, interval_ns / 2, 0);
    machine.tick();
    const SnapshotPtr snapshot = machine.snapshots.latest();
    ASSERT_NE(snapshot, nullptr);
    ASSERT_EQ(snapshot->living.size(), 1U);
    EXPECT_EQ(snapshot->living[0].process.comm.view(), "a");
    EXPECT_EQ(snapshot->living[0].counters.cpu_ns, interval_ns / 2);
    ASSERT_EQ(snapshot->ended.size(), 1U);
    EXPECT_EQ(snapshot->ended[0].exit.cpu_ns, 5U);
    EXPECT_EQ(snapshot->tick.number, 2U);
    machine.tick();
    EXPECT_EQ(snapshot->living[0].measured_ns, snapshot->tick.sampled_ns) << "it never changes";
    EXPECT_TRUE(machine.snapshots.latest()->ended.empty());
    machine.snapshots.set_wanted(false);
    machine.tick();
    EXPECT_EQ(machine.snapshots.latest()->tick.number, 3U);
}

}  // namespace
}  // namespace vigil::process
