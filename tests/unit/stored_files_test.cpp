// SPDX-License-Identifier: Apache-2.0
// Files in the directories of stored/, each named by the version whose format it has, are read and
// continued by this version. For a release: VIGIL_STORE_FILES=tests/unit/stored/VERSION
// vigil_unit_tests --gtest_filter=StoredFiles.Write, and remove the lock files. Those of 0.1 have
// the keys and the files of that version: no manifest, no boot of a death.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "agent/spool_lines.h"
#include "deaths/death_store.h"
#include "journal/writer.h"
#include "query/death_builder.h"
#include "query/query.h"
#include "server/dedup_index.h"
#include "support/processes.h"

namespace vigil {
namespace {

namespace fs = std::filesystem;

const fs::path stored = fs::path(VIGIL_SOURCE_DIR) / "tests/unit/stored";

constexpr const char* agent_name = "web-1";
constexpr const char* agent_journal = "00000000-0000-4000-8000-000000000001";

// A kill, and an exit of the process `clean_pid`.
void write_deaths(const std::string& directory, uint32_t clean_pid) {
    fs::create_directories(directory);
    auto store = deaths::DeathStore::open({.directory = directory});
    ASSERT_TRUE(store) << store.error().context;
    query::DeathBuilder clean;
    clean.event.process.pid = clean_pid;
    for (const query::DeathBuilder& death : {query::full(), clean}) {
        const std::string line = death.line();
        model::Event event = death.event;
        event.body = &death.death;
        EXPECT_TRUE((*store)->add(event, line));
    }
    EXPECT_TRUE((*store)->wait_durable(agent::long_ns));
}

std::unique_ptr<journal::Writer> open_log(const std::string& path) {
    journal::WriterOptions options;
    options.path = path;
    auto log = journal::Writer::open(options, {});
    EXPECT_TRUE(log) << (log ? "" : log.error().context);
    return log ? std::move(*log) : nullptr;
}

std::string log_line(uint64_t number) {
    std::string line = agent::spool_line(number);
    line.resize(line.size() - 2);
    return line + fmt::format(R"(,"journal_seq":{},"agent":"{}","journal":"{}"}})"
                              "\n",
                              number, agent_name, agent_journal);
}

// Two lines in a rotated segment, two in the active one; the index covers three of them.
void write_log(const std::string& path) {
    const auto log = open_log(path);
    server::DedupIndex index;
    server::DedupIndex::Entry& entry = index.use(agent_name, agent_journal);
    for (uint64_t number = 1; number <= 4; number++) {
        EXPECT_EQ(log->append(log_line(number)), number);
        if (number == 2) {
            EXPECT_TRUE(log->wait_synced(number, agent::long_ns));
            log->rotate();
        }
        if (number <= 3) {
            index.appended(entry, number, {number, number});
        }
    }
    EXPECT_TRUE(log->wait_synced(4, agent::long_ns));
    index.synced(3, [](const server::DedupIndex::Entry&) {});
    std::ofstream(path + ".ledger") << index.text(3);
}

TEST(StoredFiles, Write) {
    const char* wanted = std::getenv("VIGIL_STORE_FILES");
    const test::TempDirectory temporary;
    const fs::path directory = wanted != nullptr ? wanted : temporary.path("now");
    write_deaths(directory / "deaths", 11);
    fs::create_directories(directory / "spool");
    agent::add_lines(*agent::open_spool(directory / "spool"), 1, 5);
    write_log(directory / "events.log");
}

class StoredBy : public ::testing::TestWithParam<std::string> {
 protected:
    StoredBy() { fs::copy(stored / GetParam(), copy_.path("copy"), fs::copy_options::recursive); }

    std::string path(const std::string& name) const { return copy_.path("copy/" + name); }

    const test::TempDirectory copy_;
};

TEST_P(StoredBy, DeathsAreRead) {
    const std::vector<std::string> files{path("deaths/abnormal.log"), path("deaths/clean.log")};
    const auto result = query::run_query(files, query::Query{});
    ASSERT_EQ(result.deaths.size(), 2U);
    for (const query::Match& match : result.deaths) {
        const bool is_clean = match.record.pid == 11;
        EXPECT_EQ(match.record.comm, "nginx");
        EXPECT_EQ(match.record.cause, is_clean ? model::Cause::exit : model::Cause::signal);
        EXPECT_EQ(match.record.killer.pid.has_value(), !is_clean);
    }
    write_deaths(path("deaths"), 12);
    EXPECT_EQ(query::run_query(files, query::Query{}).deaths.size(), 3U) << "one is there twice";
}

TEST_P(StoredBy, SpoolIsSent) {
    const auto spool = agent::open_spool(path("spool"));
    EXPECT_EQ(agent::numbers_of(agent::unsent(*spool)), agent::from_to(1, 5));
    agent::add_lines(*spool, 6, 7);
    EXPECT_EQ(agent::numbers_of(agent::unsent(*spool)), agent::from_to(1, 7));
}

TEST_P(StoredBy, LogIsContinued) {
    std::ifstream in(path("events.log.ledger"));
    std::stringstream text;
    text << in.rdbuf();
    server::DedupIndex index;
    const auto covered = index.load(text.str());
    ASSERT_TRUE(covered) << covered.error().context;
    EXPECT_EQ(*covered, 3U);
    EXPECT_EQ(index.use(agent_name, agent_journal).appended, 3U);
    index.recover(log_line(4), 4);
    EXPECT_EQ(index.use(agent_name, agent_journal).appended, 4U);

    const auto log = open_log(path("events.log"));
    EXPECT_EQ(log->oldest_sequence(), 1U);
    EXPECT_EQ(log->next_sequence(), 5U);
}

std::vector<std::string> versions() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(stored)) {
        names.push_back(entry.path().filename());
    }
    return names;
}

INSTANTIATE_TEST_SUITE_P(Version, StoredBy, ::testing::ValuesIn(versions()),
                         [](const auto& version) {
                             std::string name = version.param;
                             std::replace(name.begin(), name.end(), '.', '_');
                             return name;
                         });

}  // namespace
}  // namespace vigil
