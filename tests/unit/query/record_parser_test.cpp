// SPDX-License-Identifier: Apache-2.0
// The formatter's line of a death is read back unchanged.
#include "query/record_parser.h"

#include <algorithm>
#include <random>
#include <sstream>

#include "model/fields.h"
#include "model/signals.h"
#include "query/death_builder.h"
#include "support/json.h"

namespace vigil::query {
namespace {

using namespace std::string_view_literals;

using Strings = std::vector<std::string>;
using Numbers = std::vector<uint64_t>;

bool is_rejected(std::string_view line) {
    RecordParser parser;
    return std::holds_alternative<std::monostate>(parser.parse(line));
}

TEST(DeathRecord, Identity) {
    const DeathRecord read_back = read(full());
    EXPECT_EQ(read_back.unix_ns, evening_ns);
    EXPECT_EQ(read_back.host, "box");
    EXPECT_EQ(read_back.boot_id, "1c5ad7d2-0f3c-4b53-8a53-0d6a27a0b0f0");
    EXPECT_EQ(read_back.boot_ns, 5'000'000'000U);
    EXPECT_EQ(read_back.pid, 4242U);
    EXPECT_EQ(read_back.ppid, 980U);
    EXPECT_EQ(read_back.start_ns, 3'500'000'000U);
    EXPECT_EQ(read_back.comm, "nginx");
    EXPECT_EQ(read_back.uid, 1000U);
    EXPECT_EQ(read_back.cgroup_id, 0x1'0000'0042U);
    EXPECT_EQ(read_back.executable, "nginx-debug");
    EXPECT_EQ(read_back.argv, (Strings{"/usr/sbin/nginx", "-g", "daemon off;"}));
    EXPECT_EQ(read_back.cwd, "/srv");
    EXPECT_EQ(read_back.user, "www-data");
    EXPECT_EQ(read_back.login_user, "alice");
    EXPECT_EQ(read_back.login_uid, 1001U);
    EXPECT_EQ(read_back.cgroup, "/system.slice/nginx.service/x");
    EXPECT_EQ(read_back.unit, "nginx.service");
    EXPECT_EQ(read_back.container, "0123456789abcdef0123456789abcdef");
    EXPECT_EQ(read_back.started_unix_ns, evening_ns - 7980 * second_ns);
    EXPECT_EQ(read_back.ancestors.pids, (Numbers{980, 2}));
    EXPECT_EQ(read_back.ancestors.start_ns, (Numbers{900'000'000, 899'999'999}));
    EXPECT_EQ(read_back.ancestors.comms, (Strings{"sshd", "init"}));
    EXPECT_TRUE(read_back.ancestors.cut);
    EXPECT_FALSE(read_back.cut);
}

TEST(DeathRecord, Cause) {
    const DeathRecord read_back = read(full());
    EXPECT_EQ(read_back.cause, model::Cause::signal);
    EXPECT_EQ(read_back.exit_code, std::nullopt);
    EXPECT_EQ(read_back.exit_signal, 9);
    EXPECT_TRUE(read_back.core_dumped);
    EXPECT_TRUE(read_back.is_abnormal());
    EXPECT_EQ(read_back.signal, 11);
    EXPECT_EQ(read_back.source, model::SignalSource::user);
    EXPECT_EQ(read_back.code, -6);
    EXPECT_EQ(read_back.signal_unix_ns, evening_ns - 1'000'000);
    EXPECT_EQ(read_back.killer.pid, 993U);
    EXPECT_EQ(read_back.killer.start_ns, 880'000'000U);
    EXPECT_EQ(read_back.killer.comm, "kill");
    EXPECT_EQ(read_back.killer.uid, 3U);
    EXPECT_EQ(read_back.killer.user, "root");
    EXPECT_EQ(read_back.killer.executable, "kill");
    EXPECT_EQ(read_back.killer.argv, (Strings{"kill", "-9", "4242"}));
    EXPECT_EQ(read_back.killer.ancestors.pids, (Numbers{991, 980, 1}));
    EXPECT_EQ(read_back.killer.ancestors.start_ns,
              (Numbers{900'000'000, 899'999'999, 899'999'998}));
    EXPECT_EQ(read_back.killer.ancestors.comms, (Strings{"bash", "sshd", "systemd"}));
    EXPECT_TRUE(read_back.killer.ancestors.cut);
    EXPECT_EQ(read_back.prior.number, 15);
    EXPECT_EQ(read_back.prior.source, model::SignalSource::queue);
    EXPECT_EQ(read_back.prior.unix_ns, evening_ns - 10'200'000'000);
    EXPECT_EQ(read_back.prior.pid, 1234U);
    EXPECT_EQ(read_back.prior.start_ns, 1'250'000'000U);
    EXPECT_EQ(read_back.prior.comm, "bash");
    EXPECT_EQ(read_back.prior.uid, 1001U);
    EXPECT_EQ(read_back.prior.parent_pid, 991U);
    EXPECT_EQ(read_back.prior.parent_comm, "zsh");
    EXPECT_EQ(read_back.oom.rss_bytes, 222'298'112U);
    EXPECT_EQ(read_back.oom.limit_bytes, 209'715'200U);
    EXPECT_EQ(read_back.oom.limit_cgroup, "/system.slice/nginx.service");
    EXPECT_EQ(read_back.oom.trigger_pid, 99U);
    EXPECT_EQ(read_back.oom.trigger_comm, "java");
}

TEST(DeathRecord, Usage) {
    const DeathRecord read_back = read(full());
    const FinalUsage& usage = read_back.usage;
    EXPECT_EQ(usage.lifetime_ns, 1'203'456'789U);
    EXPECT_EQ(usage.cpu_ns, 10'500'000U);
    EXPECT_EQ(usage.cpu_user_ns, 7'000'000U);
    EXPECT_EQ(usage.cpu_system_ns, 3'500'000U);
    EXPECT_TRUE(usage.partial);
    EXPECT_EQ(usage.peak_rss_bytes, 12'897'485U);
    EXPECT_TRUE(usage.peak_rss_at_most);
    EXPECT_EQ(usage.read_bytes, 4096U);
    EXPECT_EQ(usage.write_bytes, 8192U);
    EXPECT_EQ(usage.sent_bytes, 3'650'722'201U);
    EXPECT_EQ(usage.received_bytes, 77U);
    EXPECT_EQ(usage.voluntary_switches, 11U);
    EXPECT_EQ(usage.involuntary_switches, 12U);
    EXPECT_EQ(usage.minor_faults, 13U);
    EXPECT_EQ(usage.major_faults, 14U);
    EXPECT_EQ(usage.threads, 8U);
    EXPECT_EQ(read_back.limits.metrics, (Strings{"memory", "cpu"}));
    EXPECT_EQ(read_back.limits.limits, (std::vector<double>{200, 50.5}));
    EXPECT_EQ(read_back.limits.peaks, (std::vector<double>{212.25, 99.5}));
    EXPECT_EQ(read_back.limits.since_unix_ns,
              (std::vector<int64_t>{evening_ns - 162 * second_ns, evening_ns - 5 * second_ns}));
}

// Every key is read: if its name is changed, the record is a different one.
TEST(DeathRecord, ReadsEveryKeyOfADeath) {
    DeathBuilder builder = full();
    builder.death.exit.status = 9;  // the exit codes are the keys that are null here
    const std::string line = builder.line();
    const DeathRecord whole = read(line);
    std::vector<std::string_view> keys;
    for (const auto fields :
         {model::process_fields(model::Kind::death), model::fields(model::Kind::death)}) {
        for (const model::Field& field : fields) {
            keys.push_back(field.json);
        }
    }
    for (const std::string_view key : keys) {
        if (key == "exit_code" || key == "child_exit_code" || key == "core_dumped") {
            continue;  // null, as in a record without the key
        }
        std::string renamed = line;
        const size_t at = renamed.find('"' + std::string(key) + "\":");
        ASSERT_NE(at, std::string::npos) << key;
        renamed.insert(at + 1, "no_");
        RecordParser parser;
        const ParsedRecord parsed = parser.parse(renamed);
        const auto* without = std::get_if<DeathRecord>(&parsed);
        EXPECT_TRUE(without == nullptr || !(*without == whole)) << key;
    }
}

// A key that this version does not know, of each type, at each place of a record.
TEST(DeathRecord, UnknownKeysAreSkipped) {
    const std::string line = full().line();
    const DeathRecord whole = read(line);
    for (const char* value : {"null", "true", "-17", "1e300", R"("a\u0000\"b")", R"([1,[2],{}])",
                              R"({"pid":1,"cause":"exit","list":[{"time":5}]})"}) {
        const std::string member = fmt::format(R"("of_a_later_version":{},)", value);
        size_t places = 0;
        for (size_t at = line.find("\""); at != std::string::npos; at = line.find(",\"", at)) {
            at += line[at] == ',' ? 1 : 0;
            if (line.substr(0, at).find('[') != std::string::npos) {
                break;  // elements of a list are no members
            }
            std::string newer = line;
            newer.insert(at, member);
            EXPECT_TRUE(read(newer) == whole) << newer;
            places++;
        }
        EXPECT_GT(places, 10U);
    }
}

TEST(DeathRecord, UnknownValuesAreAbsent) {
    const DeathRecord read_back = read(DeathBuilder());
    DeathRecord expected;
    expected.unix_ns = evening_ns;
    expected.host = "box";
    expected.boot_ns = 5'000'000'000;
    expected.pid = 4242;
    expected.ppid = 980;
    expected.start_ns = 3'500'000'000;
    expected.comm = "nginx";
    expected.uid = 1000;
    expected.cgroup_id = 0x1'0000'0042;
    expected.cause = model::Cause::exit;
    expected.exit_code = 0;
    expected.started_unix_ns = evening_ns - 7980 * second_ns;
    expected.usage.lifetime_ns = 7'980'000'000'000;
    expected.usage.cpu_ns = 252'000'000'000;
    expected.usage.cpu_user_ns = expected.usage.cpu_system_ns = 0;
    expected.usage.voluntary_switches = expected.usage.involuntary_switches = 0;
    expected.usage.minor_faults = expected.usage.major_faults = 0;
    EXPECT_TRUE(read_back == expected);
    EXPECT_FALSE(read_back.is_abnormal());
}

TEST(DeathRecord, EverySignalSourceAndCause) {
    for (int number = 1; number <= model::signal_max; number++) {
        EXPECT_EQ(read(signalled(number, model::SignalSource::self)).signal, number);
    }
    EXPECT_EQ(read(signalled(65, model::SignalSource::self)).signal, std::nullopt);
    for (int i = 0; i <= static_cast<int>(model::SignalSource::unknown); i++) {
        const auto source = static_cast<model::SignalSource>(i);
        EXPECT_EQ(read(signalled(9, source)).source, source);
    }
    for (const auto cause : {model::Cause::exit, model::Cause::signal, model::Cause::oom}) {
        DeathBuilder builder;
        builder.death.cause = cause;
        EXPECT_EQ(read(builder).cause, cause);
    }
}

TEST(DeathRecord, LargestNumbers) {
    DeathBuilder builder;
    builder.event.process.pid = UINT32_MAX;
    builder.event.process.start_ns = builder.death.exit.cpu_ns = UINT64_MAX;
    builder.death.code = INT32_MIN;
    const DeathRecord read_back = read(builder);
    EXPECT_EQ(read_back.pid, UINT32_MAX);
    EXPECT_EQ(read_back.start_ns, UINT64_MAX);
    EXPECT_EQ(read_back.usage.cpu_ns, UINT64_MAX);
    EXPECT_EQ(read_back.code, INT32_MIN);
}

// All bytes that a name can have, and their escaped forms.
TEST(DeathRecord, RoundTripsUntrustedBytes) {
    std::mt19937 random(42);
    const std::vector<std::string> special{"\x1b[31m", "\xff",     "\n", "\xc2\x9b", "\xe2\x80\xae",
                                           "\"",       "\xf0\x9f", "é",  "\x7f",     ",\"pid\":1,",
                                           "{}",       "\\",       "\t", "\\n"};
    for (int i = 0; i < 3'000; i++) {
        const auto bytes = [&](size_t max_size) {
            std::string text;
            while (text.size() < max_size) {
                text += random() % 2 == 0 ? special[random() % special.size()]
                                          : std::string(1, static_cast<char>(random() % 255 + 1));
            }
            // These four characters are indistinguishable from the byte that they represent.
            while (text.find("\\x") != std::string::npos) {
                text.replace(text.find("\\x"), 2, "__");
            }
            text.resize(max_size);
            return text;
        };
        DeathBuilder builder = full();
        const std::string comm = bytes(random() % 16);
        const std::string path = bytes(random() % 300);
        const std::string first = bytes(random() % 1024);
        const std::string second = bytes(random() % 30);
        const std::string argv = first + '\0' + second + '\0';
        builder.event.process.comm = builder.death.killer->comm = test::comm(comm);
        builder.death.executable = builder.death.cwd = builder.death.unit =
            builder.death.killer->user = path;
        builder.death.argv = builder.death.killer->argv = argv;
        builder.death.ancestry.comms[0] = test::comm(comm);
        const DeathRecord read_back = read(builder.line(SIZE_MAX));
        ASSERT_EQ(read_back.comm, comm);
        ASSERT_EQ(read_back.killer.comm, comm);
        ASSERT_EQ(read_back.executable, path);
        ASSERT_EQ(read_back.cwd, path);
        ASSERT_EQ(read_back.unit, path);
        ASSERT_EQ(read_back.killer.user, path);
        ASSERT_EQ(read_back.argv, (Strings{first, second}));
        ASSERT_EQ(read_back.killer.argv, (Strings{first, second}));
        ASSERT_EQ(read_back.ancestors.comms[0], comm);
        ASSERT_EQ(read_back.pid, 4242U) << "no name makes another key";
    }
}

TEST(DeathRecord, ReadsTruncatedLines) {
    DeathBuilder builder = full();
    const std::string bytes(4096, '\x01');
    builder.death.argv = builder.death.killer->argv = bytes;
    builder.death.cwd = builder.death.cgroup = builder.death.executable = bytes;
    builder.death.killer->executable = bytes;
    const DeathRecord read_back = read(builder);
    EXPECT_TRUE(read_back.cut);
    EXPECT_EQ(read_back.cwd, std::string(400, '\x01'));
    EXPECT_EQ(read_back.usage.cpu_ns, 10'500'000U) << "numbers stay whole";
}

TEST(DeathRecord, RejectsOtherLines) {
    const std::string line = full().line();
    for (size_t i = 0; i + 1 < line.size(); i++) {
        EXPECT_TRUE(is_rejected(line.substr(0, i))) << i;
    }
    std::string exit;
    format::make_json_formatter("box")->append(exit, test::exit_event());
    EXPECT_TRUE(is_rejected(exit));
    for (
        const std::string_view text :
        {"null"sv, "[]"sv, "{}"sv, "17"sv, "{\"kind\":17}"sv, "{\"kind\":\"death\"}"sv,
         R"({"kind":"death","time":"2026-11-20T22:33:49.000000Z","pid":1})"sv,
         R"({"kind":"death","time":"2026-11-20T22:33:49.000000Z","cause":"exit"})"sv,
         R"({"kind":"death","time":"yesterday","pid":1,"cause":"exit"})"sv,
         R"({"kind":"death","time":"2026-11-20T22:33:49.000000Z","pid":-1,"cause":"exit"})"sv,
         R"({"kind":"death","time":"2026-11-20T22:33:49.000000Z","pid":4294967296,"cause":"exit"})"sv,
         R"({"kind":"death","time":"2026-11-20T22:33:49.000000Z","pid":1,"cause":"bored"})"sv,
         R"({"kind":"loss","count":3})"sv, R"({"kind":"loss","from":"x","to":"y"})"sv}) {
        EXPECT_TRUE(is_rejected(text)) << text;
    }
    EXPECT_TRUE(is_rejected(std::string(1 << 20, '[')));
}

TEST(DeathRecord, MembersOfAnotherTypeAreUnknown) {
    const std::string begin =
        R"({"kind":"death","time":"2026-11-20T22:33:49.000000Z","pid":1,"cause":"signal",)";
    const DeathRecord read_back = read(
        begin +
        R"("comm":17,"argv":"a","killer_pid":"993","killer_argv":[1,"b",null],"signal":"SIGNOT",)"
        R"("signal_source":"magic","exit_code":3000000000,"core_dumped":1,"cpu_ns":-5,)"
        R"("peak_rss_bytes":1.5,"broken_since":[7],"broken_limits":["x",2],"ancestor_pids":{}})"
        "\n");
    DeathRecord expected;
    expected.unix_ns = evening_ns;
    expected.pid = 1;
    expected.cause = model::Cause::signal;
    expected.killer.argv = {"", "b", ""};
    expected.limits.since_unix_ns = {0};
    expected.limits.limits = {0, 2};
    EXPECT_TRUE(read_back == expected);
}

TEST(DeathRecord, CoverageGaps) {
    const auto read_gap = [](const model::Event& event) {
        std::string line;
        format::make_json_formatter("box")->append(line, event);
        RecordParser parser;
        const ParsedRecord parsed = parser.parse(line);
        const auto* gap = std::get_if<CoverageGap>(&parsed);
        EXPECT_NE(gap, nullptr) << line;
        return gap != nullptr ? *gap : CoverageGap{};
    };
    const CoverageGap loss = read_gap(test::loss_event());
    EXPECT_FALSE(loss.unobserved);
    EXPECT_EQ(loss.lost_kind, model::Kind::exit);
    EXPECT_EQ(loss.count, 12U);
    EXPECT_EQ(loss.from_unix_ns, evening_ns + 790'000'000);
    EXPECT_EQ(loss.to_unix_ns, evening_ns + 800'000'000);
    model::Event of_many = test::loss_event();
    std::get<model::Loss>(of_many.body).kind.reset();
    EXPECT_EQ(read_gap(of_many).lost_kind, std::nullopt);
    model::Event event = test::unobserved_event();
    std::get<model::MonitoringGap>(event.body).rebooted = true;
    const CoverageGap unobserved = read_gap(event);
    EXPECT_TRUE(unobserved.unobserved);
    EXPECT_TRUE(unobserved.rebooted);
    EXPECT_EQ(unobserved.from_unix_ns, evening_ns - 60'690'000'000);
    EXPECT_EQ(unobserved.to_unix_ns, evening_ns + 810'000'000);
}

}  // namespace
}  // namespace vigil::query
