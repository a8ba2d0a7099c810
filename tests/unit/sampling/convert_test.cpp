// SPDX-License-Identifier: Apache-2.0
#include "sampling/convert.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/times.h>
#include <unistd.h>

#include <algorithm>

#include "host/procfs.h"
#include "support/processes.h"

namespace vigil::sampling {
namespace {

using test::Process;

constexpr uint64_t tick_ns = 10'000'000;

uint32_t self() { return static_cast<uint32_t>(::getpid()); }

uint64_t used_ticks() {
    tms used{};
    ::times(&used);
    return static_cast<uint64_t>(used.tms_utime) + static_cast<uint64_t>(used.tms_stime);
}

// Each member has a different value, so that swapped members are detected.
vigil_sample record(uint32_t flags = 0, uint32_t pid = test::no_such_pid) {
    vigil_sample made{};
    made.start_ns = 3'500'000'001;
    made.exec_id = 77;
    made.runtime_ns = 1'000'001;
    made.read_bytes = 1'002;
    made.write_bytes = 1'003;
    made.sent_bytes = 1'004;
    made.received_bytes = 1'005;
    made.rss_pages = 3;
    made.cgroup_id = 0x1'0000'0042;
    made.pid = pid;
    made.ppid = 5678;
    made.uid = 1000;
    made.gid = 100;
    made.threads = 8;
    made.flags = flags;
    made.pidns_level = 2;
    std::copy_n("myapp", 5, made.comm);
    return made;
}

TEST(SampleOfRecord, Identity) {
    const model::Sample sample = sample_of(record());
    EXPECT_EQ(sample.process.pid, test::no_such_pid);
    EXPECT_EQ(sample.process.tid, test::no_such_pid);
    EXPECT_EQ(sample.process.ppid, 5678U);
    EXPECT_EQ(sample.process.uid, 1000U);
    EXPECT_EQ(sample.process.gid, 100U);
    EXPECT_EQ(sample.process.pidns_level, 2U);
    EXPECT_EQ(sample.process.start_ns, 3'500'000'001U);
    EXPECT_EQ(sample.process.cgroup_id, 0x1'0000'0042U);
    EXPECT_EQ(sample.process.comm.view(), "myapp");
    EXPECT_EQ(sample.exec_id, 77U);
    EXPECT_EQ(sample.threads, 8U);
}

TEST(SampleOfRecord, Usage) {
    const model::Counters counters = sample_of(record()).counters;
    EXPECT_EQ(counters.cpu_ns, 1'000'001U);
    EXPECT_EQ(counters.rss_bytes, 3 * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)));
    EXPECT_EQ(counters.read_bytes, 1'002U);
    EXPECT_EQ(counters.write_bytes, 1'003U);
    EXPECT_EQ(counters.sent_bytes, 1'004U);
    EXPECT_EQ(counters.received_bytes, 1'005U);
}

TEST(SampleOfRecord, UncountedMetricsAreAbsent) {
    const model::Counters no_storage = sample_of(record(VIGIL_SAMPLE_STORAGE_UNKNOWN)).counters;
    EXPECT_FALSE(no_storage.read_bytes);
    EXPECT_FALSE(no_storage.write_bytes);
    EXPECT_EQ(no_storage.sent_bytes, 1'004U);
    const model::Counters no_network = sample_of(record(VIGIL_SAMPLE_NETWORK_UNKNOWN)).counters;
    EXPECT_FALSE(no_network.sent_bytes);
    EXPECT_FALSE(no_network.received_bytes);
    EXPECT_EQ(no_network.read_bytes, 1'002U);
    EXPECT_EQ(no_network.cpu_ns, 1'000'001U);
}

TEST(SampleOfRecord, AnInconsistentSampleIsReadFromProc) {
    const uint64_t before = used_ticks();
    const model::Counters counters = sample_of(record(VIGIL_SAMPLE_INCONSISTENT, self())).counters;
    const uint64_t after = used_ticks();
    EXPECT_GE(counters.cpu_ns, before * tick_ns);
    EXPECT_LE(counters.cpu_ns, after * tick_ns);
    EXPECT_EQ(counters.rss_bytes, sample_of(record()).counters.rss_bytes) << "rss is not a sum";
    EXPECT_EQ(counters.sent_bytes, 1'004U) << "/proc does not have them";
    EXPECT_EQ(counters.read_bytes, 1'002U) << "/proc includes those of children";
}

TEST(SampleOfRecord, AnInconsistentSampleOfAnExitedProcessIsUnchanged) {
    const model::Counters counters = sample_of(record(VIGIL_SAMPLE_INCONSISTENT)).counters;
    EXPECT_EQ(counters.cpu_ns, 1'000'001U);
    EXPECT_EQ(counters.read_bytes, 1'002U);
}

TEST(SampleOfRecord, ANameOfFullLength) {
    vigil_sample full = record();
    std::fill_n(full.comm, sizeof full.comm, 'x');
    EXPECT_EQ(sample_of(full).process.comm.view(), std::string(sizeof full.comm, 'x'));
}

TEST(SampleFromProc, AProcess) {
    const Process child([] { ::prctl(PR_SET_NAME, "fifteen_letters"); });
    const auto sample = sample_from_proc(child.pid());
    ASSERT_TRUE(sample);
    EXPECT_EQ(sample->process.pid, child.pid());
    EXPECT_EQ(sample->process.tid, child.pid());
    EXPECT_EQ(sample->process.ppid, self());
    EXPECT_EQ(sample->process.uid, ::geteuid());
    EXPECT_EQ(sample->process.comm.view(), "fifteen_letters");
    EXPECT_EQ(sample->threads, 1U);
    EXPECT_LT(*sample->counters.cpu_ns, 1'000'000'000U);
    EXPECT_GT(*sample->counters.rss_bytes, 0U);
    EXPECT_FALSE(sample->counters.sent_bytes);
}

TEST(SampleFromProc, IgnoresMissingProcessesAndZombies) {
    EXPECT_FALSE(sample_from_proc(test::no_such_pid));
    EXPECT_FALSE(sample_from_proc(0));
    Process child;
    child.kill();
    EXPECT_FALSE(sample_from_proc(child.pid()));
}

}  // namespace
}  // namespace vigil::sampling
