// SPDX-License-Identifier: Apache-2.0
// With real pipes and files: an event counts as delivered if the kernel accepted it.
#include "output/buffered_output.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <functional>
#include <thread>

#include "base/fd.h"

namespace vigil::output {
namespace {

using model::Kind;

constexpr size_t pipe_bytes = 4096;  // the min capacity in Linux

struct Pipe {
    Fd read;
    Fd write;

    explicit Pipe(int flags = 0) {
        int ends[2];
        EXPECT_EQ(::pipe2(ends, flags | O_CLOEXEC), 0);
        read = Fd(ends[0]);
        write = Fd(ends[1]);
    }
    // So that it fills quickly.
    void shrink() const {
        EXPECT_EQ(::fcntl(write.get(), F_SETPIPE_SZ, pipe_bytes), static_cast<int>(pipe_bytes));
    }
};

void add(BufferedOutput& output, Kind kind, size_t size_bytes) {
    output.buffer().append(size_bytes, 'x');
    output.end_event(kind);
}

uint64_t sum(const KindCounts& counts) {
    uint64_t total = 0;
    for (const uint64_t count : counts) {
        total += count;
    }
    return total;
}

std::string read_some(const Fd& fd, size_t most) {
    std::string bytes(most, '\0');
    const ssize_t got = ::read(fd.get(), bytes.data(), most);
    bytes.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return bytes;
}

TEST(BufferedOutput, WritesAllAndCountsByKind) {
    const Pipe pipe;
    BufferedOutput output(pipe.write.get());
    output.buffer() += "head\n";  // belongs to no event
    output.buffer() += "a\n";
    output.end_event(Kind::fork);
    output.buffer() += "b\n";
    output.end_event(Kind::exit);
    output.end_event(Kind::exit);  // a formatter may omit an event
    EXPECT_EQ(sum(output.delivered()), 0U) << "nothing is written yet";
    ASSERT_TRUE(output.flush());
    EXPECT_EQ(read_some(pipe.read, 100), "head\na\nb\n");
    EXPECT_EQ(output.delivered()[VIGIL_FORK], 1U);
    EXPECT_EQ(output.delivered()[VIGIL_EXIT], 2U);
    EXPECT_EQ(sum(output.undelivered()), 0U);
    EXPECT_FALSE(output.closed());
    EXPECT_TRUE(output.buffer().empty());
    ASSERT_TRUE(output.flush());
    EXPECT_EQ(sum(output.delivered()), 3U) << "counted once";
}

TEST(BufferedOutput, AReaderThatIsGoneIsNoError) {
    Pipe pipe;
    pipe.read.reset();
    BufferedOutput output(pipe.write.get());
    add(output, Kind::fork, 10);
    add(output, Kind::exec, 10);
    EXPECT_TRUE(output.flush());
    EXPECT_TRUE(output.closed());
    EXPECT_EQ(sum(output.delivered()), 0U);
    EXPECT_EQ(output.undelivered()[VIGIL_FORK], 1U);
    EXPECT_EQ(output.undelivered()[VIGIL_EXEC], 1U);
    add(output, Kind::oom, 10);
    EXPECT_TRUE(output.flush());
    EXPECT_EQ(output.undelivered()[VIGIL_OOM], 1U) << "and from now on";
}

// A reader that empties the pipe some times and then closes it. It acts when the writer waits for
// it, so the bytes that the kernel accepted are known exactly.
struct PassingReader {
    Pipe& pipe;
    int rounds;
    size_t read_bytes = 0;
    size_t left_bytes = 0;

    bool operator()(uint64_t) {
        if (rounds-- > 0) {
            read_bytes += read_some(pipe.read, 1 << 16).size();
            return true;
        }
        int waiting = 0;
        ::ioctl(pipe.read.get(), FIONREAD, &waiting);
        left_bytes = static_cast<size_t>(waiting);
        pipe.read.reset();
        return true;
    }
};

TEST(BufferedOutput, CountsExactlyTheEventsWhoseLastByteWasWritten) {
    constexpr size_t events = 200;
    for (const size_t event_bytes : {size_t{100}, size_t{512}, size_t{1024}, size_t{333}}) {
        for (const int rounds : {0, 1, 3}) {
            Pipe pipe;
            pipe.shrink();
            BufferedOutput output(pipe.write.get());
            PassingReader reader{pipe, rounds};
            output.set_stall_handler(std::ref(reader));
            for (size_t i = 0; i < events; i++) {
                add(output, Kind::signal, event_bytes);
            }
            EXPECT_TRUE(output.flush());
            EXPECT_TRUE(output.closed());
            const size_t written = reader.read_bytes + reader.left_bytes;
            EXPECT_GT(written, 0U);
            EXPECT_EQ(output.delivered()[VIGIL_SIGNAL], written / event_bytes)
                << event_bytes << ' ' << rounds;
            EXPECT_EQ(sum(output.delivered()) + sum(output.undelivered()), events);
        }
    }
}

TEST(BufferedOutput, ItGivesUpOnAFullPipeWhenTheHandlerSaysSo) {
    Pipe pipe;
    pipe.shrink();
    BufferedOutput output(pipe.write.get());
    int stall_calls = 0;
    output.set_stall_handler([&](uint64_t) { return ++stall_calls < 3; });
    for (int i = 0; i < 100; i++) {
        add(output, Kind::fork, 100);
    }
    EXPECT_TRUE(output.flush());
    EXPECT_EQ(stall_calls, 3);
    EXPECT_TRUE(output.closed());
    EXPECT_EQ(output.delivered()[VIGIL_FORK], pipe_bytes / 100);
    EXPECT_EQ(output.undelivered()[VIGIL_FORK], 100 - pipe_bytes / 100);
    EXPECT_EQ(read_some(pipe.read, 1 << 16).size(), pipe_bytes);
}

TEST(BufferedOutput, ASlowReaderGetsEverything) {
    for (const int flags : {0, O_NONBLOCK}) {
        Pipe pipe(flags);
        pipe.shrink();
        BufferedOutput output(pipe.write.get());
        std::string expected;
        for (int i = 0; i < 3000; i++) {
            const std::string line = std::to_string(i) + '\n';
            expected += line;
            output.buffer() += line;
            output.end_event(Kind::exit);
        }
        std::string received;
        std::thread reader([&] {
            while (received.size() < expected.size()) {
                received += read_some(pipe.read, 1000);
            }
        });
        EXPECT_TRUE(output.flush());
        reader.join();
        EXPECT_EQ(received, expected);
        EXPECT_EQ(output.delivered()[VIGIL_EXIT], 3000U);
        EXPECT_FALSE(output.closed());
    }
}

TEST(BufferedOutput, ASocketWorksToo) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    const Fd writer(ends[0]);
    Fd reader(ends[1]);
    BufferedOutput output(writer.get());
    add(output, Kind::fork, 10);
    EXPECT_TRUE(output.flush());
    EXPECT_EQ(read_some(reader, 100), "xxxxxxxxxx");
    reader.reset();
    add(output, Kind::fork, 10);
    EXPECT_TRUE(output.flush());
    EXPECT_EQ(output.delivered()[VIGIL_FORK], 1U);
    EXPECT_EQ(output.undelivered()[VIGIL_FORK], 1U);
}

TEST(BufferedOutput, APlainFileTakesMoreThanAPipe) {
    char name[] = "/tmp/vigil_output_test_XXXXXX";
    const Fd file(::mkstemp(name));
    ASSERT_TRUE(file);
    ::unlink(name);
    BufferedOutput output(file.get());
    add(output, Kind::fork, 300'000);
    EXPECT_TRUE(output.flush());
    EXPECT_EQ(::lseek(file.get(), 0, SEEK_END), 300'000);
    EXPECT_EQ(output.delivered()[VIGIL_FORK], 1U);
}

TEST(BufferedOutput, AFullDiskIsAnErrorOnce) {
    const Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    ASSERT_TRUE(full);
    BufferedOutput output(full.get());
    add(output, Kind::fork, 10);
    const auto failed = output.flush();
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::failed);
    EXPECT_EQ(failed.error().context, "writing the output: No space left on device");
    EXPECT_TRUE(output.closed());
    EXPECT_EQ(output.undelivered()[VIGIL_FORK], 1U);
    add(output, Kind::exec, 10);
    EXPECT_TRUE(output.flush()) << "reported already";
    EXPECT_EQ(output.undelivered()[VIGIL_EXEC], 1U);
    EXPECT_EQ(sum(output.delivered()), 0U);
}

TEST(BufferedOutput, AFileThatFillsUpHasTakenTheFirstEvents) {
    char name[] = "/tmp/vigil_output_test_XXXXXX";
    const Fd file(::mkstemp(name));
    ASSERT_TRUE(file);
    ::unlink(name);
    rlimit old{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
    const rlimit small{.rlim_cur = 250, .rlim_max = old.rlim_max};
    std::signal(SIGXFSZ, SIG_IGN);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    BufferedOutput output(file.get());
    for (int i = 0; i < 5; i++) {
        add(output, Kind::fork, 100);
    }
    const auto failed = output.flush();
    ::setrlimit(RLIMIT_FSIZE, &old);
    EXPECT_FALSE(failed);
    EXPECT_EQ(output.delivered()[VIGIL_FORK], 2U);
    EXPECT_EQ(output.undelivered()[VIGIL_FORK], 3U);
}

TEST(BufferedOutput, ADescriptorThatIsNoneIsAnError) {
    BufferedOutput output(987);
    add(output, Kind::fork, 10);
    EXPECT_FALSE(output.flush());
    EXPECT_EQ(output.undelivered()[VIGIL_FORK], 1U);
}

}  // namespace
}  // namespace vigil::output
