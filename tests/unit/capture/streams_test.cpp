// SPDX-License-Identifier: Apache-2.0
#include "capture/streams.h"

#include <gtest/gtest.h>

namespace vigil::capture {
namespace {

using model::Kind;

Cursor cursor_of(size_t cpus) {
    Cursor cursor;
    cursor.streams.resize(cpus);
    return cursor;
}

TEST(Streams, ConsecutiveSequencesAreNoGap) {
    Cursor cursor = cursor_of(1);
    for (uint64_t sequence = 1; sequence <= 5; sequence++) {
        EXPECT_EQ(advance(cursor, 0, Kind::fork, sequence, 100 * sequence).count, 0U);
    }
    EXPECT_EQ(cursor.streams[0].kind[VIGIL_FORK].sequence, 5U);
    EXPECT_EQ(cursor.streams[0].kind[VIGIL_FORK].time_ns, 500U);
    EXPECT_EQ(cursor.streams[0].kind[VIGIL_FORK].lost, 0U);
}

TEST(Streams, AGapHasItsCountAndItsTimes) {
    Cursor cursor = cursor_of(2);
    (void)advance(cursor, 1, Kind::exit, 1, 100);
    const Gap gap = advance(cursor, 1, Kind::exit, 5, 300);
    EXPECT_EQ(gap.kind, Kind::exit);
    EXPECT_EQ(gap.stream, 1);
    EXPECT_EQ(gap.count, 3U);
    EXPECT_EQ(gap.from_boot_ns, 100U);
    EXPECT_EQ(gap.to_boot_ns, 300U);
    EXPECT_EQ(cursor.streams[1].kind[VIGIL_EXIT].lost, 3U);
    EXPECT_EQ(advance(cursor, 1, Kind::exit, 6, 400).count, 0U);
}

TEST(Streams, TheFirstRecordShowsAnInitialGap) {
    Cursor cursor = cursor_of(1);
    const Gap gap = advance(cursor, 0, Kind::signal, 4, 900);
    EXPECT_EQ(gap.count, 3U);
    EXPECT_EQ(gap.from_boot_ns, 0U);
}

TEST(Streams, CpusAndKindsAreIndependent) {
    Cursor cursor = cursor_of(2);
    EXPECT_EQ(advance(cursor, 0, Kind::fork, 1, 1).count, 0U);
    EXPECT_EQ(advance(cursor, 0, Kind::exec, 1, 2).count, 0U);
    EXPECT_EQ(advance(cursor, 1, Kind::fork, 1, 3).count, 0U);
    EXPECT_EQ(advance(cursor, 0, Kind::fork, 2, 4).count, 0U);
}

TEST(Streams, AnOldSequenceChangesNothing) {
    Cursor cursor = cursor_of(1);
    (void)advance(cursor, 0, Kind::fork, 5, 100);
    for (const uint64_t sequence : {5ULL, 1ULL, 0ULL}) {
        EXPECT_EQ(advance(cursor, 0, Kind::fork, sequence, 50).count, 0U);
    }
    EXPECT_EQ(cursor.streams[0].kind[VIGIL_FORK].sequence, 5U);
    EXPECT_EQ(cursor.streams[0].kind[VIGIL_FORK].time_ns, 100U);
}

TEST(Streams, ClosingReportsTheRest) {
    Cursor cursor = cursor_of(2);
    (void)advance(cursor, 0, Kind::fork, 1, 100);
    std::vector<vigil_cpu_counters> counters(2);
    counters[0].kind[VIGIL_FORK].sequence = 4;
    counters[1].kind[VIGIL_OOM].sequence = 1;
    const auto gaps = close_gaps(cursor, counters, 777);
    ASSERT_EQ(gaps.size(), 2U);
    EXPECT_EQ(gaps[0].kind, Kind::fork);
    EXPECT_EQ(gaps[0].stream, 0);
    EXPECT_EQ(gaps[0].count, 3U);
    EXPECT_EQ(gaps[0].from_boot_ns, 100U);
    EXPECT_EQ(gaps[0].to_boot_ns, 777U);
    EXPECT_EQ(gaps[1].kind, Kind::oom);
    EXPECT_EQ(gaps[1].stream, 1);
    EXPECT_EQ(gaps[1].count, 1U);
    EXPECT_TRUE(close_gaps(cursor, counters, 888).empty());
    // The next record shows no further gap.
    EXPECT_EQ(advance(cursor, 0, Kind::fork, 5, 900).count, 0U);
    EXPECT_EQ(cursor.streams[0].kind[VIGIL_FORK].lost, 3U);
}

TEST(Streams, LaggingCountersAreNoGap) {
    Cursor cursor = cursor_of(1);
    (void)advance(cursor, 0, Kind::fork, 9, 100);
    std::vector<vigil_cpu_counters> counters(1);
    counters[0].kind[VIGIL_FORK].sequence = 8;
    EXPECT_TRUE(close_gaps(cursor, counters, 777).empty());
    EXPECT_EQ(cursor.streams[0].kind[VIGIL_FORK].sequence, 9U);
}

}  // namespace
}  // namespace vigil::capture
