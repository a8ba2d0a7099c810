// SPDX-License-Identifier: Apache-2.0
#include "model/fields.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <stdexcept>
#include <string>

#include "support/events.h"

namespace vigil::model {
namespace {

std::vector<Event> one_of_each() {
    static const Death death = test::death();
    return {test::fork_event(),      test::exec_event(),      test::exit_event(),
            test::signal_event(),    test::oom_event(),       test::kill_failed_event(),
            test::loss_event(),      test::violation_event(), test::unobserved_event(),
            test::death_event(death)};
}

const Field& field_of(Kind kind, std::string_view key) {
    for (const Field& field : fields(kind)) {
        if (field.json == key) {
            return field;
        }
    }
    throw std::runtime_error("no field " + std::string(key));
}

bool is_null(const Event& event, std::string_view key) {
    return std::holds_alternative<Unknown>(field_of(event.kind, key).get(event));
}

std::string_view name_of(const Event& event, std::string_view key) {
    return std::get<std::string_view>(field_of(event.kind, key).get(event));
}

bool is_key(std::string_view key) {
    for (const char c : key) {
        if (std::islower(static_cast<unsigned char>(c)) == 0 && c != '_') {
            return false;
        }
    }
    return !key.empty();
}

TEST(Fields, KeysAreLowerCaseAndUnique) {
    for (const Event& event : one_of_each()) {
        std::set<std::string_view> json{"time", "kind", "host"};
        std::set<std::string_view> text;
        for (const Field& field : process_fields(event.kind)) {
            EXPECT_TRUE(is_key(field.json)) << field.json;
            EXPECT_TRUE(json.insert(field.json).second) << field.json;
        }
        for (const Field& field : fields(event.kind)) {
            EXPECT_FALSE(field.json.empty() && field.text.empty());
            if (!field.json.empty()) {
                EXPECT_TRUE(is_key(field.json)) << field.json;
                EXPECT_TRUE(json.insert(field.json).second)
                    << to_string(event.kind) << ' ' << field.json;
            }
            if (!field.text.empty()) {
                EXPECT_TRUE(is_key(field.text)) << field.text;
                EXPECT_TRUE(text.insert(field.text).second)
                    << to_string(event.kind) << ' ' << field.text;
            }
        }
    }
}

// A row must only access the body of its own kind.
TEST(Fields, EveryRowAccessesItsOwnKind) {
    for (const Event& event : one_of_each()) {
        for (const Field& field : fields(event.kind)) {
            EXPECT_NO_THROW((void)field.get(event)) << field.json << field.text;
        }
    }
}

TEST(Fields, UnitsAreInTheNames) {
    for (const Event& event : one_of_each()) {
        for (const Field& field : fields(event.kind)) {
            const Value value = field.get(event);
            if (field.json.empty()) {
                continue;
            }
            if (std::holds_alternative<Duration>(value)) {
                EXPECT_TRUE(field.json.ends_with("_ns")) << field.json;
            }
            if (std::holds_alternative<Size>(value)) {
                EXPECT_TRUE(field.json.ends_with("_bytes")) << field.json;
            }
        }
    }
}

TEST(Fields, ExitHasACodeOrASignal) {
    Event event = test::exit_event();
    auto& exit = std::get<Exit>(event.body);
    EXPECT_EQ(std::get<int64_t>(field_of(Kind::exit, "exit_code").get(event)), 3);
    EXPECT_TRUE(is_null(event, "exit_signal"));
    exit.status = 9;
    EXPECT_TRUE(is_null(event, "exit_code"));
    EXPECT_EQ(name_of(event, "exit_signal"), "SIGKILL");
    exit.status = 0;
    EXPECT_EQ(std::get<int64_t>(field_of(Kind::exit, "exit_code").get(event)), 0);
}

TEST(Fields, UnknownIsNull) {
    Event exit = test::exit_event();
    std::get<Exit>(exit.body).peak_rss_bytes.reset();
    std::get<Exit>(exit.body).threads.reset();
    std::get<Exit>(exit.body).read_bytes.reset();
    std::get<Exit>(exit.body).write_bytes.reset();
    EXPECT_TRUE(is_null(exit, "read_bytes"));
    EXPECT_TRUE(is_null(exit, "write_bytes"));
    EXPECT_TRUE(is_null(exit, "peak_rss_bytes"));
    EXPECT_TRUE(is_null(exit, "threads"));
    EXPECT_TRUE(is_null(exit, "sent_bytes"));
    EXPECT_TRUE(is_null(exit, "received_bytes"));

    Event signal = test::signal_event();
    std::get<Signal>(signal.body).sender.reset();
    for (const char* key :
         {"sender_pid", "sender_tid", "sender_start_ns", "sender_comm", "sender_uid"}) {
        EXPECT_TRUE(is_null(signal, key)) << key;
    }

    Event exec = test::exec_event();
    std::get<Exec>(exec.body).argv.reset();
    EXPECT_TRUE(is_null(exec, "argv"));

    Event oom = test::oom_event();
    std::get<Oom>(oom.body).rss_bytes.reset();
    EXPECT_TRUE(is_null(oom, "rss_bytes"));

    EXPECT_TRUE(is_null(test::kill_failed_event(), "target_tid"));
}

TEST(Fields, ErrorsHaveTheirNames) {
    Event event = test::kill_failed_event();
    EXPECT_EQ(name_of(event, "error"), "ESRCH");
    std::get<KillFailed>(event.body).error = 1;
    EXPECT_EQ(name_of(event, "error"), "EPERM");
    // internal to the kernel, without a name in user space
    std::get<KillFailed>(event.body).error = 512;
    EXPECT_EQ(std::get<int64_t>(field_of(Kind::kill_failed, "error").get(event)), 512);
}

// tkill(2) has no process as target: 0 would mean kill(2)'s own process group.
TEST(Fields, TkillHasNoTargetPid) {
    Event event = test::kill_failed_event();
    auto& failed = std::get<KillFailed>(event.body);
    failed.syscall = KillSyscall::tkill;
    failed.target = std::nullopt;
    failed.target_tid = 4321;
    EXPECT_TRUE(is_null(event, "target_pid"));
    EXPECT_EQ(std::get<int64_t>(field_of(Kind::kill_failed, "target_tid").get(event)), 4321);
}

TEST(Fields, AViolationHasOneMetricAndItsUnit) {
    constexpr std::pair<Metric, std::pair<const char*, const char*>> cases[] = {
        {Metric::cpu, {"cpu", "%"}},
        {Metric::memory, {"memory", "MB"}},
        {Metric::disk, {"disk", "MB/s"}},
        {Metric::network, {"network", "KB/s"}},
    };
    for (const auto& [metric, names] : cases) {
        Event event = test::violation_event();
        std::get<Violation>(event.body).metric = metric;
        EXPECT_EQ(name_of(event, "metric"), names.first);
        EXPECT_EQ(name_of(event, "unit"), names.second);
    }
}

TEST(Fields, AViolationIsInOneOfThreeStates) {
    constexpr std::pair<ViolationState, const char*> cases[] = {
        {ViolationState::raised, "raised"},
        {ViolationState::ongoing, "ongoing"},
        {ViolationState::cleared, "cleared"},
    };
    for (const auto& [state, name] : cases) {
        Event event = test::violation_event();
        std::get<Violation>(event.body).state = state;
        EXPECT_EQ(name_of(event, "state"), name);
    }
}

TEST(Fields, UnknownFieldsOfAViolationAreNull) {
    const char* const optional[] = {"value", "executable", "argv",
                                    "user",  "cgroup",     "systemd_unit"};
    Event event = test::violation_event();
    for (const char* key : optional) {
        EXPECT_FALSE(is_null(event, key)) << key;
    }
    event.body = Violation{};
    for (const char* key : optional) {
        EXPECT_TRUE(is_null(event, key)) << key;
    }
}

TEST(Fields, ProcessFieldsAreWhatTheKernelReported) {
    EXPECT_TRUE(process_fields(Kind::loss).empty());
    const auto has_sequence = [](Kind kind) {
        const auto all = process_fields(kind);
        return std::any_of(all.begin(), all.end(),
                           [](const Field& field) { return field.json == "seq"; });
    };
    EXPECT_TRUE(has_sequence(Kind::exit));
    EXPECT_FALSE(has_sequence(Kind::violation)) << "it has no record";
}

}  // namespace
}  // namespace vigil::model
