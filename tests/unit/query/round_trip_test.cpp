// SPDX-License-Identifier: Apache-2.0
// A death that is written, read and written again is the same line to the byte.
#include <deque>
#include <random>

#include "model/signals.h"
#include "query/death_builder.h"
#include "query/record_parser.h"

namespace vigil::query {
namespace {

// Random deaths, and deaths made of records. The strings live as long as it does.
class Deaths {
 public:
    explicit Deaths(uint64_t seed) : random_(seed) {}

    DeathBuilder make() {
        DeathBuilder builder;
        model::Process& process = builder.event.process;
        builder.event.unix_ns = time();
        builder.event.boot_ns = wide();
        process.pid = number();
        process.ppid = number();
        process.uid = number();
        process.start_ns = wide();
        process.cgroup_id = some() ? wide() : 0;
        process.comm = test::comm(text(15));
        model::Death& death = builder.death;
        death.exit = exit();
        death.started_unix_ns = time();
        death.cause = static_cast<model::Cause>(below(3));
        death.signal = static_cast<int>(below(model::signal_max + 1));
        death.source = maybe([&] { return source(); });
        death.code = maybe([&] { return static_cast<int>(number()); });
        death.near_stack = some();
        death.signal_unix_ns = maybe([&] { return time(); });
        death.killer = maybe([&] { return killer(); });
        death.prior = maybe([&] { return prior(); });
        death.oom = maybe([&] { return oom(); });
        death.response = maybe([&] {
            return model::SignalResponse{.number = static_cast<int>(below(model::signal_max) + 1),
                                         .unix_ns = time()};
        });
        death.child = maybe([&] { return child(); });
        for (auto* member : {&death.executable, &death.cwd, &death.user, &death.login_user,
                             &death.cgroup, &death.unit, &death.container, &death.boot_id}) {
            *member = maybe([&] { return text(300); });
        }
        death.argv = maybe([&] { return arguments(); });
        death.ancestry = ancestors();
        for (size_t i = below(3); i > 0; i--) {
            death.limits.metrics.push_back(i == 1 ? "cpu" : "memory");
            death.limits.limits.push_back(static_cast<double>(below(1'000'000)) / 1000);
            death.limits.peaks.push_back(static_cast<double>(number()));
            death.limits.since_unix_ns.push_back(time());
        }
        return builder;
    }

    DeathBuilder make_from(const DeathRecord& record) {
        DeathBuilder builder;
        model::Process& process = builder.event.process;
        builder.event.unix_ns = *record.unix_ns;
        builder.event.boot_ns = *record.boot_ns;
        process.pid = *record.pid;
        process.ppid = *record.ppid;
        process.uid = *record.uid;
        process.start_ns = *record.start_ns;
        process.cgroup_id = record.cgroup_id.value_or(0);
        process.comm = test::comm(record.comm);
        model::Death& death = builder.death;
        death.exit = exit_from(record);
        death.started_unix_ns = *record.started_unix_ns;
        death.cause = *record.cause;
        death.signal = record.signal.value_or(0);
        death.source = record.source;
        death.code = record.code;
        death.near_stack = record.near_stack;
        death.signal_unix_ns = record.signal_unix_ns;
        if (record.killer.pid) {
            death.killer = killer_from(record.killer);
        }
        if (record.prior.number) {
            death.prior = prior_from(record.prior);
        }
        if (record.oom.trigger_pid) {
            death.oom = model::OutOfMemory{.rss_bytes = record.oom.rss_bytes,
                                           .limit_bytes = record.oom.limit_bytes,
                                           .limit_cgroup = record.oom.limit_cgroup,
                                           .limited = record.oom.limited,
                                           .trigger_pid = *record.oom.trigger_pid,
                                           .trigger_comm = test::comm(record.oom.trigger_comm)};
        }
        if (record.response_signal) {
            death.response = model::SignalResponse{.number = *record.response_signal,
                                                   .unix_ns = *record.response_unix_ns};
        }
        if (record.child.pid) {
            death.child = model::ChildDeath{.pid = *record.child.pid,
                                            .start_ns = *record.child.start_ns,
                                            .comm = test::comm(record.child.comm),
                                            .cause = *record.child.cause,
                                            .signal = record.child.signal.value_or(0),
                                            .exit_code = record.child.exit_code.value_or(0)};
        }
        death.executable = record.executable;
        death.argv = arguments_from(record.argv);
        death.cwd = record.cwd;
        death.user = record.user;
        death.login_user = record.login_user;
        death.boot_id = record.boot_id;
        death.cgroup = record.cgroup;
        death.unit = record.unit;
        death.container = record.container;
        death.ancestry = ancestry_from(record.ancestors);
        death.limits.metrics.assign(record.limits.metrics.begin(), record.limits.metrics.end());
        death.limits.limits = record.limits.limits;
        death.limits.peaks = record.limits.peaks;
        death.limits.since_unix_ns = record.limits.since_unix_ns;
        return builder;
    }

 private:
    uint64_t below(uint64_t bound) { return random_() % bound; }
    bool some() { return below(2) == 0; }
    uint32_t number() { return static_cast<uint32_t>(random_() >> below(32)); }
    uint64_t wide() { return random_() >> below(63) | 1; }
    int64_t time() { return evening_ns + static_cast<int64_t>(below(1'000'000'000)) * 1000; }
    model::SignalSource source() {
        constexpr auto count = static_cast<uint64_t>(model::SignalSource::unknown) + 1;
        return static_cast<model::SignalSource>(below(count));
    }

    template <class Make>
    std::optional<decltype(std::declval<Make>()())> maybe(Make make) {
        return some() ? std::optional(make()) : std::nullopt;
    }

    std::string_view keep(std::string text) { return texts_.emplace_back(std::move(text)); }

    // Never a backslash before an x: as text that looks like an escaped byte.
    std::string_view text(size_t max_bytes) {
        std::string text;
        for (size_t i = below(max_bytes + 1); i > 0; i--) {
            const char byte = static_cast<char>(below(255) + 1);
            text += byte == 'x' && text.ends_with('\\') ? '_' : byte;
        }
        return keep(text);
    }

    std::string_view arguments() {
        std::string all;
        for (size_t i = below(4) + 1; i > 0; i--) {
            all += std::string(text(40)) + '\0';
        }
        return keep(all);
    }

    std::optional<std::string_view> arguments_from(const std::vector<std::string>& arguments) {
        std::string all;
        for (const std::string& argument : arguments) {
            all += argument + '\0';
        }
        return all.empty() ? std::nullopt : std::optional(keep(all));
    }

    model::Ancestry ancestors() {
        model::Ancestry ancestry;
        for (size_t i = below(5); i > 0; i--) {
            ancestry.pids.push_back(number());
            ancestry.start_ns.push_back(wide());
            ancestry.comms.push_back(test::comm(text(15)));
        }
        ancestry.cut = some();
        return ancestry;
    }

    static model::Ancestry ancestry_from(const Ancestors& ancestors) {
        model::Ancestry ancestry{ancestors.pids, ancestors.start_ns, {}, ancestors.cut};
        for (const std::string& name : ancestors.comms) {
            ancestry.comms.push_back(test::comm(name));
        }
        return ancestry;
    }

    model::Exit exit() {
        const auto bytes = [&] { return wide(); };
        model::Exit exit;
        exit.status = static_cast<uint32_t>(
            some() ? below(256) << 8 : (below(model::signal_max) + 1) | below(2) << 7);
        exit.lifetime_ns = wide();
        exit.cpu_ns = wide();
        exit.cpu_user_ns = wide();
        exit.cpu_system_ns = wide();
        exit.usage_partial = some();
        exit.peak_rss_bytes = maybe(bytes);
        exit.peak_rss_at_most = some();
        exit.read_bytes = maybe(bytes);
        exit.write_bytes = maybe(bytes);
        exit.sent_bytes = maybe(bytes);
        exit.received_bytes = maybe(bytes);
        exit.voluntary_switches = wide();
        exit.involuntary_switches = wide();
        exit.minor_faults = wide();
        exit.major_faults = wide();
        exit.threads = maybe([&] { return number(); });
        exit.login_uid = maybe([&] { return number(); });
        return exit;
    }

    static model::Exit exit_from(const DeathRecord& record) {
        const FinalUsage& usage = record.usage;
        const int signal_bits = record.exit_signal.value_or(0) | (record.core_dumped ? 0x80 : 0);
        model::Exit exit;
        exit.status = static_cast<uint32_t>(record.exit_code.value_or(0) << 8 | signal_bits);
        exit.lifetime_ns = *usage.lifetime_ns;
        exit.cpu_ns = *usage.cpu_ns;
        exit.cpu_user_ns = *usage.cpu_user_ns;
        exit.cpu_system_ns = *usage.cpu_system_ns;
        exit.usage_partial = usage.partial;
        exit.peak_rss_bytes = usage.peak_rss_bytes;
        exit.peak_rss_at_most = usage.peak_rss_at_most;
        exit.read_bytes = usage.read_bytes;
        exit.write_bytes = usage.write_bytes;
        exit.sent_bytes = usage.sent_bytes;
        exit.received_bytes = usage.received_bytes;
        exit.voluntary_switches = *usage.voluntary_switches;
        exit.involuntary_switches = *usage.involuntary_switches;
        exit.minor_faults = *usage.minor_faults;
        exit.major_faults = *usage.major_faults;
        exit.threads = usage.threads;
        exit.login_uid = record.login_uid;
        return exit;
    }

    model::Killer killer() {
        model::Killer killer;
        killer.pid = number();
        killer.start_ns = wide();
        killer.comm = test::comm(text(15));
        killer.uid = number();
        killer.user = maybe([&] { return text(30); });
        killer.executable = maybe([&] { return text(300); });
        killer.argv = maybe([&] { return arguments(); });
        killer.ancestry = ancestors();
        return killer;
    }

    model::Killer killer_from(const Killer& read) {
        return {.pid = *read.pid,
                .start_ns = *read.start_ns,
                .comm = test::comm(read.comm),
                .uid = *read.uid,
                .user = read.user,
                .executable = read.executable,
                .argv = arguments_from(read.argv),
                .ancestry = ancestry_from(read.ancestors)};
    }

    model::PriorSignal prior() {
        model::PriorSignal prior;
        prior.number = static_cast<int>(below(model::signal_max) + 1);
        prior.source = source();
        prior.unix_ns = time();
        prior.sender = maybe([&] {
            return model::Sender{
                .pid = number(), .uid = number(), .start_ns = wide(), .comm = test::comm(text(15))};
        });
        prior.parent_pid = maybe([&] { return number(); });
        prior.parent_comm = test::comm(text(15));
        return prior;
    }

    static model::PriorSignal prior_from(const PriorSignal& read) {
        model::PriorSignal prior;
        prior.number = *read.number;
        prior.source = *read.source;
        prior.unix_ns = *read.unix_ns;
        if (read.pid) {
            prior.sender = model::Sender{.pid = *read.pid,
                                         .uid = *read.uid,
                                         .start_ns = *read.start_ns,
                                         .comm = test::comm(read.comm)};
        }
        prior.parent_pid = read.parent_pid;
        prior.parent_comm = test::comm(read.parent_comm);
        return prior;
    }

    model::ChildDeath child() {
        return {.pid = number(),
                .start_ns = wide(),
                .comm = test::comm(text(15)),
                .cause = static_cast<model::Cause>(below(3)),
                .signal = static_cast<int>(below(model::signal_max + 1)),
                .exit_code = static_cast<int>(below(256))};
    }

    model::OutOfMemory oom() {
        return {.rss_bytes = maybe([&] { return wide(); }),
                .limit_bytes = maybe([&] { return wide(); }),
                .limit_cgroup = maybe([&] { return text(300); }),
                .limited = maybe([&] { return some(); }),
                .trigger_pid = number(),
                .trigger_comm = test::comm(text(15))};
    }

    std::mt19937_64 random_;
    std::deque<std::string> texts_;
};

TEST(RoundTrip, WrittenReadAndWrittenAgainIsTheSameLine) {
    for (uint64_t seed = 0; seed < 2'000; seed++) {
        Deaths deaths(seed);
        const std::string line = deaths.make().line(SIZE_MAX);
        const DeathRecord record = read(line);
        ASSERT_TRUE(record.pid) << line;
        ASSERT_EQ(deaths.make_from(record).line(SIZE_MAX), line) << seed;
    }
}

}  // namespace
}  // namespace vigil::query
