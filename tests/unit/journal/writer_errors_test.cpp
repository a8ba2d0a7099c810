// SPDX-License-Identifier: Apache-2.0
// Full or broken disks, and files that users move or change: no synced line is lost or repeated,
// and sequence numbers are never reused.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <vector>

#include "base/clock.h"
#include "journal/writer.h"
#include "support/journal.h"
#include "support/processes.h"

namespace vigil::journal {
namespace {

using test::becomes_true;
using test::content_of;
using test::names_in;
using test::numbered_line;
using test::numbered_lines;
using test::read_numbered;
using test::Step;
using Names = std::vector<std::string>;

constexpr uint64_t long_ns = 10 * ns_per_s;

class WriterErrorsTest : public testing::Test {
 protected:
    std::string path() const { return directory_.path("events.log"); }
    std::string directory() const { return directory_.path(""); }
    WriterOptions options() const {
        WriterOptions options;
        options.path = path();
        return options;
    }
    void open(const WriterOptions& options) {
        writer_.reset();
        auto writer = Writer::open(options, event_log_.events(), file_system_);
        ASSERT_TRUE(writer) << writer.error().context;
        writer_ = std::move(*writer);
    }
    void append(uint64_t count) {
        for (uint64_t i = 0; i < count; i++) {
            const uint64_t next = writer_->next_sequence();
            ASSERT_EQ(writer_->append(numbered_line(next)), next);
        }
    }
    void add(uint64_t count) {
        append(count);
        ASSERT_TRUE(all_synced());
    }
    // Waits without the usual second between two attempts.
    bool all_synced() {
        return becomes_true([&] {
            writer_->remove_before(0);
            return writer_->wait_synced(writer_->next_sequence() - 1, 5 * ns_per_ms);
        });
    }
    void expect_lines(uint64_t first, uint64_t last) const {
        const auto content = read_numbered(path());
        EXPECT_EQ(content.wrong, "");
        EXPECT_EQ(content.first, first);
        EXPECT_EQ(content.last, last);
    }
    // One failure report, then one that everything works again.
    void expect_reported(const std::string& error) const {
        EXPECT_TRUE(becomes_true([&] {
            return event_log_.errors() == Names{error, ""};
        })) << testing::PrintToString(event_log_.errors());
    }
    bool failing() const {
        return becomes_true([&] { return !event_log_.errors().empty(); });  // it may be over again
    }

    // `step` fails the next `times_` times.
    void fail(Step failing, int error) {
        file_system_.fails = [=, this](Step step) {
            return step == failing && times_-- > 0 ? error : 0;
        };
    }

    // Declared before the writer, whose file system uses them until it is destroyed.
    std::atomic<int> times_{0};
    std::atomic<int> skipped_{0};
    test::TempDirectory directory_;
    test::TestFileSystem file_system_;
    test::WriterEventLog event_log_;
    std::unique_ptr<Writer> writer_;
};

TEST_F(WriterErrorsTest, ShortWritesAreFinished) {
    file_system_.written = [](size_t) { return size_t{7}; };
    open(options());
    add(10);
    EXPECT_EQ(content_of(path()), numbered_lines(1, 10));
    EXPECT_EQ(event_log_.errors(), Names{});
}

TEST_F(WriterErrorsTest, KeepsWholeLinesOfAFailedWrite) {
    times_ = 1'000'000;
    skipped_ = 1;
    file_system_.written = [this](size_t size) { return times_ > 0 ? 50 : size; };
    file_system_.fails = [this](Step step) {
        return step == Step::write && skipped_-- <= 0 && times_-- > 0 ? ENOSPC : 0;
    };
    open(options());
    ASSERT_TRUE(writer_->append(numbered_lines(1, 10), 10));
    ASSERT_TRUE(failing());
    EXPECT_EQ(event_log_.synced(), 2U);
    EXPECT_EQ(content_of(path()), numbered_lines(1, 2));  // and no part of the third
    EXPECT_EQ(writer_->pending_bytes(), 160U);
    append(1);
    times_ = 0;
    ASSERT_TRUE(all_synced());
    EXPECT_EQ(content_of(path()), numbered_lines(1, 11));
    expect_reported("writing to '" + path() + "': No space left on device");
}

TEST_F(WriterErrorsTest, RetriesTruncatingATornTail) {
    file_system_.written = [](size_t) { return size_t{30}; };
    file_system_.fails = [=, this](Step step) {
        const bool early = skipped_ < 4;
        if (step == Step::write || step == Step::ftruncate) {
            skipped_++;
        }
        return early && ((step == Step::write && skipped_ > 1) || step == Step::ftruncate) ? EIO
                                                                                           : 0;
    };
    open(options());
    ASSERT_TRUE(writer_->append(numbered_lines(1, 3), 3));
    ASSERT_TRUE(all_synced());
    EXPECT_EQ(content_of(path()), numbered_lines(1, 3));
    EXPECT_GE(skipped_, 4);
}

TEST_F(WriterErrorsTest, TheDestructorDoesNotWaitForAFailingDisk) {
    times_ = 1'000'000;
    fail(Step::write, EIO);
    open(options());
    append(3);
    ASSERT_TRUE(failing());
    const uint64_t begin_ns = boot_now_ns();
    writer_.reset();
    EXPECT_LT(boot_now_ns() - begin_ns, 900 * ns_per_ms);  // no second attempt after a second
    EXPECT_EQ(content_of(path()), "");
    EXPECT_EQ(event_log_.synced(), 0U);
}

TEST_F(WriterErrorsTest, TheDestructorWritesInflightAndPendingLines) {
    times_ = 1'000'000;
    fail(Step::write, EIO);
    open(options());
    append(3);
    ASSERT_TRUE(failing());
    append(3);
    times_ = 0;
    writer_.reset();
    EXPECT_EQ(content_of(path()), numbered_lines(1, 6));
    EXPECT_EQ(event_log_.synced(), 6U);
}

TEST_F(WriterErrorsTest, AnAcknowledgementTriggersARetry) {
    times_ = 1'000'000;
    fail(Step::write, ENOSPC);
    open(options());
    append(1);
    ASSERT_TRUE(failing());
    EXPECT_TRUE(becomes_true([&] {  // without it, ten times as long
        writer_->remove_before(1);
        return times_ < 1'000'000 - 30;
    }));
    EXPECT_EQ(event_log_.errors().size(), 1U);
}

TEST_F(WriterErrorsTest, AfterAFailedSyncTheLinesGoToANewSegment) {
    fail(Step::fdatasync, EIO);
    open(options());
    add(3);
    times_ = 1;
    add(2);
    EXPECT_EQ(names_in(directory()), (Names{"events.log", "events.log.1", "events.log.4"}));
    EXPECT_EQ(content_of(path() + ".1"), numbered_lines(1, 3));  // only the synced lines
    EXPECT_EQ(content_of(path() + ".4"), "");                    // a sequence marker
    EXPECT_EQ(content_of(path()), numbered_lines(4, 5));
    expect_reported("syncing '" + path() + "': Input/output error");
    expect_lines(1, 5);
    open(options());
    EXPECT_EQ(writer_->next_sequence(), 6U);
    add(1);
    expect_lines(1, 6);
}

TEST_F(WriterErrorsTest, AMarkerBoundsASegmentThatCanNotBeTruncated) {
    file_system_.fails = [=, this](Step step) {
        return (step == Step::fdatasync || step == Step::ftruncate) && times_-- > 0 ? EIO : 0;
    };
    open(options());
    add(3);
    times_ = 2;
    add(2);
    EXPECT_EQ(content_of(path() + ".1"), numbered_lines(1, 5));
    EXPECT_EQ(content_of(path()), numbered_lines(4, 5));
    expect_lines(1, 5);
    open(options());
    EXPECT_EQ(writer_->next_sequence(), 6U);
}

TEST_F(WriterErrorsTest, RepeatedSyncFailuresDoNotAccumulateSegments) {
    fail(Step::fdatasync, ENOSPC);
    open(options());
    add(1);
    times_ = 5;  // two in the first cycle, two in the second
    append(2);
    EXPECT_FALSE(writer_->wait_synced(2, ns_per_ms * 100));
    EXPECT_EQ(event_log_.synced(), 1U);
    ASSERT_TRUE(all_synced());
    EXPECT_EQ(names_in(directory()), (Names{"events.log", "events.log.1", "events.log.2"}));
    expect_lines(1, 3);
    expect_reported("syncing '" + path() + "': No space left on device");
}

// Each step of starting a new segment fails once, and again after a reopen.
TEST_F(WriterErrorsTest, StartsANewSegmentAfterAFailureAtAnyStep) {
    uint64_t lines = 0;
    for (const Step failing : {Step::open, Step::rename, Step::fsync_parent}) {
        for (int after = 0; after < 3; after++) {
            skipped_ = 1'000'000;
            times_ = 0;
            file_system_.fails = [=, this](Step step) {
                if (step == Step::fdatasync) {
                    return times_-- > 0 ? EIO : 0;
                }
                if (step == Step::ftruncate) {
                    return EIO;  // only the marker records the number
                }
                return step == failing && skipped_-- == 0 ? EIO : 0;
            };
            open(options());
            ASSERT_EQ(writer_->next_sequence(), lines + 1);
            add(2);
            const uint64_t next = writer_->next_sequence();
            lines += 4;
            skipped_ = after;
            times_ = 1;
            add(2);
            ASSERT_EQ(content_of(path()), numbered_lines(next, next + 1));
            expect_lines(1, next + 1);
        }
    }
}

TEST_F(WriterErrorsTest, AFailedRotationDelaysNoLine) {
    directory_.write("events.log.6", numbered_lines(6, 8));
    directory_.write("events.log", numbered_lines(9, 9));
    auto options = this->options();
    options.segment_bytes = 40;
    open(options);
    directory_.write("events.log.9", "foreign");
    add(5);
    EXPECT_EQ(content_of(path()), numbered_lines(9, 14));
    EXPECT_EQ(content_of(path() + ".9"), "foreign");
    EXPECT_TRUE(failing());
    ASSERT_EQ(::unlink((path() + ".9").c_str()), 0);
    add(1);
    EXPECT_EQ(content_of(path() + ".9"), numbered_lines(9, 14));
    expect_reported("'" + path() +
                    ".9' is in the way of a rotation: move it away; vigil rotates "
                    "its journals by itself, other programs must not");
    expect_lines(6, 15);
}

TEST_F(WriterErrorsTest, RetriesDeletions) {
    times_ = 1;
    fail(Step::unlink, EACCES);
    auto options = this->options();
    options.segment_bytes = 40;
    open(options);
    add(6);
    writer_->remove_before(3);
    ASSERT_TRUE(failing());
    EXPECT_TRUE(becomes_true([&] { return writer_->oldest_sequence() == 3; }));
    expect_reported("deleting '" + path() + ".1': Permission denied");
}

TEST_F(WriterErrorsTest, ADeletedFileIsReplacedAndNumberingContinues) {
    open(options());
    add(3);
    ASSERT_EQ(::unlink(path().c_str()), 0);
    add(2);
    EXPECT_EQ(content_of(path()), numbered_lines(4, 5));
    expect_lines(4, 5);
    ASSERT_TRUE(becomes_true([&] { return event_log_.errors().size() == 2; }));
    EXPECT_NE(event_log_.errors()[0].find("another program: a new file is started"),
              std::string::npos);
    EXPECT_EQ(event_log_.errors()[1], "");
    open(options());
    EXPECT_EQ(writer_->next_sequence(), 6U);
}

TEST_F(WriterErrorsTest, AMovedFileKeepsItsLines) {
    open(options());
    add(3);
    ASSERT_EQ(::rename(path().c_str(), (path() + ".old").c_str()), 0);
    directory_.write("events.log", "");  // as logrotate does
    add(2);
    EXPECT_EQ(content_of(path() + ".old"), numbered_lines(1, 3));
    EXPECT_EQ(content_of(path()), numbered_lines(4, 5));
    expect_lines(4, 5);
}

TEST_F(WriterErrorsTest, AnEmptiedFileIsReplaced) {
    open(options());
    add(3);
    ASSERT_EQ(::truncate(path().c_str(), 0), 0);
    add(2);
    EXPECT_EQ(names_in(directory()), (Names{"events.log", "events.log.4"}));
    expect_lines(4, 5);
    open(options());
    EXPECT_EQ(writer_->next_sequence(), 6U);
}

TEST_F(WriterErrorsTest, ATruncatedFileKeepsItsNumbers) {
    open(options());
    add(3);
    ASSERT_EQ(::truncate(path().c_str(), 25), 0);
    add(2);
    EXPECT_EQ(content_of(path() + ".1"), numbered_line(1) + numbered_line(2).substr(0, 5));
    EXPECT_EQ(content_of(path()), numbered_lines(4, 5));
    open(options());
    EXPECT_EQ(writer_->next_sequence(), 6U);
    EXPECT_EQ(writer_->oldest_sequence(), 1U);
}

TEST_F(WriterErrorsTest, IgnoresForeignAppendedBytes) {
    open(options());
    add(3);
    std::ofstream(path(), std::ios::app) << "hello\n";
    add(2);
    EXPECT_EQ(content_of(path() + ".1"), numbered_lines(1, 3) + "hello\n");
    expect_lines(1, 5);
    open(options());
    EXPECT_EQ(writer_->next_sequence(), 6U);
}

TEST_F(WriterErrorsTest, AForeignFileAtThePathIsQuarantined) {
    open(options());
    add(3);
    ASSERT_EQ(::unlink(path().c_str()), 0);
    directory_.write("events.log", "hello\n");
    add(2);
    EXPECT_EQ(content_of(path() + ".4.foreign"), "hello\n");
    expect_lines(4, 5);
}

TEST_F(WriterErrorsTest, ADirectoryThatIsGoneIsReportedOnce) {
    const std::string gone = directory_.path("logs");
    ASSERT_EQ(::mkdir(gone.c_str(), 0700), 0);
    WriterOptions options = this->options();
    options.path = gone + "/events.log";
    open(options);
    add(1);
    std::filesystem::remove_all(gone);
    append(1);
    ASSERT_TRUE(becomes_true([&] { return event_log_.errors().size() >= 2; }));
    for (int i = 0; i < 5; i++) {
        writer_->remove_before(0);  // tries again
        ::usleep(20'000);
    }
    EXPECT_LE(event_log_.errors().size(), 2U) << testing::PrintToString(event_log_.errors());
    ASSERT_EQ(::mkdir(gone.c_str(), 0700), 0);
    EXPECT_TRUE(all_synced());
}

TEST_F(WriterErrorsTest, ATornLineOfAnAppendOnlyFileIsEnded) {
    directory_.write("events.log", numbered_lines(1, 2) + "torn");
    times_ = 1;
    fail(Step::ftruncate, EPERM);
    open(options());
    EXPECT_EQ(content_of(path()), numbered_lines(1, 2) + "torn\n");
    EXPECT_EQ(writer_->next_sequence(), 4U);
    add(1);
    EXPECT_EQ(content_of(path()), numbered_lines(1, 2) + "torn\n" + numbered_line(4));
}

TEST_F(WriterErrorsTest, AFileSizeLimitIsLikeAFullDisk) {
    open(options());
    rlimit old{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{.rlim_cur = 250, .rlim_max = old.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    append(20);
    const bool event_log = failing();
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
    std::signal(SIGXFSZ, handler);
    ASSERT_TRUE(event_log);
    EXPECT_EQ(event_log_.synced(), 12U);
    EXPECT_TRUE(all_synced());
    EXPECT_EQ(content_of(path()), numbered_lines(1, 20));
    expect_reported("writing to '" + path() + "': File too large");
}

TEST_F(WriterErrorsTest, WritesAgainOnceAFullDiskHasSpace) {
    const std::string mount = directory();
    if (::mount("none", mount.c_str(), "tmpfs", 0, "size=256k") != 0) {
        GTEST_SKIP() << "mounting a tmpfs takes root";
    }
    auto options = this->options();
    options.segment_bytes = 64 << 10;
    options.pending_bytes = 64 << 10;
    open(options);
    const auto fill = [&] {
        while (writer_->append(numbered_line(writer_->next_sequence(), 1000))) {
            if (event_log_.errors().empty()) {
                const uint64_t next = writer_->next_sequence();
                (void)writer_->wait_synced(std::max<uint64_t>(next, 20) - 20, 100 * ns_per_ms);
            }
        }
    };
    fill();
    EXPECT_TRUE(failing());
    const uint64_t synced = event_log_.synced();
    EXPECT_GT(synced, 240U);
    EXPECT_LT(synced, 262U);
    EXPECT_EQ(read_numbered(path()).last, synced);
    EXPECT_EQ(writer_->oldest_sequence(), 1U);  // nothing was removed for lack of space
    // As after an acknowledgement.
    writer_->remove_before(130);
    EXPECT_TRUE(writer_->wait_synced(writer_->next_sequence() - 1, long_ns));
    expect_reported("writing to '" + path() + "': No space left on device");
    const auto content = read_numbered(path());
    EXPECT_EQ(content.wrong, "");
    EXPECT_EQ(content.first, writer_->oldest_sequence());
    EXPECT_EQ(content.last, writer_->next_sequence() - 1);
    writer_.reset();
    EXPECT_EQ(::umount2(mount.c_str(), MNT_DETACH), 0);
}

}  // namespace
}  // namespace vigil::journal
