// SPDX-License-Identifier: Apache-2.0
#include "model/sample.h"

#include <gtest/gtest.h>

namespace vigil::model {
namespace {

constexpr uint64_t second = 1'000'000'000;
constexpr uint64_t mb = 1'048'576;
constexpr uint64_t kb = 1'024;

const MetricInfo& row(Metric metric) { return metrics()[index(metric)]; }

std::optional<double> used(Metric metric, const Counters* before, const Counters& now,
                           uint64_t span_ns) {
    return usage_between(before, now, span_ns)[index(metric)];
}

// Counters with only the CPU time.
Counters cpu(uint64_t ns) { return {.cpu_ns = ns}; }
Counters memory(uint64_t bytes) { return {.rss_bytes = bytes}; }
Counters disk(uint64_t read, uint64_t written) {
    return {.read_bytes = read, .write_bytes = written};
}
Counters network(uint64_t sent, uint64_t received) {
    return {.sent_bytes = sent, .received_bytes = received};
}

// Counters with all members, all different.
Counters full() {
    return {.cpu_ns = 10 * second,
            .rss_bytes = 300 * mb,
            .read_bytes = 20 * mb,
            .write_bytes = 40 * mb,
            .sent_bytes = 500 * kb,
            .received_bytes = 700 * kb};
}

TEST(Metrics, AreInTheOrderOfTheirNumbers) {
    EXPECT_EQ(metrics().size(), metric_count);
    EXPECT_EQ(row(Metric::cpu).name, "cpu");
    EXPECT_EQ(row(Metric::memory).name, "memory");
    EXPECT_EQ(row(Metric::disk).name, "disk");
    EXPECT_EQ(row(Metric::network).name, "network");
    EXPECT_EQ(index(Metric::network) + 1, metric_count);
}

TEST(Metrics, Units) {
    EXPECT_EQ(row(Metric::cpu).unit, "%");
    EXPECT_EQ(row(Metric::memory).unit, "MB");
    EXPECT_EQ(row(Metric::disk).unit, "MB/s");
    EXPECT_EQ(row(Metric::network).unit, "KB/s");
    for (const MetricInfo& each : metrics()) {
        EXPECT_EQ(each.is_rate, each.name != "memory") << each.name;
    }
}

TEST(Usage, FourBusyThreadsAre400Percent) {
    const Counters before = cpu(7 * second);
    EXPECT_DOUBLE_EQ(*used(Metric::cpu, &before, cpu(11 * second), second), 400);
    EXPECT_DOUBLE_EQ(*used(Metric::cpu, &before, cpu(8 * second), second), 100);
    EXPECT_DOUBLE_EQ(*used(Metric::cpu, &before, cpu(8 * second), 10 * second), 10);
    EXPECT_DOUBLE_EQ(*used(Metric::cpu, &before, cpu(7 * second + 1'000'000), second / 10), 1);
}

TEST(Usage, MemoryIsThePresentValue) {
    const Counters before = memory(900 * mb);
    EXPECT_DOUBLE_EQ(*used(Metric::memory, &before, memory(mb), second), 1);
    EXPECT_DOUBLE_EQ(*used(Metric::memory, &before, memory(1'073'741'824), second), 1024);
    EXPECT_DOUBLE_EQ(*used(Metric::memory, nullptr, memory(mb / 2), 7 * second), 0.5);
    EXPECT_DOUBLE_EQ(*used(Metric::memory, nullptr, memory(0), second), 0);
}

TEST(Usage, DiskIsTheSumOfReadsAndWrites) {
    const Counters before = disk(5 * mb, 0);
    const Counters now = disk(7 * mb, 1 * mb);
    EXPECT_DOUBLE_EQ(*used(Metric::disk, &before, now, second), 3);
    EXPECT_DOUBLE_EQ(*used(Metric::disk, &before, now, 2 * second), 1.5);
}

TEST(Usage, NetworkIsInKilobytes) {
    const Counters before = network(0, 1);
    const Counters now = network(2 * kb, 3 * kb + 1);
    EXPECT_DOUBLE_EQ(*used(Metric::network, &before, now, second), 5);
    EXPECT_DOUBLE_EQ(*used(Metric::network, &before, now, second / 2), 10);
}

TEST(Usage, WithoutAnEarlierSampleEverythingCounts) {
    const Usage usage = usage_between(nullptr, full(), 10 * second);
    EXPECT_DOUBLE_EQ(*usage[0], 100);
    EXPECT_DOUBLE_EQ(*usage[1], 300);
    EXPECT_DOUBLE_EQ(*usage[2], 6);
    EXPECT_DOUBLE_EQ(*usage[3], 120);
}

TEST(Usage, NoGrowthIsZeroAndNotAbsent) {
    const Counters now = full();
    const Usage usage = usage_between(&now, now, second);
    EXPECT_EQ(usage[0], 0.0);
    EXPECT_EQ(usage[1], 300.0);
    EXPECT_EQ(usage[2], 0.0);
    EXPECT_EQ(usage[3], 0.0);
}

TEST(Usage, UnreadableCountersAreAbsent) {
    EXPECT_EQ(usage_between(nullptr, {}, second), Usage{});
    const Counters before = full();
    EXPECT_EQ(usage_between(&before, {}, second), Usage{});
    const Counters none;
    const Usage first = usage_between(&none, full(), second);
    EXPECT_EQ(first, (Usage{std::nullopt, 300.0, std::nullopt, std::nullopt}));
}

TEST(Usage, APartialSumIsAbsent) {
    using Member = std::optional<uint64_t> Counters::*;
    constexpr std::pair<Metric, Member> halves[] = {{Metric::disk, &Counters::read_bytes},
                                                    {Metric::disk, &Counters::write_bytes},
                                                    {Metric::network, &Counters::sent_bytes},
                                                    {Metric::network, &Counters::received_bytes}};
    const Counters before = full();
    for (const auto& [metric, member] : halves) {
        Counters cut = full();
        cut.*member = std::nullopt;
        const Usage usage = usage_between(&before, cut, second);
        for (size_t i = 0; i < metric_count; i++) {
            EXPECT_EQ(usage[i].has_value(), i != index(metric)) << i;
        }
        EXPECT_FALSE(used(metric, &cut, full(), second)) << "unknown before";
    }
}

TEST(Usage, ShrinkingTotalsAreZero) {
    const Counters before = full();
    const Counters now{.cpu_ns = 9 * second,
                       .rss_bytes = 1 * mb,
                       .read_bytes = 19 * mb,
                       .write_bytes = 40 * mb,
                       .sent_bytes = 0,
                       .received_bytes = 0};
    EXPECT_EQ(usage_between(&before, now, second), (Usage{0.0, 1.0, 0.0, 0.0}));
}

TEST(Usage, NoRateWithoutATimeSpan) {
    const Counters before;
    const Usage expected{std::nullopt, 300.0, std::nullopt, std::nullopt};
    EXPECT_EQ(usage_between(nullptr, full(), 0), expected);
    EXPECT_EQ(usage_between(&before, full(), 0), expected);
}

TEST(Usage, MaximumValues) {
    const Counters now{.cpu_ns = UINT64_MAX, .rss_bytes = UINT64_MAX};
    const Usage usage = usage_between(nullptr, now, 1);
    EXPECT_NEAR(*usage[0], 1.8446744073709552e21, 1e10);
    EXPECT_NEAR(*usage[1], 17'592'186'044'416.0, 1);
}

TEST(SameStart, ExactTimesMustBeEqual) {
    EXPECT_TRUE(same_start(123, 123));
    EXPECT_FALSE(same_start(123, 124));
    EXPECT_FALSE(same_start(20'000'001, 20'000'002));
    EXPECT_TRUE(same_start(0, 0));
}

TEST(SameStart, ATimeInTicksIsRoundedDown) {
    for (const uint64_t exact : {20'000'000U, 20'000'001U, 29'999'999U}) {
        EXPECT_TRUE(same_start(20'000'000, exact)) << exact;
        EXPECT_TRUE(same_start(exact, 20'000'000)) << exact;
    }
    for (const uint64_t other : {0U, 10'000'000U, 19'999'999U, 30'000'000U, 30'000'001U}) {
        EXPECT_FALSE(same_start(20'000'000, other)) << other;
        EXPECT_FALSE(same_start(other, 20'000'000)) << other;
    }
    EXPECT_FALSE(same_start(UINT64_MAX, 20'000'000));
}

}  // namespace
}  // namespace vigil::model
