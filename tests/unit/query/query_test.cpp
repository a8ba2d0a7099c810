// SPDX-License-Identifier: Apache-2.0
#include "query/query.h"

#include <filesystem>
#include <random>
#include <set>

#include "query/death_builder.h"
#include "support/json.h"
#include "support/processes.h"

namespace vigil::query {
namespace {

using namespace std::string_view_literals;

// Deaths at intervals of one second, identified by their pids.
DeathBuilder death_at(int64_t second, uint32_t pid) {
    DeathBuilder builder;
    builder.event.unix_ns = evening_ns + second * second_ns;
    builder.event.process.pid = pid;
    return builder;
}

std::string deaths(std::initializer_list<std::pair<int64_t, uint32_t>> seconds_and_pids) {
    std::string text;
    for (const auto& [second, pid] : seconds_and_pids) {
        text += death_at(second, pid).line();
    }
    return text;
}

std::vector<uint32_t> pids_of(const QueryResult& result) {
    std::vector<uint32_t> pids;
    for (const Match& match : result.deaths) {
        pids.push_back(*match.record.pid);
    }
    return pids;
}

using Pids = std::vector<uint32_t>;

class QueryTest : public ::testing::Test {
 protected:
    // Matches in one journal.
    Pids query_pids(const std::string& content, const Query& query) {
        return pids_of(run_query({directory_.write("x.log", content)}, query));
    }
    Pids query_pids(const std::string& content, const DeathFilter& filter) {
        return query_pids(content, Query{.filter = filter});
    }

    const test::TempDirectory directory_;
};

TEST_F(QueryTest, MergesJournalsNewestFirst) {
    directory_.write("a.log.1", deaths({{1, 101}, {4, 104}}));
    const std::string a = directory_.write("a.log", deaths({{5, 105}, {9, 109}}));
    const std::string b = directory_.write("b.log", deaths({{2, 102}, {3, 103}, {6, 106}}));
    const std::string none = directory_.path("none/c.log");
    Query query;
    EXPECT_EQ(pids_of(run_query({a, b, none}, query)), (Pids{109, 106, 105, 104, 103, 102, 101}));
    EXPECT_EQ(pids_of(run_query({b, none, a}, query)), (Pids{109, 106, 105, 104, 103, 102, 101}));
    query.max_deaths = 3;
    const QueryResult result = run_query({a, b}, query);
    EXPECT_EQ(pids_of(result), (Pids{109, 106, 105}));
    EXPECT_EQ(result.oldest_unix_ns, evening_ns + 5 * second_ns) << "no more than needed was read";
    query.max_deaths = 0;
    EXPECT_EQ(pids_of(run_query({a, b}, query)), Pids());
    EXPECT_EQ(pids_of(run_query({}, Query{})), Pids());
}

TEST_F(QueryTest, StopsWhenTheCallbackReturnsFalse) {
    const std::string path = directory_.write("x.log", deaths({{1, 101}, {2, 102}, {3, 103}}));
    for (const Order order : {Order::newest, Order::memory}) {
        Pids got;
        const QueryResult result =
            run_query({path}, Query{.filter = {}, .order = order}, [&](const Match& match) {
                got.push_back(*match.record.pid);
                return got.size() < 2;
            });
        EXPECT_EQ(got, (Pids{103, 102}));
        EXPECT_TRUE(result.deaths.empty());
    }
}

TEST_F(QueryTest, DeduplicatesADeathFromTwoAgents) {
    DeathBuilder other = death_at(5, 105);
    other.event.unix_ns += 900'000;
    DeathBuilder reused = death_at(5, 105);
    reused.event.process.start_ns++;
    const std::string a = directory_.write("a.log", deaths({{1, 101}, {5, 105}}));
    const std::string b = directory_.write("b.log", other.line() + reused.line());
    EXPECT_EQ(pids_of(run_query({a, b}, Query{})), (Pids{105, 105, 101}));
    for (const Order order : {Order::cpu, Order::lifetime}) {
        EXPECT_EQ(pids_of(run_query({a, b}, Query{.filter = {}, .order = order})).size(), 3U);
    }
    // Another boot.
    EXPECT_EQ(query_pids(deaths({{1, 101}, {5, 101}}), Query{}), (Pids{101, 101}));
    // Lines that were written to the next segment a second time.
    directory_.write("c.log.1", deaths({{1, 101}, {2, 102}, {3, 103}}));
    const std::string c = directory_.write("c.log", deaths({{2, 102}, {3, 103}, {4, 104}}));
    EXPECT_EQ(pids_of(run_query({c}, Query{})), (Pids{104, 103, 102, 101}));
}

TEST_F(QueryTest, TimesAreInclusive) {
    const std::string content = deaths({{1, 101}, {2, 102}, {3, 103}, {4, 104}});
    DeathFilter filter;
    filter.since_unix_ns = evening_ns + 2 * second_ns;
    EXPECT_EQ(query_pids(content, filter), (Pids{104, 103, 102}));
    filter.until_unix_ns = evening_ns + 3 * second_ns;
    EXPECT_EQ(query_pids(content, filter), (Pids{103, 102}));
    filter.since_unix_ns++;
    filter.until_unix_ns--;
    EXPECT_EQ(query_pids(content, filter), Pids());
}

// A clock that was wrong for a while hides nothing; many consecutive old lines end the search.
TEST_F(QueryTest, ToleratesUnorderedLines) {
    DeathFilter filter;
    filter.since_unix_ns = evening_ns;
    const std::string content = deaths({{5, 105}, {-1000, 99}, {-999, 98}, {7, 107}});
    EXPECT_EQ(query_pids(content, filter), (Pids{107, 105}));
    std::string old;
    for (int i = 0; i < 9'999; i++) {
        old += death_at(-1000, 99).line();
    }
    const std::string first = death_at(5, 105).line();
    const std::string last = death_at(7, 107).line();
    EXPECT_EQ(query_pids(first + old + last, filter), (Pids{107, 105}));
    EXPECT_EQ(query_pids(first + old + deaths({{-1000, 99}}) + last, filter), Pids{107});
}

// A death of a boot, some seconds after its start, recorded while its wall clock was `ahead`.
DeathBuilder death_in(std::string_view boot, int64_t second, int64_t ahead, uint32_t pid) {
    DeathBuilder builder = death_at(second + ahead, pid);
    builder.death.boot_id = boot;
    builder.event.boot_ns = static_cast<uint64_t>(second * second_ns);
    return builder;
}

constexpr std::string_view this_boot = "1c5ad7d2-0f3c-4b53-8a53-0d6a27a0b0f0";
constexpr std::string_view other_boot = "00000000-0f3c-4b53-8a53-0d6a27a0b0f0";
constexpr int64_t hour = 3600;

// The clock was an hour ahead, then right, then three hours behind: it was set twice.
class ClockWasSet : public QueryTest {
 protected:
    Pids pids(Query query) { return pids_of(run_query({a_, b_}, query)); }

    const std::string a_ = directory_.write(
        "a.log", death_in(this_boot, 100, hour, 1).line() + death_in(this_boot, 300, 0, 3).line() +
                     death_in(this_boot, 500, -3 * hour, 5).line());
    const std::string b_ = directory_.write(
        "b.log", death_in(this_boot, 200, hour, 2).line() + death_in(this_boot, 400, 0, 4).line() +
                     death_in(this_boot, 600, -3 * hour, 6).line());
    static Query at_right_clock(size_t max_deaths = 50) {
        Query query;
        query.max_deaths = max_deaths;
        query.clock =
            BootClock{.boot_id = std::string(this_boot), .unix_minus_boot_ns = evening_ns};
        return query;
    }
};

TEST_F(ClockWasSet, MergedJournalsAreInTheOrderOfTheBoot) {
    EXPECT_EQ(pids(at_right_clock()), (Pids{6, 5, 4, 3, 2, 1}));
    EXPECT_EQ(pids(Query{}), (Pids{6, 5, 4, 3, 2, 1})) << "read on another machine, or later";
    EXPECT_EQ(pids(at_right_clock(3)), (Pids{6, 5, 4}));
}

TEST_F(ClockWasSet, BoundsAreTimesOfThePresentClock) {
    Query query = at_right_clock();
    query.filter.since_unix_ns = evening_ns + 200 * second_ns;
    query.filter.until_unix_ns = evening_ns + 500 * second_ns;
    EXPECT_EQ(pids(query), (Pids{5, 4, 3, 2}));
    for (const Match& match : run_query({a_, b_}, query).deaths) {
        EXPECT_EQ(match.unix_ns, evening_ns + *match.record.pid * 100 * second_ns);
    }
    // The clock is set to the next day: all of this boot was then, too.
    query.clock->unix_minus_boot_ns += 24 * hour * second_ns;
    EXPECT_EQ(pids(query), Pids());
    query.filter.since_unix_ns += 24 * hour * second_ns;
    query.filter.until_unix_ns += 24 * hour * second_ns;
    EXPECT_EQ(pids(query), (Pids{5, 4, 3, 2}));
}

TEST_F(ClockWasSet, RecordsKeepTheirTimes) {
    const QueryResult result = run_query({a_}, at_right_clock());
    ASSERT_EQ(result.deaths.size(), 3U);
    EXPECT_EQ(result.deaths[2].record.unix_ns, evening_ns + (100 + hour) * second_ns);
    EXPECT_EQ(result.deaths[2].record.boot_id, this_boot);
    EXPECT_EQ(result.deaths[2].record.boot_ns, 100 * second_ns);
}

// Of another boot only the wall clock is known; lines of older versions have no boot at all.
TEST_F(ClockWasSet, OtherBootsLieWhereTheirOwnClockSays) {
    const std::string c = directory_.write(
        "c.log", death_in(other_boot, 900, -2000, 90).line() +
                     death_in(other_boot, 1000, -2000, 91).line() + death_at(350, 92).line());
    const Query query = at_right_clock();
    EXPECT_EQ(pids_of(run_query({a_, b_, c}, query)), (Pids{6, 5, 4, 92, 3, 2, 1, 91, 90}));
    EXPECT_EQ(pids_of(run_query({c, b_, a_}, query)), (Pids{6, 5, 4, 92, 3, 2, 1, 91, 90}));
}

// The clock was set between the last lines of two journals: the newer one decides, in any order.
TEST_F(ClockWasSet, TheNewestLineDecidesWhereAnEarlierBootLies) {
    const std::string c = directory_.write("c.log", death_in(other_boot, 500, -2000, 1).line());
    const std::string d = directory_.write("d.log", death_in(other_boot, 600, 0, 2).line());
    for (const auto& journals : {std::vector{c, d}, std::vector{d, c}}) {
        const QueryResult result = run_query(journals, Query{});
        ASSERT_EQ(pids_of(result), (Pids{2, 1}));
        EXPECT_EQ(result.deaths[0].unix_ns, evening_ns + 600 * second_ns);
        EXPECT_EQ(result.deaths[1].unix_ns, evening_ns + 500 * second_ns);
    }
}

// A gap lies between its neighbours.
TEST_F(ClockWasSet, GapsAreShiftedWithTheDeaths) {
    model::Event loss = test::event(
        model::Kind::loss, model::Loss{.kind = model::Kind::exit,
                                       .count = 3,
                                       .from_unix_ns = evening_ns + (450 - 3 * hour) * second_ns,
                                       .to_unix_ns = evening_ns + (460 - 3 * hour) * second_ns,
                                       .stage = model::LossStage::ring});
    loss.unix_ns = evening_ns + (460 - 3 * hour) * second_ns;
    std::string line;
    format::make_json_formatter("box")->append(line, loss);
    const std::string d =
        directory_.write("d.log", death_in(this_boot, 440, 0, 44).line() + line +
                                      death_in(this_boot, 470, -3 * hour, 47).line());
    Query query = at_right_clock();
    query.filter.since_unix_ns = evening_ns + 430 * second_ns;
    const QueryResult result = run_query({a_, b_, d}, query);
    EXPECT_EQ(pids_of(result), (Pids{6, 5, 47, 44}));
    ASSERT_EQ(result.gaps.size(), 1U);
    EXPECT_EQ(result.gaps[0].count, 3U);
    query.filter.since_unix_ns = evening_ns + 480 * second_ns;
    EXPECT_TRUE(run_query({a_, b_, d}, query).gaps.empty());
}

// Bytes of a damaged line name any boot and any time.
TEST_F(ClockWasSet, ForeignBootsAreBounded) {
    std::string content;
    for (int i = 0; i < 5000; i++) {
        const std::string boot = std::to_string(i) + "\"boot_ns\":7";
        content += death_in(boot, i, 0, static_cast<uint32_t>(i) + 1).line();
    }
    const Query query = at_right_clock(10'000);
    EXPECT_EQ(query_pids(content, query).size(), 5000U);
    DeathBuilder huge = death_in(this_boot, 0, 0, 7);
    huge.event.boot_ns = UINT64_MAX;
    EXPECT_EQ(query_pids(huge.line(), query), Pids{7});
}

TEST_F(QueryTest, Names) {
    const auto named = [](uint32_t pid, std::string_view comm,
                          std::optional<std::string_view> executable) {
        DeathBuilder builder = death_at(pid, pid);
        builder.event.process.comm = test::comm(comm);
        builder.death.executable = executable;
        if (comm == "python3") {
            builder.death.argv = "python3\0-u\0/opt/backup.py\0--now\0"sv;
        }
        return builder.line();
    };
    const std::string content = named(1, "nginx", "nginx") + named(2, "nginx-worker", "nginx") +
                                named(3, "python3", "python3.11") +
                                named(4, "a[b]\n\"\\", std::nullopt) +
                                named(5, "0123456789abcde", "/opt/0123456789abcdef-long") +
                                named(6, "kworker/0:1", std::nullopt) + named(7, "é\xff", "bash");
    const auto query_for = [&](const std::string& name) {
        DeathFilter filter;
        filter.name = name;
        return query_pids(content, filter);
    };
    EXPECT_EQ(query_for("nginx"), (Pids{2, 1}));
    EXPECT_EQ(query_for("nginx-worker"), Pids{2});
    EXPECT_EQ(query_for("ngin"), Pids());
    EXPECT_EQ(query_for("Nginx"), Pids());
    EXPECT_EQ(query_for("ngin*"), (Pids{2, 1}));
    EXPECT_EQ(query_for("python3.1?"), Pids{3});
    EXPECT_EQ(query_for("*[45].11"), Pids());
    EXPECT_EQ(query_for("*3.[0-9][0-9]"), Pids{3});
    EXPECT_EQ(query_for("a\\[b]\n\"\\\\"), Pids{4});
    EXPECT_EQ(query_for("a?b*\"*"), Pids{4});
    EXPECT_EQ(query_for("0123456789abcdef-long"), Pids{5});
    EXPECT_EQ(query_for("0123456789abcdefghi"), Pids{5}) << "the kernel keeps 15 bytes";
    EXPECT_EQ(query_for("0123456789abcd"), Pids());
    EXPECT_EQ(query_for("kworker/0:1"), Pids{6});
    EXPECT_EQ(query_for("k*1"), Pids{6});
    EXPECT_EQ(query_for("é\xff"), Pids{7});
    EXPECT_EQ(query_for("é*"), Pids{7});
    EXPECT_EQ(query_for("backup.py"), Pids{3}) << "the interpreter's script";
    EXPECT_EQ(query_for("/opt/backup.py"), Pids{3});
    EXPECT_EQ(query_for("/opt/0123456789abcdef-long"), Pids{5});
    EXPECT_EQ(query_for("/opt/*"), (Pids{5, 3}));
    EXPECT_EQ(query_for("/srv/backup.py"), Pids());
    EXPECT_EQ(query_for("kworker/0:*"), Pids{6});
    EXPECT_EQ(query_for("a[b]\n\"\\"), Pids{4}) << "the literal name first";
    EXPECT_EQ(query_for("?\xff"), Pids{7}) << "a character, not a byte";
    EXPECT_EQ(query_for("*"), (Pids{7, 6, 5, 4, 3, 2, 1}));
}

TEST_F(QueryTest, PidsUsersUnits) {
    DeathBuilder web = death_at(1, 11);
    web.event.process.uid = 33;
    web.death.user = "www-data";
    web.death.unit = "nginx.service";
    DeathBuilder mail = death_at(2, 12);
    mail.event.process.uid = 1000;
    mail.death.user = "33";  // a uid without a name
    mail.death.unit = "user@33.scope";
    // A parent's pid does not match.
    DeathBuilder victim = death_at(3, 111);
    victim.event.process.ppid = 11;
    victim.death.killer = killer();
    victim.death.killer->pid = 11;
    victim.death.user = "daemon";
    const std::string content = web.line() + mail.line() + victim.line();
    const auto query_for = [&](auto member, const auto& value) {
        DeathFilter filter;
        filter.*member = value;
        return query_pids(content, filter);
    };
    EXPECT_EQ(query_for(&DeathFilter::pid, 11U), Pids{11});
    EXPECT_EQ(query_for(&DeathFilter::pid, 1U), Pids());
    EXPECT_EQ(query_for(&DeathFilter::user, "www-data"), Pids{11});
    EXPECT_EQ(query_for(&DeathFilter::user, "33"), (Pids{12, 11}));
    EXPECT_EQ(query_for(&DeathFilter::user, "www"), Pids());
    EXPECT_EQ(query_for(&DeathFilter::unit, "nginx.service"), Pids{11});
    EXPECT_EQ(query_for(&DeathFilter::unit, "nginx"), Pids{11});
    EXPECT_EQ(query_for(&DeathFilter::unit, "user@*"), Pids{12});
    EXPECT_EQ(query_for(&DeathFilter::unit, "*"), (Pids{12, 11}));
    EXPECT_EQ(query_for(&DeathFilter::unit, "user@33"), Pids());
}

// Its escapes are part of the name; vigil prints them with two backslashes.
TEST_F(QueryTest, UnitsWithEscapesOfSystemd) {
    DeathBuilder job = death_at(1, 11);
    job.death.unit = "job\\x2d1.service";
    DeathBuilder other = death_at(2, 12);
    other.death.unit = "jobx2d1.service";
    const std::string content = job.line() + other.line();
    for (const char* unit : {"job\\x2d1.service", "job\\x2d1", "job\\x2d*", "job\\\\x2d*",
                             "job\\\\x2d1.service", "job\\\\x2d1"}) {
        DeathFilter filter;
        filter.unit = unit;
        EXPECT_EQ(query_pids(content, filter), Pids{11}) << unit;
    }
}

TEST_F(QueryTest, Causes) {
    DeathBuilder clean = death_at(1, 1);
    DeathBuilder failed = death_at(2, 2);
    failed.death.exit.status = 3 << 8;
    DeathBuilder killed = signalled(9, model::SignalSource::user);
    killed.event.process.pid = 3;
    DeathBuilder oom = signalled(9, model::SignalSource::oom);
    oom.event.process.pid = 4;
    oom.death.cause = model::Cause::oom;
    oom.event.unix_ns++;
    const std::string content = killed.line() + oom.line() + clean.line() + failed.line();
    DeathFilter filter;
    EXPECT_TRUE(includes_clean_exits(filter));
    filter.cause = model::Cause::signal;
    EXPECT_FALSE(includes_clean_exits(filter));
    EXPECT_EQ(query_pids(content, filter), Pids{3});
    filter.cause = model::Cause::oom;
    EXPECT_FALSE(includes_clean_exits(filter));
    EXPECT_EQ(query_pids(content, filter), Pids{4});
    filter.cause = model::Cause::exit;
    EXPECT_TRUE(includes_clean_exits(filter));
    EXPECT_EQ(query_pids(content, filter), (Pids{2, 1}));
    filter.abnormal = true;
    EXPECT_FALSE(includes_clean_exits(filter));
    EXPECT_EQ(query_pids(content, filter), Pids{2});
    filter.cause.reset();
    EXPECT_EQ(query_pids(content, filter), (Pids{2, 4, 3}));
}

TEST_F(QueryTest, SortsLargestFirst) {
    std::string content;
    for (uint32_t pid = 1; pid <= 9; pid++) {
        DeathBuilder builder = death_at(pid, pid);
        builder.death.exit.cpu_ns = 1000 + pid * 7 % 9;
        builder.death.exit.peak_rss_bytes = 5000 - pid;
        builder.death.exit.read_bytes = 10 * pid;
        builder.death.exit.write_bytes = pid == 4 ? 1000 : 0;
        if (pid > 2) {
            builder.death.exit.sent_bytes = pid;
        }
        if (pid > 7) {
            builder.death.exit.received_bytes = pid == 8 ? 1'000'000 : 0;
        }
        builder.death.exit.lifetime_ns = pid % 3;
        content += builder.line();
    }
    const auto sorted_pids = [&](Order order, size_t max_deaths) {
        return query_pids(content, Query{.filter = {}, .order = order, .max_deaths = max_deaths});
    };
    EXPECT_EQ(sorted_pids(Order::cpu, 4), (Pids{5, 1, 6, 2}));
    EXPECT_EQ(sorted_pids(Order::memory, 3), (Pids{1, 2, 3}));
    EXPECT_EQ(sorted_pids(Order::disk, 3), (Pids{4, 9, 8}));
    EXPECT_EQ(sorted_pids(Order::network, 3), (Pids{8, 9, 7}));
    EXPECT_EQ(sorted_pids(Order::network, 50), (Pids{8, 9, 7, 6, 5, 4, 3, 2, 1}))
        << "unknown: last";
    EXPECT_EQ(sorted_pids(Order::lifetime, 4), (Pids{8, 5, 2, 7}))
        << "the newer of equal ones first";
}

TEST_F(QueryTest, ReportsCoverageGaps) {
    const auto loss = [](int64_t from, int64_t to, uint64_t count) {
        model::Event event = test::loss_event();
        event.unix_ns = evening_ns + to * second_ns;
        event.body = model::Loss{.kind = model::Kind::exit,
                                 .count = count,
                                 .from_unix_ns = evening_ns + from * second_ns,
                                 .to_unix_ns = event.unix_ns};
        std::string line;
        format::make_json_formatter("box")->append(line, event);
        return line;
    };
    const std::string content = loss(10, 20, 1) + deaths({{21, 1}}) + loss(25, 28, 2) +
                                deaths({{30, 2}}) + loss(40, 50, 3) + loss(40, 50, 3);
    const std::string path = directory_.write("x.log", content);
    const auto counts = [&](int64_t since, int64_t until, size_t max_deaths = 50) {
        Query query;
        query.filter.since_unix_ns = evening_ns + since * second_ns;
        query.filter.until_unix_ns = evening_ns + until * second_ns;
        query.filter.name = "nothing is called so";
        query.max_deaths = max_deaths;
        std::vector<uint64_t> found;
        for (const CoverageGap& gap : run_query({path}, query).gaps) {
            found.push_back(gap.count);
        }
        return found;
    };
    using Counts = std::vector<uint64_t>;
    EXPECT_EQ(counts(0, 100), (Counts{3, 2, 1}));
    EXPECT_EQ(counts(20, 24), Counts{1});
    EXPECT_EQ(counts(21, 24), Counts());
    EXPECT_EQ(counts(45, 46), Counts{3});
    const QueryResult result =
        run_query({path}, Query{.filter = {}, .order = Order::newest, .max_deaths = 1});
    ASSERT_EQ(result.gaps.size(), 1U) << "gaps older than the last listed death are omitted";
    EXPECT_EQ(result.gaps[0].count, 3U);
}

TEST_F(QueryTest, SkipsDamagedAndForeignLines) {
    const std::string line = death_at(1, 1).line();
    std::string malformed = line;
    malformed.replace(malformed.find("\"pid\":1,"), 8, "\"pid\":1 1");
    const std::string content = "\n\nfoo\n" + line.substr(0, 200) + '\n' + malformed +
                                std::string(2 << 20, '{') + "\n" + deaths({{2, 2}}) +
                                "{\"time\":\"2026-11-20T22:33:49.123456Z\",\"kind\":\"fork\"}\n" +
                                line.substr(0, 99);
    EXPECT_EQ(query_pids(content, Query{}), Pids{2});
    const QueryResult result = run_query({directory_.path("x.log")}, Query{});
    EXPECT_EQ(result.deaths[0].line + '\n', death_at(2, 2).line());
    EXPECT_TRUE(result.errors.empty());
}

TEST_F(QueryTest, ReportsUnreadableJournals) {
    const std::string good = directory_.write("good.log", deaths({{1, 1}}));
    std::filesystem::create_symlink("loop", directory_.path("loop"));  // can't be opened
    const QueryResult result = run_query({directory_.path("loop/bad.log"), good}, Query{});
    EXPECT_EQ(pids_of(result), Pids{1});
    EXPECT_EQ(result.errors,
              std::vector<std::string>{"opening '" + directory_.path("loop/bad.log.segments") +
                                       "': Too many levels of symbolic links"});
}

// The line filter never drops a match.
TEST_F(QueryTest, LineFilterDropsNoMatch) {
    std::mt19937 engine(7);
    const auto any = [&](uint32_t below) { return static_cast<uint32_t>(engine() % below); };
    const std::vector<std::string> words{"nginx", "bash", "a\"b", "x\\y", "\x1b[1m", "é",  "\xff",
                                         "*",     "sh",   "1",    "",     "root",    "a b"};
    const auto word = [&] { return words[any(static_cast<uint32_t>(words.size()))]; };
    std::vector<DeathBuilder> all;
    std::vector<std::string> kept;
    kept.reserve(10'000);
    const auto keep = [&](std::string text) -> std::string_view {
        return kept.emplace_back(std::move(text));
    };
    std::string content;
    for (uint32_t i = 0; i < 400; i++) {
        DeathBuilder builder = any(3) == 0 ? full() : death_at(i, any(5) + 1);
        builder.event.unix_ns = evening_ns + i * second_ns;
        builder.event.process.start_ns = i;
        builder.event.process.comm = test::comm(word() + word());
        builder.event.process.uid = any(3);
        builder.death.user = keep(word());
        builder.death.executable = keep(word());
        builder.death.unit = keep(word() + ".service");
        builder.death.exit.cpu_ns = any(50);
        builder.death.exit.status = any(2) << 8;
        content += builder.line();
    }
    const std::string path = directory_.write("x.log", content);
    const QueryResult everything =
        run_query({path}, Query{.filter = {}, .order = {}, .max_deaths = 10'000});
    ASSERT_EQ(everything.deaths.size(), 400U);
    size_t matched = 0;
    for (int i = 0; i < 150; i++) {
        Query query;
        query.max_deaths = 10'000;
        DeathFilter& filter = query.filter;
        const auto maybe = [&] { return any(3) == 0; };
        filter.since_unix_ns = maybe() ? evening_ns + any(400) * second_ns : INT64_MIN;
        filter.until_unix_ns = maybe() ? evening_ns + any(400) * second_ns : INT64_MAX;
        filter.name = maybe() ? std::optional(word() + word()) : std::nullopt;
        filter.user = maybe() ? std::optional(word()) : std::nullopt;
        filter.unit = maybe() ? std::optional(word() + '*') : std::nullopt;
        filter.abnormal = maybe();
        if (maybe()) {
            filter.pid = any(5) + 1;
        }
        if (maybe()) {
            filter.cause = any(2) == 0 ? model::Cause::exit : model::Cause::signal;
        }
        std::multiset<uint64_t> expected;
        for (const Match& match : everything.deaths) {
            if (matches(match.record, filter, match.unix_ns)) {
                expected.insert(*match.record.start_ns);
            }
        }
        std::multiset<uint64_t> found;
        query.order = maybe() ? Order::cpu : Order::newest;
        for (const Match& match : run_query({path}, query).deaths) {
            found.insert(*match.record.start_ns);
        }
        ASSERT_EQ(found, expected) << i;
        matched += found.size();
    }
    EXPECT_GT(matched, 100U);
}

}  // namespace
}  // namespace vigil::query
