// SPDX-License-Identifier: Apache-2.0
#include "format/death_table.h"

#include <algorithm>

#include "format/coverage_gaps.h"
#include "format/time.h"
#include "query/death_builder.h"
#include "support/printable.h"

namespace vigil::format {
namespace {

query::Match found(const query::DeathBuilder& builder) {
    return {query::read(builder), builder.line()};
}

std::string table(const std::vector<query::Match>& deaths, size_t columns = 0,
                  bool use_color = false) {
    return death_table(
        deaths, {.now_unix_ns = query::evening_ns, .columns = columns, .use_color = use_color});
}

std::vector<query::Match> some() {
    query::DeathBuilder killed = query::full();
    killed.death.exit.status = 9;
    query::DeathBuilder oom = query::signalled(9, model::SignalSource::oom);
    oom.death.cause = model::Cause::oom;
    oom.death.unit = "db.service";
    query::DeathBuilder pipe = query::signalled(13, model::SignalSource::kernel);
    query::DeathBuilder core = query::signalled(11, model::SignalSource::fault);
    core.death.exit.status |= 0x80;
    query::DeathBuilder failed;
    failed.death.exit.status = 3 << 8;
    failed.event.process.pid = 7;
    return {found(killed), found(oom),    found(pipe),
            found(core),   found(failed), found(query::DeathBuilder())};
}

TEST(DeathTable, AlignsColumns) {
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

TEST(DeathTable, FitsTheTerminal) {
    std::string text = table(some(), 60);
    EXPECT_EQ(text.substr(0, text.find('\n')),
              "TIME       PID  NAME   USER      ENDED              LIVED  …");
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 7);
}

TEST(DeathTable, ShowsTheDateOfAnotherDay) {
    query::DeathBuilder yesterday;
    yesterday.event.unix_ns -= 86'400 * query::second_ns;
    const std::string text = table({found(query::DeathBuilder()), found(yesterday)});
    EXPECT_NE(text.find("\n22:33:49             4242  nginx"), std::string::npos) << text;
    EXPECT_NE(text.find("\n2026-11-19 22:33:49  4242  nginx"), std::string::npos) << text;
}

TEST(DeathTable, Colors) {
    const std::string text = table(some(), 0, true);
    EXPECT_NE(text.find("\x1b[31mOOM killer\x1b[0m"), std::string::npos) << text;
    EXPECT_NE(text.find("\x1b[33mexit 3\x1b[0m"), std::string::npos) << text;
    EXPECT_NE(text.find("  exit 0 "), std::string::npos) << text;
    EXPECT_EQ(text.rfind("\x1b[2mTIME\x1b[0m", 0), 0U) << text;
    EXPECT_EQ(table(some(), 0, false).find('\x1b'), std::string::npos);
}

TEST(DeathTable, EscapesAndTruncatesUntrustedBytes) {
    query::DeathBuilder builder = query::full();
    const std::string bytes = "\x1b[31m\n\xff\xe2\x80\xae" + std::string(500, 'u');
    builder.event.process.comm = builder.death.killer->comm = test::comm(bytes);
    builder.death.user = builder.death.unit = builder.death.killer->user = bytes;
    std::string text = table({found(builder)}, 200);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
    text.erase(std::remove(text.begin(), text.end(), '\n'), text.end());
    EXPECT_EQ(test::unprintable(text, false), "") << text;
    EXPECT_LT(text.size(), 500U);
}

TEST(FormatTime, ShowsTheDateIfNotToday) {
    const int64_t now = query::evening_ns + 5000 * query::second_ns;  // 23:57:09
    EXPECT_EQ(format_time(query::evening_ns, now), "22:33:49");
    EXPECT_EQ(format_time(query::evening_ns, now + 200 * query::second_ns), "2026-11-20 22:33:49");
    EXPECT_EQ(format_at_time(query::evening_ns, now), "at 22:33:49");
    EXPECT_EQ(format_at_time(query::evening_ns, 0), "on 2026-11-20 at 22:33:49");
    EXPECT_EQ(format_time(-1, query::evening_ns), "1969-12-31 23:59:59");
    EXPECT_EQ(format_time(INT64_MIN, INT64_MIN), "00:12:43");
    EXPECT_EQ(format_time(INT64_MAX, 0), "2262-04-11 23:47:16");
}

TEST(FormatTime, Ranges) {
    const auto of = [](int64_t from, int64_t to, int64_t now = 0) {
        return format_range(query::evening_ns + from * query::second_ns,
                            query::evening_ns + to * query::second_ns,
                            query::evening_ns + now * query::second_ns);
    };
    EXPECT_EQ(of(0, 0), "22:33:49");
    EXPECT_EQ(of(0, 1), "22:33:49–50");
    EXPECT_EQ(of(0, 11), "22:33:49–22:34:00");
    EXPECT_EQ(of(0, 7200), "22:33:49–2026-11-21 00:33:49");
    EXPECT_EQ(of(0, 7200, 7200), "2026-11-20 22:33:49–00:33:49");
    EXPECT_EQ(of(-86'400, -86'399), "2026-11-19 22:33:49–50");
}

query::CoverageGap loss(int64_t second, uint64_t count,
                        std::optional<model::Kind> kind = model::Kind::exit) {
    query::CoverageGap gap;
    gap.lost_kind = kind;
    gap.count = count;
    gap.from_unix_ns = query::evening_ns + second * query::second_ns;
    gap.to_unix_ns = gap.from_unix_ns + query::second_ns;
    return gap;
}

TEST(CoverageGaps, ListsEach) {
    query::CoverageGap unobserved = loss(60, 0);
    unobserved.unobserved = true;
    unobserved.to_unix_ns += 100 * query::second_ns;
    query::CoverageGap rebooted = unobserved;
    rebooted.rebooted = true;
    EXPECT_EQ(format_coverage_gaps({}, query::evening_ns), "");
    EXPECT_EQ(format_coverage_gaps({loss(1, 37), loss(0, 1), loss(0, 2, model::Kind::oom),
                                    loss(0, 3, std::nullopt), unobserved, rebooted},
                                   query::evening_ns),
              "37 exits unknown, 22:33:50–51\n"
              "1 exit unknown, 22:33:49–50\n"
              "2 OOM kills unknown, 22:33:49–50\n"
              "3 events unknown, 22:33:49–50\n"
              "not monitored, 22:34:49–22:36:30\n"
              "not monitored, 22:34:49–22:36:30 (the machine was rebooted)\n");
}

TEST(CoverageGaps, SumsUpMany) {
    std::vector<query::CoverageGap> gaps;
    for (int i = 0; i < 5; i++) {
        gaps.push_back(loss(-10 * i, 100));
        gaps.push_back(loss(-10 * i, 0));
        gaps.back().unobserved = true;
    }
    gaps.push_back(loss(0, UINT64_MAX));
    EXPECT_EQ(format_coverage_gaps(gaps, query::evening_ns),
              "18446744073709551615 exits unknown, in 6 gaps, 22:33:09–50\n"
              "not monitored for 5.0 s in all, in 5 gaps, 22:33:09–50\n");
}

}  // namespace
}  // namespace vigil::format
