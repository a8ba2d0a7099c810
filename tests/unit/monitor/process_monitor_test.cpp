// SPDX-License-Identifier: Apache-2.0
// The monitor does only what its observers need; and what `vigil record` needs.
#include "monitor/process_monitor.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "deaths/death_recorder.h"
#include "process/observed.h"
#include "support/fake_kernel.h"
#include "support/fake_scanner.h"

namespace vigil::monitor {
namespace {

namespace fs = std::filesystem;

sampling::Sampler sampler_of(const test::Samples& samples) {
    return {std::make_unique<test::FakeScanner>(
                [samples]() -> Result<test::Samples> { return samples; }),
            true};
}

model::Sample sample(uint32_t number) {
    model::Sample sample;
    sample.process = test::made_up_process(number, "x", 12'345);
    sample.counters.cpu_ns = 7;
    return sample;
}

class Nowhere final : public model::EventSink {
 public:
    void on_event(const model::Event& /*event*/) override {}
};

TEST(ProcessMonitor, WithARecorderAloneNothingIsMeasured) {
    ProcessMonitor monitor(sampler_of({sample(1)}), nullptr, presence_interval_ns);
    Nowhere nowhere;
    deaths::DeathRecorder recorder(monitor.table(), nowhere);
    monitor.set_observers({&recorder});
    ASSERT_TRUE(monitor.tick());
    ASSERT_EQ(monitor.table().size(), 1U);
    const process::ProcessEntry& entry = monitor.table().begin()->second;
    EXPECT_EQ(entry.measured_ns, 0U);
    EXPECT_EQ(entry.counters.cpu_ns, std::nullopt);
    EXPECT_FALSE(entry.details_read) << "/proc is not read in sweeps";
    EXPECT_EQ(monitor.own_usage(), model::Usage());
}

TEST(ProcessMonitor, WithoutSamplesItSweepsRarely) {
    ProcessMonitor monitor(sampler_of({}), nullptr, ns_per_s);
    test::CallLog needs_none({});
    monitor.set_observers({&needs_none});
    EXPECT_EQ(monitor.interval_ns(), presence_interval_ns);
    test::CallLog needs_samples({.samples = true});
    monitor.set_observers({&needs_none, &needs_samples});
    EXPECT_EQ(monitor.interval_ns(), ns_per_s);
}

TEST(ProcessMonitor, ALossOfExitsBringsTwoSweepsForward) {
    const auto kernel = test::FakeKernel::create(1 << 16, 1);
    if (!kernel) {
        GTEST_SKIP() << "this kernel or these privileges give no BPF ring";
    }
    auto reader = capture::RingReader::open(kernel->fds());
    ASSERT_TRUE(reader);
    ProcessMonitor monitor(sampler_of({}), &*reader, ns_per_s);
    test::CallLog log({});
    monitor.set_observers({&log});
    auto fork = test::fork_record();
    fork.header.pid = fork.header.tid = test::made_up_pid;
    fork.header.time_ns = boot_now_ns();
    EXPECT_TRUE(kernel->send(test::bytes_of(fork)));
    monitor.drain();
    EXPECT_EQ(monitor.table().size(), 1U);
    EXPECT_EQ(monitor.early_sweep_ns(), UINT64_MAX);

    kernel->drop(VIGIL_EXIT);
    fork.header.pid = fork.header.tid = test::made_up_pid + 1;
    fork.header.time_ns = boot_now_ns();
    EXPECT_TRUE(kernel->send(test::bytes_of(fork)));
    monitor.drain();
    EXPECT_LE(monitor.early_sweep_ns(), boot_now_ns() + ns_per_s);
    log.calls.clear();
    for (int sweep = 0; sweep < 2; sweep++) {
        while (boot_now_ns() < monitor.early_sweep_ns()) {
        }
        ASSERT_TRUE(monitor.tick());
    }
    EXPECT_EQ(monitor.table().size(), 0U) << "both are gone";
    EXPECT_EQ(monitor.early_sweep_ns(), UINT64_MAX);
}

// All files that the source includes, directly or indirectly.
std::set<std::string> included_by(const fs::path& source) {
    std::set<std::string> names;
    std::vector<fs::path> to_read{source};
    while (!to_read.empty()) {
        std::ifstream file(to_read.back());
        to_read.pop_back();
        for (std::string line; std::getline(file, line);) {
            const size_t begin = line.find('"');
            if (!line.starts_with("#include") || begin == std::string::npos) {
                continue;
            }
            const std::string name = line.substr(begin + 1, line.rfind('"') - begin - 1);
            if (names.insert(name).second) {
                to_read.push_back(fs::path(VIGIL_SOURCE_DIR) / "src" / name);
            }
        }
    }
    return names;
}

// A command that does not include rules, engine and sums cannot run them.
TEST(Record, KnowsNeitherRulesNorGroups) {
    fs::path source;
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(VIGIL_SOURCE_DIR) / "src")) {
        if (entry.path().filename() == "record.cpp") {
            source = entry.path();
        }
    }
    ASSERT_FALSE(source.empty());
    const std::set<std::string> included = included_by(source);
    EXPECT_EQ(included.count("deaths/death_recorder.h"), 1U) << "the test looks in the wrong place";
    for (const std::string& name : included) {
        EXPECT_FALSE(name.starts_with("rules/")) << name;
        EXPECT_NE(name, "process/group_usage.h");
        EXPECT_NE(name, "process/tick_snapshot.h");
    }
}

}  // namespace
}  // namespace vigil::monitor
