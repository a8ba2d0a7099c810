// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sampling/process_scanner.h"
#include "support/fake_scanner.h"
#include "support/processes.h"

namespace vigil::sampling {
namespace {

using test::count_of;
using test::Process;
using test::Samples;

constexpr uint64_t tick_ns = 10'000'000;

uint64_t ns_of(const timeval& time) {
    return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 +
           static_cast<uint64_t>(time.tv_usec) * 1'000;
}

uint64_t cpu_of_self() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return ns_of(usage.ru_utime) + ns_of(usage.ru_stime);
}

const model::Sample& find(const Samples& samples, pid_t pid) {
    const auto it = std::find_if(samples.begin(), samples.end(), [&](const model::Sample& each) {
        return each.process.pid == static_cast<uint32_t>(pid);
    });
    if (it == samples.end()) {
        throw std::runtime_error("not swept");
    }
    return *it;
}

class ProcScanner : public ::testing::Test {
 protected:
    void scan() { ASSERT_TRUE(scanner_->scan(out_)); }

    std::unique_ptr<ProcessScanner> scanner_ = make_proc_scanner();
    Samples out_;
};

TEST_F(ProcScanner, AgreesWithGetrusage) {
    while (cpu_of_self() < 5 * tick_ns) {
    }
    const uint64_t before = cpu_of_self();
    scan();
    const uint64_t after = cpu_of_self();
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const model::Sample& self = find(out_, ::getpid());
    EXPECT_EQ(self.process.tid, self.process.pid);
    EXPECT_EQ(self.process.ppid, static_cast<uint32_t>(::getppid()));
    EXPECT_EQ(self.process.uid, ::geteuid());
    ASSERT_TRUE(self.counters.cpu_ns);
    EXPECT_GE(*self.counters.cpu_ns + 2 * tick_ns, before) << "two sums in whole ticks";
    EXPECT_LE(*self.counters.cpu_ns, after);
    ASSERT_TRUE(self.counters.rss_bytes);
    EXPECT_GT(*self.counters.rss_bytes, 1U << 20);
    // Memory is counted per CPU and summed up now and then.
    EXPECT_LT(*self.counters.rss_bytes, static_cast<uint64_t>(usage.ru_maxrss) * 1024 + (8 << 20));
}

TEST_F(ProcScanner, AChild) {
    const Process child;
    scan();
    const model::Sample& sample = find(out_, static_cast<pid_t>(child.pid()));
    EXPECT_EQ(sample.process.ppid, static_cast<uint32_t>(::getpid()));
    EXPECT_EQ(sample.threads, 1U);
    EXPECT_EQ(sample.exec_id, 0U) << "/proc does not have it";
    EXPECT_EQ(sample.process.start_ns % tick_ns, 0U);
    EXPECT_FALSE(sample.counters.sent_bytes);
    EXPECT_FALSE(sample.counters.received_bytes);
}

TEST_F(ProcScanner, EachProcessOnceAndNoZombies) {
    Process zombie;
    zombie.kill();
    const Process child;
    scan();
    EXPECT_EQ(count_of(out_, zombie.pid()), 0);
    EXPECT_EQ(count_of(out_, child.pid()), 1);
    EXPECT_EQ(count_of(out_, static_cast<uint32_t>(::getpid())), 1);
}

TEST_F(ProcScanner, ReplacesTheOutput) {
    scan();
    out_.resize(out_.size() + 100);
    scan();
    EXPECT_EQ(count_of(out_, 0), 0);
    EXPECT_EQ(count_of(out_, static_cast<uint32_t>(::getpid())), 1);
}

TEST_F(ProcScanner, HasAName) { EXPECT_EQ(scanner_->name(), "/proc"); }

}  // namespace
}  // namespace vigil::sampling
