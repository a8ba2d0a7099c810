// SPDX-License-Identifier: Apache-2.0
#include "history/rows.h"

#include <algorithm>

#include "history/gaps.h"
#include "history/made.h"
#include "history/moment.h"
#include "support/printable.h"

namespace vigil::history {
namespace {

Found found(const Made& made) { return {read(made), made.line()}; }

std::string table(const std::vector<Found>& deaths, size_t columns = 0, bool colour = false) {
    return rows(deaths, {.now_unix_ns = evening_ns, .columns = columns, .colour = colour});
}

std::vector<Found> some() {
    Made killed = full();
    killed.death.exit.status = 9;
    Made oom = signalled(9, model::SignalSource::oom);
    oom.death.cause = model::Cause::oom;
    oom.death.unit = "db.service";
    Made pipe = signalled(13, model::SignalSource::kernel);
    Made core = signalled(11, model::SignalSource::fault);
    core.death.exit.status |= 0x80;
    Made failed;
    failed.death.exit.status = 3 << 8;
    failed.event.process.pid = 7;
    return {found(killed), found(oom), found(pipe), found(core), found(failed), found(Made())};
}

TEST(Rows, Aligned) {
    // clang-format off
    EXPECT_EQ(table(some()),
R"(TIME       PID  NAME   USER      ENDED              LIVED         CPU   PEAK   DISK  NETWORK  BY, UNIT
22:33:49  4242  nginx  www-data  SIGSEGV            1.2 s       10 ms  12 MB  12 KB   3.4 GB  by kill (993, root), nginx.service
22:33:49  4242  nginx  1000      OOM killer    2 h 13 min  4 min 12 s      -      -        -  db.service
22:33:49  4242  nginx  1000      SIGPIPE       2 h 13 min  4 min 12 s      -      -        -  by kernel
22:33:49  4242  nginx  1000      SIGSEGV core  2 h 13 min  4 min 12 s      -      -        -  by fault
22:33:49     7  nginx  1000      exit 3        2 h 13 min  4 min 12 s      -      -        -
22:33:49  4242  nginx  1000      exit 0        2 h 13 min  4 min 12 s      -      -        -
)");
    // clang-format on
}

TEST(Rows, FitTheTerminal) {
    std::string text = table(some(), 60);
    EXPECT_EQ(text.substr(0, text.find('\n')),
              "TIME       PID  NAME   USER      ENDED              LIVED  …");
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 7);
}

TEST(Rows, OfAnotherDaySayWhich) {
    Made yesterday;
    yesterday.event.unix_ns -= 86'400 * second_ns;
    const std::string text = table({found(Made()), found(yesterday)});
    EXPECT_NE(text.find("\n22:33:49             4242  nginx"), std::string::npos) << text;
    EXPECT_NE(text.find("\n2026-11-19 22:33:49  4242  nginx"), std::string::npos) << text;
}

TEST(Rows, Colours) {
    const std::string text = table(some(), 0, true);
    EXPECT_NE(text.find("\x1b[31mOOM killer\x1b[0m"), std::string::npos) << text;
    EXPECT_NE(text.find("\x1b[33mexit 3\x1b[0m"), std::string::npos) << text;
    EXPECT_NE(text.find("  exit 0 "), std::string::npos) << text;
    EXPECT_EQ(text.rfind("\x1b[2mTIME\x1b[0m", 0), 0U) << text;
    EXPECT_EQ(table(some(), 0, false).find('\x1b'), std::string::npos);
}

TEST(Rows, ForeignBytesArePrintableAndCut) {
    Made made = full();
    const std::string bytes = "\x1b[31m\n\xff\xe2\x80\xae" + std::string(500, 'u');
    made.event.process.comm = made.death.killer->comm = test::comm(bytes);
    made.death.user = made.death.unit = made.death.killer->user = bytes;
    std::string text = table({found(made)}, 200);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
    text.erase(std::remove(text.begin(), text.end(), '\n'), text.end());
    EXPECT_EQ(test::unprintable(text, false), "") << text;
    EXPECT_LT(text.size(), 500U);
}

TEST(Moment, WithADateWhereItIsNotToday) {
    const int64_t now = evening_ns + 5000 * second_ns;  // 23:57:09
    EXPECT_EQ(moment(evening_ns, now), "22:33:49");
    EXPECT_EQ(moment(evening_ns, now + 200 * second_ns), "2026-11-20 22:33:49");
    EXPECT_EQ(at_moment(evening_ns, now), "at 22:33:49");
    EXPECT_EQ(at_moment(evening_ns, 0), "on 2026-11-20 at 22:33:49");
    EXPECT_EQ(moment(-1, evening_ns), "1969-12-31 23:59:59");
    EXPECT_EQ(moment(INT64_MIN, INT64_MIN), "00:12:43");
    EXPECT_EQ(moment(INT64_MAX, 0), "2262-04-11 23:47:16");
}

TEST(Moment, Spans) {
    const auto of = [](int64_t from, int64_t to, int64_t now = 0) {
        return span(evening_ns + from * second_ns, evening_ns + to * second_ns,
                    evening_ns + now * second_ns);
    };
    EXPECT_EQ(of(0, 0), "22:33:49");
    EXPECT_EQ(of(0, 1), "22:33:49–50");
    EXPECT_EQ(of(0, 11), "22:33:49–22:34:00");
    EXPECT_EQ(of(0, 7200), "22:33:49–2026-11-21 00:33:49");
    EXPECT_EQ(of(0, 7200, 7200), "2026-11-20 22:33:49–00:33:49");
    EXPECT_EQ(of(-86'400, -86'399), "2026-11-19 22:33:49–50");
}

Receipt loss(int64_t second, uint64_t count, std::optional<model::Kind> kind = model::Kind::exit) {
    Receipt receipt;
    receipt.lost_kind = kind;
    receipt.count = count;
    receipt.from_unix_ns = evening_ns + second * second_ns;
    receipt.to_unix_ns = receipt.from_unix_ns + second_ns;
    return receipt;
}

TEST(Gaps, EachIsTold) {
    Receipt unobserved = loss(60, 0);
    unobserved.unobserved = true;
    unobserved.to_unix_ns += 100 * second_ns;
    Receipt rebooted = unobserved;
    rebooted.rebooted = true;
    EXPECT_EQ(gaps_text({}, evening_ns), "");
    EXPECT_EQ(gaps_text({loss(1, 37), loss(0, 1), loss(0, 2, model::Kind::oom),
                         loss(0, 3, std::nullopt), unobserved, rebooted},
                        evening_ns),
              "37 exits unknown, 22:33:50–51\n"
              "1 exit unknown, 22:33:49–50\n"
              "2 OOM kills unknown, 22:33:49–50\n"
              "3 events unknown, 22:33:49–50\n"
              "nobody watched, 22:34:49–22:36:30\n"
              "nobody watched, 22:34:49–22:36:30 (the machine started anew)\n");
}

TEST(Gaps, ManyAreSummedUp) {
    std::vector<Receipt> receipts;
    for (int i = 0; i < 5; i++) {
        receipts.push_back(loss(-10 * i, 100));
        receipts.push_back(loss(-10 * i, 0));
        receipts.back().unobserved = true;
    }
    receipts.push_back(loss(0, UINT64_MAX));
    EXPECT_EQ(gaps_text(receipts, evening_ns),
              "18446744073709551615 exits unknown, in 6 gaps, 22:33:09–50\n"
              "nobody watched for 5.0 s in all, in 5 gaps, 22:33:09–50\n");
}

}  // namespace
}  // namespace vigil::history
