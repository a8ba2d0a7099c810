// SPDX-License-Identifier: Apache-2.0
#include "journal/segments.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/journal.h"
#include "support/processes.h"

namespace vigil::journal {
namespace {

// "events.log.1:1 events.log*:4", without the directory.
std::string listed(const test::TempDirectory& directory, uint64_t if_unknown = 1) {
    const auto segments = list_segments(directory.path("events.log"), if_unknown);
    if (!segments) {
        return segments.error().context;
    }
    std::string text;
    for (const Segment& segment : *segments) {
        EXPECT_EQ(segment.size_bytes, test::content_of(segment.path).size());
        text += (text.empty() ? "" : " ") + segment.path.substr(directory.path("").size()) +
                (segment.active ? "*:" : ":") + std::to_string(segment.first_sequence);
    }
    return text;
}

TEST(Segments, AnEmptyDirectoryIsNotAnError) {
    const test::TempDirectory directory;
    EXPECT_EQ(listed(directory), "");
    const auto none = list_segments(directory.path("none/events.log"));
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().context,
              "opening '" + directory.path("none") + "': No such file or directory");
}

TEST(Segments, TheNewestRotatedOneNumbersTheActiveOne) {
    const test::TempDirectory directory;
    directory.write("events.log", "a\n");
    EXPECT_EQ(listed(directory), "events.log*:1");
    EXPECT_EQ(listed(directory, 500), "events.log*:500");
    directory.write("events.log.9", "i\nj\nk\n");
    directory.write("events.log.12", "l\nm\n");
    EXPECT_EQ(listed(directory, 500), "events.log.9:9 events.log.12:12 events.log*:14");
}

TEST(Segments, IgnoresATornLineOfARotatedSegment) {
    const test::TempDirectory directory;
    directory.write("events.log.5", "e\nf\ng");
    directory.write("events.log", "g\n");
    EXPECT_EQ(listed(directory), "events.log.5:5 events.log*:7");
}

TEST(Segments, ASequenceMarkerOnlyRecordsTheNumber) {
    const test::TempDirectory directory;
    directory.write("events.log.3", "c\nd\nnot synced\n");
    directory.write("events.log.5", "");
    directory.write("events.log", "e\n");
    EXPECT_EQ(listed(directory), "events.log.3:3 events.log*:5");
    const auto rotated = list_rotated(directory.path("events.log"));
    ASSERT_TRUE(rotated);
    ASSERT_EQ(rotated->size(), 2U);
    EXPECT_EQ((*rotated)[1].first_sequence, 5U);
}

TEST(Segments, IgnoresForeignNames) {
    const test::TempDirectory directory;
    for (const char* name :
         {"events.log.gz", "events.log.1x", "events.log.state", "events.log.", "events.log.01",
          "events.log.0", "events.log.-1", "events.log.+1", "events.log. 1", "events.log.1.gz",
          "events.log.18446744073709551616", "events.log.9223372036854775808", "events.logs.1",
          "xevents.log.1", "events.log1"}) {
        directory.write(name, "x\n");
    }
    ASSERT_EQ(::mkdir(directory.path("events.log.4").c_str(), 0700), 0);
    ASSERT_EQ(::symlink("events.log.gz", directory.path("events.log.6").c_str()), 0);
    ASSERT_EQ(::mkfifo(directory.path("events.log.7").c_str(), 0600), 0);
    EXPECT_EQ(listed(directory), "");
    directory.write("events.log.9223372036854775807", "x\n");
    EXPECT_EQ(listed(directory), "events.log.9223372036854775807:9223372036854775807");
}

TEST(Segments, APathWithoutADirectoryIsInTheCurrentDirectory) {
    const test::TempDirectory directory;
    directory.write("events.log.2", "b\n");
    std::string before(4096, '\0');
    ASSERT_NE(::getcwd(before.data(), before.size()), nullptr);
    ASSERT_EQ(::chdir(directory.path("").c_str()), 0);
    const auto segments = list_segments("events.log");
    ASSERT_EQ(::chdir(before.c_str()), 0);
    ASSERT_TRUE(segments);
    ASSERT_EQ(segments->size(), 1U);
    EXPECT_EQ(segments->front().path, "events.log.2");
}

TEST(Segments, WholeLinesAreCountedAcrossBlocks) {
    const test::TempDirectory directory;
    for (const size_t size : {1U, 20U, 4096U, 300'000U}) {
        const std::string lines = test::numbered_lines(1, 7, size);
        const auto whole = count_lines(directory.write("a", lines + "torn"));
        ASSERT_TRUE(whole);
        EXPECT_EQ(whole->count, 7U);
        EXPECT_EQ(whole->bytes, lines.size());
    }
    const auto none = count_lines(directory.path("none"));
    ASSERT_TRUE(none);
    EXPECT_EQ(none->count, 0U);
}

// A writer's first sequence number is for an empty disk only: without a marker, existing lines
// start at 1.
TEST(Segments, AWritersFirstNumberDoesNotApplyToExistingLines) {
    const test::TempDirectory directory;
    WriterOptions options;
    options.path = directory.write("events.log", test::numbered_lines(1, 3));
    options.first_sequence = 500;
    options.new_segment = true;
    const auto writer = Writer::open(options, {});
    ASSERT_TRUE(writer) << writer.error().context;
    EXPECT_EQ((*writer)->next_sequence(), 4U);
    const test::Content content = test::read_numbered(options.path);
    EXPECT_EQ(content.wrong, "");
    EXPECT_EQ(content.last, 3U);
}

}  // namespace
}  // namespace vigil::journal
