// SPDX-License-Identifier: Apache-2.0
// With real pipes and files: a line counts as written if the kernel accepted it.
#include "output/nonblocking_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

#include "base/fd.h"
#include "support/processes.h"

namespace vigil::output {
namespace {

constexpr size_t pipe_bytes = 4096;  // the min capacity in Linux
constexpr size_t line_bytes = 100;

using Lines = std::vector<std::string>;

struct Pipe {
    Fd read;
    Fd write;

    Pipe() {
        int ends[2];
        EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        read = Fd(ends[0]);
        write = Fd(ends[1]);
        EXPECT_EQ(::fcntl(write.get(), F_SETPIPE_SZ, pipe_bytes), static_cast<int>(pipe_bytes));
        EXPECT_EQ(::fcntl(read.get(), F_SETFL, O_NONBLOCK), 0);
    }

    std::string drain() const {
        std::string all;
        char some[pipe_bytes];
        for (ssize_t got = 0; (got = ::read(read.get(), some, sizeof some)) > 0;) {
            all.append(some, static_cast<size_t>(got));
        }
        return all;
    }
    // Fills the pipe to the last byte.
    void fill() const {
        const std::string page(pipe_bytes, '.');
        EXPECT_EQ(::write(write.get(), page.data(), page.size()), static_cast<ssize_t>(pipe_bytes));
    }
};

// All output when the reader keeps up.
std::string finish(NonblockingWriter& queue, const Pipe& pipe) {
    std::string all;
    for (int i = 0; i < 1000 && !queue.empty(); i++) {
        EXPECT_TRUE(queue.flush());
        all += pipe.drain();
    }
    EXPECT_TRUE(queue.empty());
    return all;
}

// "7xxx...\n"
std::string line_of(size_t number, size_t size_bytes = line_bytes) {
    std::string line = std::to_string(number);
    line.resize(size_bytes - 1, 'x');
    return line + '\n';
}

std::string lines_of(size_t first, size_t last, size_t size_bytes = line_bytes) {
    std::string text;
    for (size_t i = first; i <= last; i++) {
        text += line_of(i, size_bytes);
    }
    return text;
}

void add(NonblockingWriter& queue, size_t first, size_t last, size_t size_bytes = line_bytes) {
    for (size_t i = first; i <= last; i++) {
        queue.add(line_of(i, size_bytes));
    }
}

std::string content_of(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

Fd appending(const std::string& path) {
    return Fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
}

TEST(NonblockingWriter, WritesInOrder) {
    const Pipe pipe;
    NonblockingWriter queue(pipe.write.get());
    queue.add("a\n");
    queue.add("\n");
    queue.add("c\n");
    EXPECT_EQ(queue.waiting(), 3U);
    EXPECT_EQ(pipe.drain(), "") << "only flush() writes";
    EXPECT_EQ(finish(queue, pipe), "a\n\nc\n");
    EXPECT_EQ(queue.written(), 3U);
    EXPECT_EQ(queue.dropped(), 0U);
    EXPECT_TRUE(queue.flush()) << "nothing left";
    EXPECT_EQ(pipe.drain(), "");
}

TEST(NonblockingWriter, AFullPipeIsNotWaitedFor) {
    const Pipe pipe;
    pipe.fill();
    NonblockingWriter queue(pipe.write.get());
    add(queue, 1, 3);
    EXPECT_TRUE(queue.flush());
    EXPECT_EQ(queue.waiting(), 3U);
    EXPECT_EQ(pipe.drain().size(), pipe_bytes);
    EXPECT_EQ(finish(queue, pipe), lines_of(1, 3));
}

TEST(NonblockingWriter, ASlowReaderGetsAllInOrder) {
    const Pipe pipe;
    NonblockingWriter queue(pipe.write.get());
    add(queue, 1, 1000);
    EXPECT_TRUE(finish(queue, pipe) == lines_of(1, 1000));
    EXPECT_EQ(queue.written(), 1000U);
    EXPECT_EQ(queue.dropped(), 0U);
}

TEST(NonblockingWriter, BeyondItsLimitTheOldestGo) {
    const Pipe pipe;
    pipe.fill();
    NonblockingWriter queue(pipe.write.get(), 10 * line_bytes);
    add(queue, 1, 10);
    EXPECT_EQ(queue.dropped(), 0U) << "as much as fits";
    add(queue, 11, 25);
    EXPECT_EQ(queue.dropped(), 15U);
    EXPECT_EQ(queue.waiting(), 10U);
    pipe.drain();
    EXPECT_EQ(finish(queue, pipe), lines_of(16, 25));
    add(queue, 26, 35);
    EXPECT_EQ(queue.dropped(), 15U) << "there is room again";
}

// A line that exceeds the pipe's capacity is written partly.
TEST(NonblockingWriter, AHalfWrittenLineIsFinished) {
    const Pipe pipe;
    NonblockingWriter queue(pipe.write.get(), 10'000);
    queue.add(line_of(1, 6000));
    EXPECT_TRUE(queue.flush());
    EXPECT_EQ(queue.written(), 0U);
    add(queue, 2, 3, 3000);
    EXPECT_EQ(queue.dropped(), 1U) << "2 is older than 3, and 1 can't be taken back";
    EXPECT_EQ(queue.waiting(), 2U);
    const std::string begin = pipe.drain();
    EXPECT_EQ(begin.size(), pipe_bytes);
    EXPECT_TRUE(begin + finish(queue, pipe) == line_of(1, 6000) + line_of(3, 3000));
    EXPECT_EQ(queue.written(), 2U);
}

TEST(NonblockingWriter, AHalfWrittenLineMayBeLongerThanTheLimit) {
    const Pipe pipe;
    NonblockingWriter queue(pipe.write.get(), 6000);
    queue.add(line_of(1, 6000));
    EXPECT_TRUE(queue.flush());
    queue.add("second\n");
    EXPECT_EQ(queue.dropped(), 1U);
    EXPECT_EQ(pipe.drain(), line_of(1, 6000).substr(0, pipe_bytes));
    EXPECT_EQ(finish(queue, pipe), line_of(1, 6000).substr(pipe_bytes));
}

TEST(NonblockingWriter, ALineLongerThanTheLimitIsWrittenAtOnceOrDropped) {
    const Pipe pipe;
    pipe.fill();
    NonblockingWriter queue(pipe.write.get(), 1000);
    queue.add(line_of(1, 1001));
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(queue.dropped(), 1U);
    pipe.drain();
    queue.add(line_of(2, 1001));
    EXPECT_EQ(pipe.drain(), line_of(2, 1001));
    EXPECT_EQ(queue.written(), 1U);
    queue.add(line_of(3, 1000));
    EXPECT_EQ(queue.waiting(), 1U);
    EXPECT_EQ(finish(queue, pipe), line_of(3, 1000));
    EXPECT_EQ(queue.dropped(), 1U);
}

TEST(NonblockingWriter, BeforeItDropsAnythingItWritesWhatItCan) {
    const test::TempDirectory directory;
    const Fd file = appending(directory.path("log"));
    NonblockingWriter queue(file.get(), 10 * line_bytes);
    add(queue, 1, 1000);
    EXPECT_EQ(queue.dropped(), 0U);
    EXPECT_TRUE(queue.flush());
    EXPECT_TRUE(content_of(directory.path("log")) == lines_of(1, 1000));
}

TEST(NonblockingWriter, AReaderThatIsGoneMayShowWhileAdding) {
    Pipe pipe;
    pipe.read.reset();
    NonblockingWriter queue(pipe.write.get(), 10 * line_bytes);
    add(queue, 1, 20);
    EXPECT_TRUE(queue.closed());
    EXPECT_EQ(queue.dropped(), 20U);
    EXPECT_TRUE(queue.empty());
}

TEST(NonblockingWriter, AReaderThatIsGoneClosesIt) {
    Pipe pipe;
    pipe.read.reset();
    NonblockingWriter queue(pipe.write.get());
    add(queue, 1, 3);
    EXPECT_FALSE(queue.closed());
    EXPECT_TRUE(queue.flush()) << "no error";
    EXPECT_TRUE(queue.closed());
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(queue.dropped(), 3U);
    add(queue, 4, 5);
    EXPECT_EQ(queue.dropped(), 5U);
    EXPECT_TRUE(queue.empty());
    EXPECT_TRUE(queue.flush());
    EXPECT_EQ(queue.written(), 0U);
}

// Like a log that is a named pipe, reopened on SIGHUP.
TEST(NonblockingWriter, ANewReaderAfterOneThatLeftInTheMiddleOfALine) {
    Pipe pipe;
    NonblockingWriter queue(pipe.write.get());
    queue.add(line_of(1, 6000));
    EXPECT_TRUE(queue.flush());
    pipe.read.reset();
    EXPECT_TRUE(queue.flush());
    EXPECT_TRUE(queue.closed());
    const Pipe next;
    queue.set_fd(next.write.get());
    EXPECT_FALSE(queue.closed());
    EXPECT_EQ(queue.dropped(), 1U);
    add(queue, 2, 3);
    EXPECT_EQ(finish(queue, next), lines_of(2, 3));
    EXPECT_EQ(queue.dropped(), 1U);
}

TEST(NonblockingWriter, NothingIsLostOnAFullDisk) {
    const test::TempDirectory directory;
    const Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    ASSERT_TRUE(full);
    NonblockingWriter queue(full.get());
    add(queue, 1, 3);
    for (int i = 0; i < 3; i++) {
        const auto failed = queue.flush();
        ASSERT_FALSE(failed);
        EXPECT_EQ(failed.error().context, "No space left on device");
        EXPECT_FALSE(queue.closed());
    }
    const Fd file = appending(directory.path("log"));
    queue.set_fd(file.get());
    add(queue, 4, 4);
    EXPECT_TRUE(queue.flush());
    EXPECT_EQ(content_of(directory.path("log")), lines_of(1, 4));
    EXPECT_EQ(queue.written(), 4U);
    EXPECT_EQ(queue.dropped(), 0U);
}

TEST(NonblockingWriter, ANewFileGetsWholeLinesOnly) {
    const test::TempDirectory directory;
    const Pipe pipe;
    NonblockingWriter queue(pipe.write.get());
    queue.add(line_of(1, 6000));
    add(queue, 2, 3);
    EXPECT_TRUE(queue.flush());
    const Fd file = appending(directory.path("log"));
    queue.set_fd(file.get());
    EXPECT_TRUE(queue.flush());
    EXPECT_EQ(content_of(directory.path("log")), lines_of(2, 3));
    EXPECT_EQ(queue.written(), 2U);
    EXPECT_EQ(queue.dropped(), 1U) << "the one whose first half is elsewhere";
}

// A file with a size limit accepts part of a line, then fails.
TEST(NonblockingWriter, ATornLineIsFinishedWhenThereIsRoomAgain) {
    const test::TempDirectory directory;
    const Fd file = appending(directory.path("log"));
    rlimit old{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
    const rlimit small{.rlim_cur = 250, .rlim_max = old.rlim_max};
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    NonblockingWriter queue(file.get());
    add(queue, 1, 4);
    const auto failed = queue.flush();
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
    std::signal(SIGXFSZ, handler);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().context, "File too large");
    EXPECT_EQ(queue.written(), 2U);
    EXPECT_EQ(content_of(directory.path("log")).size(), 250U);
    EXPECT_TRUE(queue.flush());
    EXPECT_EQ(content_of(directory.path("log")), lines_of(1, 4));
    EXPECT_EQ(queue.dropped(), 0U);
}

TEST(NonblockingWriter, APlainFileTakesALongLineAtOnce) {
    const test::TempDirectory directory;
    const Fd file = appending(directory.path("log"));
    NonblockingWriter queue(file.get());
    add(queue, 1, 3, 100'000);
    EXPECT_TRUE(queue.flush());
    EXPECT_TRUE(queue.empty());
    EXPECT_TRUE(content_of(directory.path("log")) == lines_of(1, 3, 100'000));
}

TEST(NonblockingWriter, ANonBlockingDescriptorIsNoError) {
    const Pipe pipe;
    ASSERT_EQ(::fcntl(pipe.write.get(), F_SETFL, O_NONBLOCK), 0);
    NonblockingWriter queue(pipe.write.get());
    add(queue, 1, 100);
    EXPECT_TRUE(queue.flush());
    EXPECT_FALSE(queue.empty());
    const std::string begin = pipe.drain();
    EXPECT_EQ(begin + finish(queue, pipe), lines_of(1, 100));
}

}  // namespace
}  // namespace vigil::output
