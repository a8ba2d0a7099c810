// SPDX-License-Identifier: Apache-2.0
// On a pseudo-terminal, and on other files.
#include "output/status_terminal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>

#include "base/fd.h"
#include "support/processes.h"

namespace vigil::output {
namespace {

constexpr const char* erase = "\r\x1b[K";

class Terminal {
 public:
    Terminal() {
        int master = -1;
        int slave = -1;
        EXPECT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
        master_ = Fd(master);
        slave_ = Fd(slave);
        EXPECT_EQ(::fcntl(master, F_SETFL, O_NONBLOCK), 0);
        set_columns(40);
    }

    int fd() const { return slave_.get(); }
    void set_columns(unsigned short columns) const {
        const winsize size{.ws_row = 25, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
        EXPECT_EQ(::ioctl(slave_.get(), TIOCSWINSZ, &size), 0);
    }
    // Output is not translated.
    void set_raw() const {
        termios raw{};
        ::cfmakeraw(&raw);
        EXPECT_EQ(::tcsetattr(slave_.get(), TCSANOW, &raw), 0);
    }
    // Reads some of the pending output.
    std::string read_some() const {
        char some[4096];
        const ssize_t got = ::read(master_.get(), some, sizeof some);
        return {some, static_cast<size_t>(std::max<ssize_t>(got, 0))};
    }
    void hang_up() { master_.reset(); }

    // Output since the last call, up to a mark written here.
    std::string seen() const {
        constexpr char mark = '\x04';
        EXPECT_EQ(::write(slave_.get(), &mark, 1), 1);
        std::string text;
        while (text.empty() || text.back() != mark) {
            pollfd poll{master_.get(), POLLIN, 0};
            if (::poll(&poll, 1, 10'000) <= 0) {
                ADD_FAILURE() << "the mark does not arrive";
                return text;
            }
            text += read_some();
        }
        text.pop_back();
        return text;
    }

 private:
    Fd master_, slave_;
};

class StatusTerminalTest : public ::testing::Test {
 protected:
    StatusTerminalTest() { terminal_.set_raw(); }

    // Output for this status.
    std::string output_of(std::string status) {
        status_terminal_.set_status(std::move(status));
        return flushed();
    }
    std::string flushed() {
        EXPECT_TRUE(status_terminal_.flush());
        return terminal_.seen();
    }

    Terminal terminal_;
    StatusTerminal status_terminal_{terminal_.fd(), true};
};

TEST_F(StatusTerminalTest, ShowsAndReplacesTheStatus) {
    EXPECT_TRUE(status_terminal_.has_status());
    EXPECT_EQ(flushed(), "") << "none yet";
    EXPECT_EQ(output_of("12 processes"), std::string(erase) + "12 processes");
    EXPECT_EQ(flushed(), "") << "unchanged";
    EXPECT_EQ(output_of("12 processes"), "");
    EXPECT_EQ(output_of("13 processes"), std::string(erase) + "13 processes");
    EXPECT_EQ(output_of(""), erase);
}

TEST_F(StatusTerminalTest, RedrawsTheStatusBelowNewLines) {
    output_of("status");
    status_terminal_.add("first\n");
    status_terminal_.add("second\n");
    EXPECT_EQ(terminal_.seen(), "") << "only flush() writes";
    EXPECT_EQ(flushed(), std::string(erase) + "first\nsecond\n" + erase + "status");
    status_terminal_.add("third\n");
    EXPECT_EQ(output_of("new"), std::string(erase) + "third\n" + erase + "new");
}

TEST_F(StatusTerminalTest, ErasesNothingBeforeTheFirstStatus) {
    status_terminal_.add("line\n");
    EXPECT_EQ(flushed(), "line\n");
    EXPECT_EQ(output_of("status"), std::string(erase) + "status");
}

TEST_F(StatusTerminalTest, TruncatesTheStatusToTheWidth) {
    const std::string status = "0123456789";
    terminal_.set_columns(5);
    EXPECT_EQ(output_of(status), std::string(erase) + "012…") << "the last column would wrap";
    terminal_.set_columns(10);
    EXPECT_EQ(flushed(), std::string(erase) + "01234567…");
    terminal_.set_columns(11);
    EXPECT_EQ(flushed(), std::string(erase) + status);
    terminal_.set_columns(1);
    EXPECT_EQ(flushed(), erase);
}

TEST_F(StatusTerminalTest, AssumesEightyColumnsIfUnknown) {
    terminal_.set_columns(0);
    EXPECT_EQ(output_of(std::string(200, 'x')), erase + std::string(78, 'x') + "…");
}

// A line that wraps would leave half a status line above it.
TEST_F(StatusTerminalTest, TruncatesLinesAboveAStatus) {
    status_terminal_.add(std::string(40, 'x') + '\n');
    EXPECT_EQ(flushed(), std::string(40, 'x') + '\n');
    status_terminal_.add(std::string(41, 'x') + '\n');
    EXPECT_EQ(flushed(), std::string(39, 'x') + "…\n");
    StatusTerminal without_status(terminal_.fd(), false);
    without_status.add(std::string(41, 'x') + '\n');
    EXPECT_TRUE(without_status.flush());
    EXPECT_EQ(terminal_.seen(), std::string(41, 'x') + '\n');
}

TEST_F(StatusTerminalTest, ClearsTheStatusForOtherOutput) {
    status_terminal_.clear_status();
    EXPECT_EQ(terminal_.seen(), "") << "there is no status line";
    output_of("status");
    status_terminal_.clear_status();
    EXPECT_EQ(terminal_.seen(), erase);
    status_terminal_.clear_status();
    EXPECT_EQ(terminal_.seen(), "");
    EXPECT_EQ(flushed(), std::string(erase) + "status");
}

TEST_F(StatusTerminalTest, NoStatusIfNotRequested) {
    StatusTerminal screen(terminal_.fd(), false);
    EXPECT_FALSE(screen.has_status());
    screen.set_status("status");
    screen.add("line\n");
    EXPECT_TRUE(screen.flush());
    screen.clear_status();
    EXPECT_EQ(terminal_.seen(), "line\n");
}

TEST_F(StatusTerminalTest, ReportsAClosedTerminal) {
    terminal_.hang_up();
    status_terminal_.add("line\n");
    const auto flushed = status_terminal_.flush();
    ASSERT_FALSE(flushed);
    EXPECT_EQ(flushed.error().context, "Input/output error");
}

// A terminal that hangs: it is not read, and full.
TEST(StatusTerminal, DoesNotBlockOnAStalledTerminal) {
    const Terminal terminal;
    StatusTerminal screen(terminal.fd(), false);
    std::string expected;
    for (int i = 0; i < 2000; i++) {
        const std::string line = std::to_string(i) + std::string(100, 'x');
        expected += line + "\r\n";  // as a terminal prints it
        screen.add(line + '\n');
        EXPECT_TRUE(screen.flush());
    }
    std::string seen;
    EXPECT_TRUE(test::becomes_true([&] {
        EXPECT_TRUE(screen.flush());
        seen += terminal.read_some();
        return seen.size() >= expected.size();
    }));
    EXPECT_TRUE(seen == expected);
    EXPECT_EQ(screen.dropped(), 0U);
    EXPECT_EQ(::fcntl(terminal.fd(), F_GETFL) & O_NONBLOCK, 0) << "that is the caller's";
}

TEST(StatusTerminal, HasNoStatusWithoutATerminal) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    const Fd read(ends[0]);
    const Fd write(ends[1]);
    StatusTerminal screen(write.get(), true);
    EXPECT_FALSE(screen.has_status());
    screen.set_status("status");
    EXPECT_TRUE(screen.flush());
    screen.add("line\n");
    EXPECT_TRUE(screen.flush());
    screen.clear_status();
    char seen[100];
    EXPECT_EQ(std::string(seen, static_cast<size_t>(::read(read.get(), seen, sizeof seen))),
              "line\n");
}

TEST(StatusTerminal, ClosesWhenTheReaderIsGone) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    Fd read(ends[0]);
    const Fd write(ends[1]);
    read.reset();
    StatusTerminal screen(write.get(), true);
    screen.add("line\n");
    EXPECT_TRUE(screen.flush());
    EXPECT_TRUE(screen.closed());
    EXPECT_EQ(screen.dropped(), 1U);
}

}  // namespace
}  // namespace vigil::output
