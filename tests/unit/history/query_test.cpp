// SPDX-License-Identifier: Apache-2.0
#include "history/query.h"

#include <filesystem>
#include <random>
#include <set>

#include "history/made.h"
#include "support/json.h"
#include "support/processes.h"

namespace vigil::history {
namespace {

using namespace std::string_view_literals;

// Deaths one second after another, told by their pids.
Made death_at(int64_t second, uint32_t pid) {
    Made made;
    made.event.unix_ns = evening_ns + second * second_ns;
    made.event.process.pid = pid;
    return made;
}

std::string deaths(std::initializer_list<std::pair<int64_t, uint32_t>> seconds_and_pids) {
    std::string text;
    for (const auto& [second, pid] : seconds_and_pids) {
        text += death_at(second, pid).line();
    }
    return text;
}

std::vector<uint32_t> pids_of(const Answer& answer) {
    std::vector<uint32_t> pids;
    for (const Found& found : answer.deaths) {
        pids.push_back(*found.certificate.pid);
    }
    return pids;
}

using Pids = std::vector<uint32_t>;

class QueryTest : public ::testing::Test {
 protected:
    // What matches of one journal.
    Pids ask_of(const std::string& content, const Query& query) {
        return pids_of(ask({folder_.write("x.log", content)}, query));
    }
    Pids ask_of(const std::string& content, const Conditions& conditions) {
        return ask_of(content, Query{.conditions = conditions});
    }

    const test::Folder folder_;
};

TEST_F(QueryTest, JournalsAreMergedNewestFirst) {
    folder_.write("a.log.1", deaths({{1, 101}, {4, 104}}));
    const std::string a = folder_.write("a.log", deaths({{5, 105}, {9, 109}}));
    const std::string b = folder_.write("b.log", deaths({{2, 102}, {3, 103}, {6, 106}}));
    const std::string none = folder_.path("none/c.log");
    Query query;
    EXPECT_EQ(pids_of(ask({a, b, none}, query)), (Pids{109, 106, 105, 104, 103, 102, 101}));
    EXPECT_EQ(pids_of(ask({b, none, a}, query)), (Pids{109, 106, 105, 104, 103, 102, 101}));
    query.most = 3;
    const Answer answer = ask({a, b}, query);
    EXPECT_EQ(pids_of(answer), (Pids{109, 106, 105}));
    EXPECT_EQ(answer.oldest_unix_ns, evening_ns + 5 * second_ns) << "no more than needed was read";
    query.most = 0;
    EXPECT_EQ(pids_of(ask({a, b}, query)), Pids());
    EXPECT_EQ(pids_of(ask({}, Query{})), Pids());
}

TEST_F(QueryTest, WhoHasEnoughGetsNoMore) {
    const std::string path = folder_.write("x.log", deaths({{1, 101}, {2, 102}, {3, 103}}));
    for (const Order order : {Order::newest, Order::memory}) {
        Pids got;
        const Answer answer =
            ask({path}, Query{.conditions = {}, .order = order}, [&](const Found& found) {
                got.push_back(*found.certificate.pid);
                return got.size() < 2;
            });
        EXPECT_EQ(got, (Pids{103, 102}));
        EXPECT_TRUE(answer.deaths.empty());
    }
}

TEST_F(QueryTest, OneDeathThatTwoAgentsTellComesOnce) {
    Made other = death_at(5, 105);
    other.event.unix_ns += 900'000;
    Made reused = death_at(5, 105);
    reused.event.process.start_ns++;
    const std::string a = folder_.write("a.log", deaths({{1, 101}, {5, 105}}));
    const std::string b = folder_.write("b.log", other.line() + reused.line());
    EXPECT_EQ(pids_of(ask({a, b}, Query{})), (Pids{105, 105, 101}));
    for (const Order order : {Order::cpu, Order::lifetime}) {
        EXPECT_EQ(pids_of(ask({a, b}, Query{.conditions = {}, .order = order})).size(), 3U);
    }
    // Another boot.
    EXPECT_EQ(ask_of(deaths({{1, 101}, {5, 101}}), Query{}), (Pids{101, 101}));
    // Lines that were written again to the next segment.
    folder_.write("c.log.1", deaths({{1, 101}, {2, 102}, {3, 103}}));
    const std::string c = folder_.write("c.log", deaths({{2, 102}, {3, 103}, {4, 104}}));
    EXPECT_EQ(pids_of(ask({c}, Query{})), (Pids{104, 103, 102, 101}));
}

TEST_F(QueryTest, TimesAreInclusive) {
    const std::string content = deaths({{1, 101}, {2, 102}, {3, 103}, {4, 104}});
    Conditions conditions;
    conditions.since_unix_ns = evening_ns + 2 * second_ns;
    EXPECT_EQ(ask_of(content, conditions), (Pids{104, 103, 102}));
    conditions.until_unix_ns = evening_ns + 3 * second_ns;
    EXPECT_EQ(ask_of(content, conditions), (Pids{103, 102}));
    conditions.since_unix_ns++;
    conditions.until_unix_ns--;
    EXPECT_EQ(ask_of(content, conditions), Pids());
}

// A clock that was wrong for a while hides nothing; many old lines in a row are the end.
TEST_F(QueryTest, LinesInDisorder) {
    Conditions conditions;
    conditions.since_unix_ns = evening_ns;
    const std::string content = deaths({{5, 105}, {-1000, 99}, {-999, 98}, {7, 107}});
    EXPECT_EQ(ask_of(content, conditions), (Pids{107, 105}));
    std::string old;
    for (int i = 0; i < 9'999; i++) {
        old += death_at(-1000, 99).line();
    }
    const std::string first = death_at(5, 105).line();
    const std::string last = death_at(7, 107).line();
    EXPECT_EQ(ask_of(first + old + last, conditions), (Pids{107, 105}));
    EXPECT_EQ(ask_of(first + old + deaths({{-1000, 99}}) + last, conditions), Pids{107});
}

TEST_F(QueryTest, Names) {
    const auto named = [](uint32_t pid, std::string_view comm,
                          std::optional<std::string_view> executable) {
        Made made = death_at(pid, pid);
        made.event.process.comm = test::comm(comm);
        made.death.executable = executable;
        if (comm == "python3") {
            made.death.argv = "python3\0-u\0/opt/backup.py\0--now\0"sv;
        }
        return made.line();
    };
    const std::string content = named(1, "nginx", "nginx") + named(2, "nginx-worker", "nginx") +
                                named(3, "python3", "python3.11") +
                                named(4, "a[b]\n\"\\", std::nullopt) +
                                named(5, "0123456789abcde", "/opt/0123456789abcdef-long") +
                                named(6, "kworker/0:1", std::nullopt) + named(7, "é\xff", "bash");
    const auto ask_for = [&](const std::string& name) {
        Conditions conditions;
        conditions.name = name;
        return ask_of(content, conditions);
    };
    EXPECT_EQ(ask_for("nginx"), (Pids{2, 1}));
    EXPECT_EQ(ask_for("nginx-worker"), Pids{2});
    EXPECT_EQ(ask_for("ngin"), Pids());
    EXPECT_EQ(ask_for("Nginx"), Pids());
    EXPECT_EQ(ask_for("ngin*"), (Pids{2, 1}));
    EXPECT_EQ(ask_for("python3.1?"), Pids{3});
    EXPECT_EQ(ask_for("*[45].11"), Pids());
    EXPECT_EQ(ask_for("*3.[0-9][0-9]"), Pids{3});
    EXPECT_EQ(ask_for("a\\[b]\n\"\\\\"), Pids{4});
    EXPECT_EQ(ask_for("a?b*\"*"), Pids{4});
    EXPECT_EQ(ask_for("0123456789abcdef-long"), Pids{5});
    EXPECT_EQ(ask_for("0123456789abcdefghi"), Pids{5}) << "the kernel keeps 15 bytes";
    EXPECT_EQ(ask_for("0123456789abcd"), Pids());
    EXPECT_EQ(ask_for("kworker/0:1"), Pids{6});
    EXPECT_EQ(ask_for("k*1"), Pids{6});
    EXPECT_EQ(ask_for("é\xff"), Pids{7});
    EXPECT_EQ(ask_for("é*"), Pids{7});
    EXPECT_EQ(ask_for("backup.py"), Pids{3}) << "the interpreter's script";
    EXPECT_EQ(ask_for("*"), (Pids{7, 6, 5, 4, 3, 2, 1}));
}

TEST_F(QueryTest, PidsUsersUnits) {
    Made web = death_at(1, 11);
    web.event.process.uid = 33;
    web.death.user = "www-data";
    web.death.unit = "nginx.service";
    Made mail = death_at(2, 12);
    mail.event.process.uid = 1000;
    mail.death.user = "33";  // a number that has no name
    mail.death.unit = "user@33.scope";
    // Another's pid is not its own.
    Made victim = death_at(3, 111);
    victim.event.process.ppid = 11;
    victim.death.killer = killer();
    victim.death.killer->pid = 11;
    victim.death.user = "daemon";
    const std::string content = web.line() + mail.line() + victim.line();
    const auto ask_for = [&](auto member, const auto& value) {
        Conditions conditions;
        conditions.*member = value;
        return ask_of(content, conditions);
    };
    EXPECT_EQ(ask_for(&Conditions::pid, 11U), Pids{11});
    EXPECT_EQ(ask_for(&Conditions::pid, 1U), Pids());
    EXPECT_EQ(ask_for(&Conditions::user, "www-data"), Pids{11});
    EXPECT_EQ(ask_for(&Conditions::user, "33"), (Pids{12, 11}));
    EXPECT_EQ(ask_for(&Conditions::user, "www"), Pids());
    EXPECT_EQ(ask_for(&Conditions::unit, "nginx.service"), Pids{11});
    EXPECT_EQ(ask_for(&Conditions::unit, "nginx"), Pids{11});
    EXPECT_EQ(ask_for(&Conditions::unit, "user@*"), Pids{12});
    EXPECT_EQ(ask_for(&Conditions::unit, "*"), (Pids{12, 11}));
    EXPECT_EQ(ask_for(&Conditions::unit, "user@33"), Pids());
}

TEST_F(QueryTest, Causes) {
    Made clean = death_at(1, 1);
    Made failed = death_at(2, 2);
    failed.death.exit.status = 3 << 8;
    Made killed = signalled(9, model::SignalSource::user);
    killed.event.process.pid = 3;
    Made oom = signalled(9, model::SignalSource::oom);
    oom.event.process.pid = 4;
    oom.death.cause = model::Cause::oom;
    oom.event.unix_ns++;
    const std::string content = killed.line() + oom.line() + clean.line() + failed.line();
    Conditions conditions;
    EXPECT_TRUE(takes_clean_exits(conditions));
    conditions.cause = model::Cause::signal;
    EXPECT_FALSE(takes_clean_exits(conditions));
    EXPECT_EQ(ask_of(content, conditions), Pids{3});
    conditions.cause = model::Cause::oom;
    EXPECT_FALSE(takes_clean_exits(conditions));
    EXPECT_EQ(ask_of(content, conditions), Pids{4});
    conditions.cause = model::Cause::exit;
    EXPECT_TRUE(takes_clean_exits(conditions));
    EXPECT_EQ(ask_of(content, conditions), (Pids{2, 1}));
    conditions.abnormal = true;
    EXPECT_FALSE(takes_clean_exits(conditions));
    EXPECT_EQ(ask_of(content, conditions), Pids{2});
    conditions.cause.reset();
    EXPECT_EQ(ask_of(content, conditions), (Pids{2, 4, 3}));
}

TEST_F(QueryTest, TheLargestFirst) {
    std::string content;
    for (uint32_t pid = 1; pid <= 9; pid++) {
        Made made = death_at(pid, pid);
        made.death.exit.cpu_ns = 1000 + pid * 7 % 9;
        made.death.exit.peak_rss_bytes = 5000 - pid;
        made.death.exit.read_bytes = 10 * pid;
        made.death.exit.write_bytes = pid == 4 ? 1000 : 0;
        if (pid > 2) {
            made.death.exit.sent_bytes = pid;
        }
        if (pid > 7) {
            made.death.exit.received_bytes = pid == 8 ? 1'000'000 : 0;
        }
        made.death.exit.lifetime_ns = pid % 3;
        content += made.line();
    }
    const auto largest = [&](Order order, size_t most) {
        return ask_of(content, Query{.conditions = {}, .order = order, .most = most});
    };
    EXPECT_EQ(largest(Order::cpu, 4), (Pids{5, 1, 6, 2}));
    EXPECT_EQ(largest(Order::memory, 3), (Pids{1, 2, 3}));
    EXPECT_EQ(largest(Order::disk, 3), (Pids{4, 9, 8}));
    EXPECT_EQ(largest(Order::network, 3), (Pids{8, 9, 7}));
    EXPECT_EQ(largest(Order::network, 50), (Pids{8, 9, 7, 6, 5, 4, 3, 2, 1})) << "unknown: last";
    EXPECT_EQ(largest(Order::lifetime, 4), (Pids{8, 5, 2, 7})) << "the newer of equal ones first";
}

TEST_F(QueryTest, WhatNobodyWroteDown) {
    const auto loss = [](int64_t from, int64_t to, uint64_t count) {
        model::Event event = test::loss_event();
        event.unix_ns = evening_ns + to * second_ns;
        event.body = model::Loss{.kind = model::Kind::exit,
                                 .count = count,
                                 .from_unix_ns = evening_ns + from * second_ns,
                                 .to_unix_ns = event.unix_ns};
        std::string line;
        sinks::make_json_sink("box")->append(line, event);
        return line;
    };
    const std::string content = loss(10, 20, 1) + deaths({{21, 1}}) + loss(25, 28, 2) +
                                deaths({{30, 2}}) + loss(40, 50, 3) + loss(40, 50, 3);
    const std::string path = folder_.write("x.log", content);
    const auto counts = [&](int64_t since, int64_t until, size_t most = 50) {
        Query query;
        query.conditions.since_unix_ns = evening_ns + since * second_ns;
        query.conditions.until_unix_ns = evening_ns + until * second_ns;
        query.conditions.name = "nothing is called so";
        query.most = most;
        std::vector<uint64_t> found;
        for (const Receipt& receipt : ask({path}, query).receipts) {
            found.push_back(receipt.count);
        }
        return found;
    };
    using Counts = std::vector<uint64_t>;
    EXPECT_EQ(counts(0, 100), (Counts{3, 2, 1}));
    EXPECT_EQ(counts(20, 24), Counts{1});
    EXPECT_EQ(counts(21, 24), Counts());
    EXPECT_EQ(counts(45, 46), Counts{3});
    const Answer answer = ask({path}, Query{.conditions = {}, .order = Order::newest, .most = 1});
    ASSERT_EQ(answer.receipts.size(), 1U) << "what is older than the last one shown is not told";
    EXPECT_EQ(answer.receipts[0].count, 3U);
}

TEST_F(QueryTest, DamagedAndForeignLinesArePassedOver) {
    const std::string line = death_at(1, 1).line();
    std::string twisted = line;
    twisted.replace(twisted.find("\"pid\":1,"), 8, "\"pid\":1 1");
    const std::string content = "\n\nfoo\n" + line.substr(0, 200) + '\n' + twisted +
                                std::string(2 << 20, '{') + "\n" + deaths({{2, 2}}) +
                                "{\"time\":\"2026-11-20T22:33:49.123456Z\",\"kind\":\"fork\"}\n" +
                                line.substr(0, 99);
    EXPECT_EQ(ask_of(content, Query{}), Pids{2});
    const Answer answer = ask({folder_.path("x.log")}, Query{});
    EXPECT_EQ(answer.deaths[0].line + '\n', death_at(2, 2).line());
    EXPECT_TRUE(answer.troubles.empty());
}

TEST_F(QueryTest, WhatCanNotBeReadIsSaid) {
    const std::string good = folder_.write("good.log", deaths({{1, 1}}));
    std::filesystem::create_symlink("loop", folder_.path("loop"));  // nobody can open that
    const Answer answer = ask({folder_.path("loop/bad.log"), good}, Query{});
    EXPECT_EQ(pids_of(answer), Pids{1});
    EXPECT_EQ(answer.troubles, std::vector<std::string>{"opening '" + folder_.path("loop") +
                                                        "': Too many levels of symbolic links"});
}

// The quick look at a line never drops what would match.
TEST_F(QueryTest, NothingThatMatchesIsMissed) {
    std::mt19937 engine(7);
    const auto any = [&](uint32_t below) { return static_cast<uint32_t>(engine() % below); };
    const std::vector<std::string> words{"nginx", "bash", "a\"b", "x\\y", "\x1b[1m", "é",  "\xff",
                                         "*",     "sh",   "1",    "",     "root",    "a b"};
    const auto word = [&] { return words[any(static_cast<uint32_t>(words.size()))]; };
    std::vector<Made> all;
    std::vector<std::string> kept;
    kept.reserve(10'000);
    const auto keep = [&](std::string text) -> std::string_view {
        return kept.emplace_back(std::move(text));
    };
    std::string content;
    for (uint32_t i = 0; i < 400; i++) {
        Made made = any(3) == 0 ? full() : death_at(i, any(5) + 1);
        made.event.unix_ns = evening_ns + i * second_ns;
        made.event.process.start_ns = i;
        made.event.process.comm = test::comm(word() + word());
        made.event.process.uid = any(3);
        made.death.user = keep(word());
        made.death.executable = keep(word());
        made.death.unit = keep(word() + ".service");
        made.death.exit.cpu_ns = any(50);
        made.death.exit.status = any(2) << 8;
        content += made.line();
    }
    const std::string path = folder_.write("x.log", content);
    const Answer everything = ask({path}, Query{.conditions = {}, .order = {}, .most = 10'000});
    ASSERT_EQ(everything.deaths.size(), 400U);
    size_t matched = 0;
    for (int i = 0; i < 150; i++) {
        Query query;
        query.most = 10'000;
        Conditions& conditions = query.conditions;
        const auto maybe = [&] { return any(3) == 0; };
        conditions.since_unix_ns = maybe() ? evening_ns + any(400) * second_ns : INT64_MIN;
        conditions.until_unix_ns = maybe() ? evening_ns + any(400) * second_ns : INT64_MAX;
        conditions.name = maybe() ? std::optional(word() + word()) : std::nullopt;
        conditions.user = maybe() ? std::optional(word()) : std::nullopt;
        conditions.unit = maybe() ? std::optional(word() + '*') : std::nullopt;
        conditions.abnormal = maybe();
        if (maybe()) {
            conditions.pid = any(5) + 1;
        }
        if (maybe()) {
            conditions.cause = any(2) == 0 ? model::Cause::exit : model::Cause::signal;
        }
        std::multiset<uint64_t> expected;
        for (const Found& found : everything.deaths) {
            if (matches(found.certificate, conditions)) {
                expected.insert(*found.certificate.start_ns);
            }
        }
        std::multiset<uint64_t> found;
        query.order = maybe() ? Order::cpu : Order::newest;
        for (const Found& each : ask({path}, query).deaths) {
            found.insert(*each.certificate.start_ns);
        }
        ASSERT_EQ(found, expected) << i;
        matched += found.size();
    }
    EXPECT_GT(matched, 100U);
}

}  // namespace
}  // namespace vigil::history
