// SPDX-License-Identifier: Apache-2.0
#include "agent/spool.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <set>

#include "agent/spool_lines.h"
#include "support/journal.h"
#include "wire/protocol.h"

namespace vigil::agent {
namespace {

class SpoolTest : public ::testing::Test {
 protected:
    std::string directory() const { return directory_.path("state"); }
    std::string state() const { return directory() + "/spool.state"; }
    std::unique_ptr<Spool> open() const { return open_spool(directory()); }
    void write_state(const std::string& content) const {
        directory_.write("state/spool.state", content);
    }

    const test::TempDirectory directory_;
};

TEST_F(SpoolTest, ReturnsLinesInOrderFromOneJournal) {
    const auto spool = open();
    EXPECT_EQ(spool->begin().first_sequence, 1U);
    EXPECT_TRUE(wire::is_uuid(spool->begin().journal));
    EXPECT_TRUE(unsent(*spool).empty());
    add_lines(*spool, 1, 500, 100);
    for (const size_t max_bytes : {1, 1000, 1 << 20}) {
        const auto lines = unsent(*spool, 0, max_bytes);
        EXPECT_EQ(numbers_of(lines), from_to(1, 500));
        for (const Sent& line : lines) {
            EXPECT_EQ(line.sequence, line.number);
            EXPECT_EQ(line.journal, spool->begin().journal);
        }
    }
    EXPECT_EQ(numbers_of(unsent(*spool, 490)), from_to(491, 500));
    EXPECT_EQ(spool->queued(), 500U);
    EXPECT_EQ(spool->lost(), 0U);
    EXPECT_EQ(spool->last_error(), "");
}

TEST_F(SpoolTest, SendsOnlyDurableLines) {
    struct Listener final : SpoolListener {
        void on_lines_durable() override { calls++; }
        std::atomic<int> calls = 0;
    } listener;
    const auto spool = open_spool(directory());
    spool->set_listener(&listener);
    EXPECT_TRUE(spool->add(spool_line(1), 0));
    EXPECT_EQ(spool->queued(), 1U) << "it counts from the start";
    EXPECT_TRUE(test::becomes_true([&] { return listener.calls > 0; })) << "the listener is called";
    spool->set_listener(nullptr);
    EXPECT_EQ(numbers_of(unsent(*spool)), from_to(1, 1));
}

TEST_F(SpoolTest, AcknowledgedLinesAreNotSentAgain) {
    auto spool = open();
    add_lines(*spool, 1, 10);
    const std::string journal = spool->begin().journal;
    spool->acknowledge(journal, 4);
    EXPECT_EQ(spool->acknowledged(), 4U);
    EXPECT_EQ(numbers_of(unsent(*spool)), from_to(5, 10));
    EXPECT_EQ(spool->queued(), 6U);
    spool->acknowledge(journal, 3);
    spool->acknowledge(wire::make_uuid(), 9);
    spool->acknowledge("", 9);
    EXPECT_EQ(spool->acknowledged(), 4U) << "neither backwards nor for others";
    spool->acknowledge(journal, 99);
    EXPECT_EQ(spool->acknowledged(), 10U) << "never beyond what is there";
    EXPECT_EQ(spool->queued(), 0U);
    EXPECT_EQ(spool->begin().first_sequence, 11U);
    spool.reset();
    EXPECT_EQ(unsent(*open()), std::vector<Sent>{}) << test::content_of(state());
}

TEST_F(SpoolTest, EachStartIsAJournalAndOldLinesKeepTheirs) {
    std::vector<Sent> expected;
    std::set<std::string> journals;
    for (uint64_t start = 0; start < 4; start++) {
        const auto spool = open();
        EXPECT_EQ(unsent(*spool), expected);
        add_lines(*spool, start * 10 + 1, start * 10 + 10);
        expected = unsent(*spool);
        ASSERT_EQ(numbers_of(expected), from_to(1, start * 10 + 10));
        journals.insert(expected.back().journal);
    }
    EXPECT_EQ(journals.size(), 4U);
    EXPECT_EQ(unsent(*open()), expected);
    EXPECT_EQ(unsent(*open()), expected) << "starts without a line leave nothing";
}

TEST_F(SpoolTest, AcknowledgesAcrossJournals) {
    for (uint64_t start = 0; start < 3; start++) {
        add_lines(*open(), start * 10 + 1, start * 10 + 10);
    }
    const auto spool = open();
    add_lines(*spool, 31, 40);
    const auto lines = unsent(*spool);
    ASSERT_EQ(lines.size(), 40U);
    EXPECT_EQ(spool->begin().journal, lines[0].journal);
    spool->acknowledge(lines[0].journal, 10);
    EXPECT_EQ(spool->begin().journal, lines[10].journal);
    EXPECT_EQ(spool->begin().first_sequence, 11U);
    spool->acknowledge(lines[0].journal, 99);
    EXPECT_EQ(spool->acknowledged(), 10U) << "one journal's word is not for the next";
    spool->acknowledge(lines[10].journal, 15);
    spool->acknowledge(lines[10].journal, 5);
    EXPECT_EQ(spool->acknowledged(), 15U);
    spool->acknowledge(lines[30].journal, 31);
    EXPECT_EQ(numbers_of(unsent(*spool)), from_to(32, 40));
    spool->enforce_retention();
    EXPECT_EQ(numbers_of(unsent(*spool)), from_to(32, 40));
    EXPECT_EQ(spool->begin().journal, lines[30].journal);
}

TEST_F(SpoolTest, DeletesAcknowledgedLines) {
    const auto spool = open_spool(directory(), 1 << 20);  // segments of 256 KiB
    add_lines(*spool, 1, 600, 1000);
    spool->enforce_retention();
    const size_t before = test::names_in(directory()).size();
    EXPECT_GE(before, 4U);
    spool->acknowledge(spool->begin().journal, 590);
    spool->enforce_retention();
    EXPECT_TRUE(test::becomes_true([&] { return test::names_in(directory()).size() < before; }));
    EXPECT_EQ(numbers_of(unsent(*spool)), from_to(591, 600));
    EXPECT_EQ(spool->lost(), 0U);
}

TEST_F(SpoolTest, AKilledWriterLosesNoDurableLine) {
    for (uint64_t iteration = 0; iteration < 3; iteration++) {
        const uint64_t first = iteration * 100 + 1;
        test::Process writer([&] {
            const auto spool = open();
            add_lines(*spool, first, first + 49);
            (void)spool->add(spool_line(first + 50), 0);
            ::kill(::getpid(), SIGKILL);  // neither its destructor nor anything else runs
        });
        writer.end();
        const auto spool = open();
        const auto lines = unsent(*spool);
        ASSERT_GE(lines.size(), 50U);
        EXPECT_EQ(numbers_of(lines), from_to(first, first + lines.size() - 1));
        std::set<std::string> journals;
        for (const Sent& line : lines) {
            journals.insert(line.journal);
        }
        EXPECT_EQ(journals.size(), 1U);
        spool->acknowledge(lines.back().journal, lines.back().sequence);
        EXPECT_TRUE(unsent(*spool).empty());
    }
}

TEST_F(SpoolTest, ALostStateCostsOnlyJournalIds) {
    std::string journal;
    {
        const auto spool = open();
        add_lines(*spool, 1, 10);
        journal = spool->begin().journal;
        spool->acknowledge(journal, 4);
    }
    std::filesystem::remove(state());
    const auto spool = open();
    const auto lines = unsent(*spool);
    EXPECT_EQ(numbers_of(lines), from_to(1, 10)) << "twice rather than not at all";
    for (const Sent& line : lines) {
        EXPECT_NE(line.journal, journal);
        EXPECT_TRUE(wire::is_uuid(line.journal));
    }
    add_lines(*spool, 11, 12);
    EXPECT_EQ(numbers_of(unsent(*spool)), from_to(1, 12));
    EXPECT_NE(unsent(*spool)[9].journal, unsent(*spool)[10].journal);
}

TEST_F(SpoolTest, ADamagedStateLosesNoLine) {
    std::string good;
    {
        const auto spool = open();
        add_lines(*spool, 1, 10);
        good = test::content_of(state());
    }
    const std::string journal = good.substr(good.find('\n') + 1, 36);
    const std::string none = "vigil spool 1 0\n";
    for (const std::string& damaged : {std::string(),
                                       std::string("\n"),
                                       std::string("nonsense"),
                                       std::string(5000, '\0'),
                                       std::string("vigil spool 2 10\n"),
                                       std::string("vigil spool 1 x\n"),
                                       std::string("vigil spool 1 -1\n"),
                                       std::string("vigil spool 1 99999999999999999999\n"),
                                       std::string("vigil spool 1 9223372036854775807\n"),
                                       std::string("vigil spool 1 4000000000\n"),
                                       none,
                                       none + "x 1\n",
                                       none + journal,
                                       none + journal + " 0\n",
                                       none + journal + " x\n",
                                       none + journal + " 1 1\n",
                                       none + journal + " 5\n" + journal + " 5\n",
                                       none + journal + " 7\n" + journal + " 3\n",
                                       none + journal + " 9223372036854775807\n",
                                       none + journal + " 3\n",
                                       good.substr(0, good.size() - 3)}) {
        for (const char* name : {"state/spool", "state/spool.lock"}) {
            EXPECT_TRUE(std::filesystem::exists(directory_.path(name))) << name;
        }
        write_state(damaged);
        const auto spool = open();
        ASSERT_NE(spool, nullptr) << damaged;
        EXPECT_EQ(numbers_of(unsent(*spool)), from_to(1, 10)) << damaged;
        EXPECT_EQ(spool->begin().first_sequence, 1U);
        EXPECT_EQ(spool->queued(), 10U);
    }
}

TEST_F(SpoolTest, AStateWithoutAJournalContinuesAfterIt) {
    {
        const auto spool = open();
        add_lines(*spool, 1, 10);
        spool->acknowledge(spool->begin().journal, 10);
    }
    for (const std::string& name : test::names_in(directory())) {
        if (name != "spool.state") {
            std::filesystem::remove(directory() + '/' + name);
        }
    }
    {
        const auto spool = open();
        EXPECT_TRUE(unsent(*spool).empty());
        add_lines(*spool, 11, 12);
        EXPECT_EQ(unsent(*spool), (std::vector<Sent>{{spool->begin().journal, 11, 11},
                                                     {spool->begin().journal, 12, 12}}));
    }
    std::filesystem::remove_all(directory());
    for (const char* largest : {"9223372036854775807", "9223372036854775806"}) {
        std::filesystem::create_directory(directory());
        write_state("vigil spool 1 " + std::string(largest) + "\n");
        const auto spool = open();
        ASSERT_NE(spool, nullptr);
        add_lines(*spool, 1, 3);
        EXPECT_EQ(numbers_of(unsent(*spool)), from_to(1, 3)) << largest;
        std::filesystem::remove_all(directory());
    }
}

// A cloned machine, or a directory that was restored from a backup.
TEST_F(SpoolTest, ACopyReusesNoSequenceForAnotherLine) {
    auto original = open();
    add_lines(*original, 1, 10);
    std::filesystem::copy(directory(), directory_.path("copy"));
    add_lines(*original, 11, 20);
    const auto copy = open_spool(directory_.path("copy"));
    add_lines(*copy, 111, 120);
    std::map<std::pair<std::string, uint64_t>, uint64_t> numbers;
    for (Spool* spool : {original.get(), copy.get()}) {
        for (const Sent& line : unsent(*spool)) {
            const auto [it, is_new] =
                numbers.emplace(std::pair(line.journal, line.sequence), line.number);
            EXPECT_EQ(it->second, line.number) << line.journal << ' ' << line.sequence;
        }
    }
    EXPECT_EQ(numbers.size(), 30U) << "the ten that both have are the same lines";
}

// What vigil did not write is left as it is.
TEST_F(SpoolTest, RefusesAForeignFile) {
    for (const std::string& foreign :
         {std::string("notes of somebody\nsecond line\n"), std::string("no line end"),
          std::string("{\"other\":\"json\"}\n"),
          std::string("\x7f"
                      "ELF\0\0\n\0",
                      8)}) {
        std::filesystem::create_directories(directory());
        directory_.write("state/spool", foreign);
        SpoolOptions options;
        options.directory = directory();
        const auto spool = Spool::open(options);
        ASSERT_FALSE(spool) << foreign;
        EXPECT_EQ(spool.error().code, ErrorCode::usage);
        EXPECT_NE(spool.error().context.find("holds what vigil did not write"), std::string::npos)
            << spool.error().context;
        EXPECT_EQ(test::content_of(directory() + "/spool"), foreign);
        EXPECT_EQ(test::names_in(directory()), std::vector<std::string>{"spool"});
    }
}

TEST_F(SpoolTest, LocksTheSpoolAndIsPrivate) {
    const auto spool = open();
    add_lines(*spool, 1, 1);
    SpoolOptions options;
    options.directory = directory();
    const auto second = Spool::open(options);
    EXPECT_FALSE(second);
    EXPECT_EQ(numbers_of(unsent(*spool)), from_to(1, 1));
    for (const std::string& name :
         {std::string("."), std::string("spool"), std::string("spool.state")}) {
        struct stat info {};
        ASSERT_EQ(::stat((directory() + '/' + name).c_str(), &info), 0);
        EXPECT_EQ(info.st_mode & 077U, 0U) << name;
    }
}

TEST_F(SpoolTest, MissingLinesAtTheEndOfAJournalBlockNoOther) {
    {
        const auto spool = open();
        add_lines(*spool, 1, 3);
    }
    {
        const auto spool = open();
        add_lines(*spool, 4, 5);
    }
    const auto spool = open();
    for (const auto& entry : std::filesystem::directory_iterator(directory())) {
        if (entry.file_size() == 3 * spool_line(1).size()) {
            std::filesystem::resize_file(entry.path(), 2 * spool_line(1).size());
        }
    }
    EXPECT_EQ(numbers_of(unsent(*spool)), (std::vector<uint64_t>{1, 2, 4, 5}));
    EXPECT_EQ(numbers_of(unsent(*spool)), (std::vector<uint64_t>{1, 2, 4, 5}));
    uint64_t reported = 0;
    spool->report_loss([&](const SpoolLoss& loss) {
        reported = loss.count;
        return spool_line(6);
    });
    EXPECT_EQ(reported, 1U) << "once";
}

TEST_F(SpoolTest, AnOversizedLineBlocksNoOther) {
    const auto spool = open();
    add_lines(*spool, 1, 2);
    add_lines(*spool, 3, 3, 3 << 20);
    add_lines(*spool, 4, 5);
    EXPECT_EQ(numbers_of(unsent(*spool)), (std::vector<uint64_t>{1, 2, 4, 5}));
    EXPECT_EQ(spool->lost(), 1U);
}

}  // namespace
}  // namespace vigil::agent
