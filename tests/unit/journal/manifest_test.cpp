// SPDX-License-Identifier: Apache-2.0
// Which files are a journal's, whatever other programs name theirs.
#include "journal/manifest.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <string>

#include "base/clock.h"
#include "journal/reader.h"
#include "journal/segments.h"
#include "journal/tail.h"
#include "journal/writer.h"
#include "support/journal.h"
#include "support/processes.h"

namespace vigil::journal {
namespace {

namespace fs = std::filesystem;
using test::numbered_line;
using test::numbered_lines;

class ManifestTest : public testing::Test {
 protected:
    std::string path() const { return directory_.path("events.log"); }
    std::string path(int number) const { return path() + "." + std::to_string(number); }
    void open() {
        writer_.reset();
        WriterOptions options;
        options.path = path();
        options.is_own_line = is_own_line_;
        auto writer = Writer::open(options, event_log_.events());
        ASSERT_TRUE(writer) << writer.error().context;
        writer_ = std::move(*writer);
    }
    void add(uint64_t count) {
        for (uint64_t i = 0; i < count; i++) {
            const uint64_t next = writer_->next_sequence();
            ASSERT_EQ(writer_->append(numbered_line(next)), next);
        }
        ASSERT_TRUE(writer_->wait_synced(writer_->next_sequence() - 1, 10 * ns_per_s));
    }
    // As "rotate N" with "create" of logrotate does it.
    void logrotate() const {
        for (int number = 9; number >= 1; number--) {
            if (fs::exists(path(number))) {
                fs::rename(path(number), path(number + 1));
            }
        }
        fs::rename(path(), path(1));
        directory_.write("events.log", "");
    }
    void expect_last(uint64_t first, uint64_t last) const {
        const auto content = test::read_numbered(path());
        EXPECT_EQ(content.wrong, "");
        EXPECT_EQ(content.first, first);
        EXPECT_EQ(content.last, last);
        const auto lines = tail(path(), 100);
        ASSERT_TRUE(lines);
        std::string text;
        for (const std::string& line : *lines) {
            text += line;
        }
        EXPECT_EQ(text, numbered_lines(first, last));
    }

    test::TempDirectory directory_;
    test::WriterEventLog event_log_;
    std::function<bool(std::string_view)> is_own_line_;
    std::atomic<bool> renames_fail_ = false;
    test::TestFileSystem file_system_;
    std::unique_ptr<Writer> writer_;  // the first to go: it uses the others
};

TEST_F(ManifestTest, ItsTextIsReadBack) {
    Manifest manifest;
    manifest.active = {17, {3, 0, 4096, UINT64_MAX}};
    manifest.rotated = {{1, {1, 100, 90, 7}}, {9, {2, 5, 5, 8}}};
    manifest.markers = {17};
    const std::string text = format_manifest(manifest);
    ASSERT_TRUE(parse_manifest(text));
    EXPECT_EQ(*parse_manifest(text), manifest);
    for (size_t size = 0; size + 1 < text.size(); size++) {
        EXPECT_FALSE(parse_manifest(text.substr(0, size)) && size + 4 < text.size()) << size;
    }
    EXPECT_FALSE(parse_manifest("hello\n"));
    EXPECT_FALSE(parse_manifest("vigil journal 1\nmark x\nend\n"));
}

TEST_F(ManifestTest, FilesOfLogrotateAreNoSegments) {
    open();
    add(5);
    logrotate();
    add(3);
    logrotate();
    add(3);
    expect_last(9, 11);
    open();
    EXPECT_EQ(writer_->next_sequence(), 12U) << "after a restart too";
    add(1);
    expect_last(9, 12);
    writer_->rotate();
    add(1);
    expect_last(9, 13);
    EXPECT_EQ(test::content_of(path(2)), numbered_lines(1, 5)) << "left as it is";
    EXPECT_EQ(test::content_of(path(1)), numbered_lines(6, 8));
}

TEST_F(ManifestTest, NumbersGoOnWhereTheFileWasMovedMeanwhile) {
    open();
    add(5);
    writer_.reset();
    logrotate();
    open();
    EXPECT_EQ(writer_->next_sequence(), 6U);
    add(3);
    writer_.reset();
    logrotate();
    open();
    EXPECT_EQ(writer_->next_sequence(), 9U) << "not 4, as the names say";
    add(1);
    EXPECT_EQ(test::content_of(path(2)), numbered_lines(1, 5));
}

TEST_F(ManifestTest, ForeignFilesOfSuchNamesAreLeft) {
    open();
    add(3);
    directory_.write("events.log.1", "foreign\n");
    directory_.write("events.log.2", "");
    writer_->rotate();
    add(1);
    expect_last(1, 4);
    EXPECT_EQ(test::content_of(path(1)), "foreign\n");
    EXPECT_TRUE(test::becomes_true([&] {
        const auto errors = event_log_.errors();
        return !errors.empty() &&
               errors[0].find("vigil rotates its journals by itself") != std::string::npos;
    }));
    fs::remove(path(1));
    open();
    writer_->rotate();
    add(1);
    expect_last(1, 5);
    const auto rotated = list_rotated(path());
    ASSERT_TRUE(rotated);
    ASSERT_EQ(rotated->size(), 1U);
    EXPECT_EQ(rotated->front().first_sequence, 1U);
}

TEST_F(ManifestTest, ASegmentThatIsAnotherFileNowIsNotDeleted) {
    open();
    add(3);
    writer_->rotate();
    add(3);
    fs::remove(path(1));
    directory_.write("events.log.1", "foreign\n");
    writer_->remove_before(4);
    EXPECT_TRUE(test::becomes_true([&] { return writer_->oldest_sequence() == 4; }));
    EXPECT_EQ(test::content_of(path(1)), "foreign\n");
    expect_last(4, 6);
}

TEST_F(ManifestTest, AnOlderJournalGetsOne) {
    directory_.write("events.log.4", numbered_lines(4, 6));
    directory_.write("events.log.1", "foreign\n");
    directory_.write("events.log", numbered_lines(7, 8));
    is_own_line_ = [](std::string_view line) { return line.ends_with("x\n"); };
    open();
    EXPECT_EQ(writer_->next_sequence(), 9U);
    expect_last(4, 8);
    EXPECT_TRUE(fs::exists(manifest_path(path())));
}

TEST_F(ManifestTest, ARestoredCopyIsTheSameJournal) {
    open();
    add(3);
    writer_->rotate();
    add(2);
    writer_.reset();
    const test::TempDirectory restored;
    fs::copy(directory_.path(""), restored.path(""));
    WriterOptions options;
    options.path = restored.path("events.log");
    const auto writer = Writer::open(options, {});
    ASSERT_TRUE(writer);
    EXPECT_EQ((*writer)->next_sequence(), 6U);
    EXPECT_EQ((*writer)->oldest_sequence(), 1U);
}

TEST_F(ManifestTest, FilesThatVigilDidNotWriteAreRefusedAndLeft) {
    is_own_line_ = [](std::string_view line) { return line.starts_with("{\"time\":"); };
    const std::string own = "{\"time\":\"2026\"}\n";
    for (const std::string& foreign :
         {std::string("[{\"process\": \"a\", \"cpu\": 1}]"), std::string("a\nb"),
          std::string("{\"a\": 1}"), std::string("x"), own + "a last line without an end"}) {
        directory_.write("events.log", foreign);
        WriterOptions options;
        options.path = path();
        options.is_own_line = is_own_line_;
        const auto refused = Writer::open(options, {});
        ASSERT_FALSE(refused) << foreign;
        EXPECT_EQ(refused.error().code, ErrorCode::usage);
        EXPECT_NE(refused.error().context.find("holds what vigil did not write"),
                  std::string::npos);
        EXPECT_EQ(test::content_of(path()), foreign);
        EXPECT_FALSE(fs::exists(path() + ".lock"));
    }
    for (const std::string& torn : {std::string("{\"ti"), std::string(), own + "{", own}) {
        directory_.write("events.log", torn);
        open();
        EXPECT_EQ(test::content_of(path()), torn.starts_with(own) ? own : "");
        writer_.reset();
    }
}

// As logrotate with "compress" leaves it, without a writer.
TEST_F(ManifestTest, NumbersOfACompressedFileAreNotUsedAgain) {
    open();
    add(5);
    writer_.reset();
    fs::remove(path());
    directory_.write("events.log.1.gz", "\x1f\x8b");
    directory_.write("events.log", "");
    open();
    EXPECT_EQ(writer_->next_sequence(), 6U);
    add(2);
    expect_last(6, 7);
    writer_.reset();
    fs::remove(path());  // "nocreate"
    open();
    EXPECT_EQ(writer_->next_sequence(), 8U);
    add(1);
    expect_last(8, 8);
}

// As ": > events.log" and logrotate's "copytruncate" leave it: the copy has the lines, or nothing.
TEST_F(ManifestTest, NumbersOfAnEmptiedFileAreNotUsedAgain) {
    open();
    add(5);
    writer_.reset();
    fs::resize_file(path(), 0);
    open();
    EXPECT_EQ(writer_->next_sequence(), 6U);
    add(2);
    writer_.reset();
    fs::copy(path(), path() + ".copy");
    fs::resize_file(path(), 0);
    open();
    EXPECT_EQ(writer_->next_sequence(), 8U);
    add(1);
    expect_last(8, 8);
}

// The copy is what a crash leaves: the writer has not ended.
TEST_F(ManifestTest, NumbersOfACompressedFileAreNotUsedAgainAfterACrash) {
    open();
    add(3);
    const std::string copy = directory_.path("copy");
    fs::create_directory(copy);
    fs::copy(manifest_path(path()), copy + "/events.log.segments");
    WriterOptions options;
    options.path = copy + "/events.log";
    uint64_t next = 0;
    {
        auto writer = Writer::open(options, event_log_.events());
        ASSERT_TRUE(writer) << writer.error().context;
        next = (*writer)->next_sequence();
        EXPECT_GT(next, 3U);
        EXPECT_LE(next, 3U + 1 + 65'536);
        EXPECT_EQ((*writer)->append(numbered_line(next)), next);
    }
    auto writer = Writer::open(options, event_log_.events());
    ASSERT_TRUE(writer) << writer.error().context;
    EXPECT_EQ((*writer)->next_sequence(), next + 1);
}

// Between the manifest that announces a rotation and the rename, where a marker has the name that
// the segment gets. The copy is what a crash leaves.
TEST_F(ManifestTest, ACrashBeforeARenameLeavesTheMarkerListed) {
    file_system_.fails = [this](test::Step step) {
        return renames_fail_ && step == test::Step::rename ? EIO : 0;
    };
    WriterOptions options;
    options.path = path();
    auto opened = Writer::open(options, event_log_.events(), file_system_);
    ASSERT_TRUE(opened) << opened.error().context;
    writer_ = std::move(*opened);
    add(3);
    writer_->rotate();
    add(1);
    writer_->remove_before(4);
    ASSERT_TRUE(test::becomes_true([&] { return fs::exists(path(4)) && !fs::exists(path(1)); }));
    renames_fail_ = true;
    writer_->rotate();
    add(1);
    ASSERT_TRUE(test::becomes_true([&] { return !event_log_.errors().empty(); }));
    const std::string copy = directory_.path("copy");
    fs::create_directory(copy);
    for (const char* name : {"events.log", "events.log.4", "events.log.segments"}) {
        fs::copy(directory_.path(name), copy + '/' + name);
    }
    options.path = copy + "/events.log";
    auto after = Writer::open(options, {});
    ASSERT_TRUE(after) << after.error().context;
    (*after)->rotate();
    EXPECT_EQ((*after)->append(numbered_line(6)), 6U);
    EXPECT_TRUE((*after)->wait_synced(6, 10 * ns_per_s));
    EXPECT_EQ(test::content_of(options.path + ".4"), numbered_lines(4, 5));
    EXPECT_EQ(test::content_of(options.path), numbered_line(6));
}

// A backup of a file whose first line the manifest does not know yet: its lines keep their numbers.
TEST_F(ManifestTest, ARestoredFileKeepsItsNumbers) {
    open();
    add(3);
    const std::string copy = directory_.path("copy");
    fs::create_directory(copy);
    fs::copy(manifest_path(path()), copy + "/events.log.segments");
    fs::copy(path(), copy + "/events.log");
    WriterOptions options;
    options.path = copy + "/events.log";
    auto writer = Writer::open(options, event_log_.events());
    ASSERT_TRUE(writer) << writer.error().context;
    EXPECT_EQ((*writer)->oldest_sequence(), 1U);
    EXPECT_EQ((*writer)->next_sequence(), 4U);
}

}  // namespace
}  // namespace vigil::journal
