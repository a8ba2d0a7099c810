// SPDX-License-Identifier: Apache-2.0
#include "deaths/death_writer.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "support/events.h"
#include "support/processes.h"

namespace vigil::deaths {
namespace {

constexpr uint64_t timeout_ns = 10 * ns_per_s;

class Listener final : public DeathListener {
 public:
    void on_death(const model::Event& death, std::string_view line) override {
        EXPECT_EQ(death.kind, model::Kind::death);
        lines += line;
    }
    void on_store_message(const std::string& text) override { messages.push_back(text); }

    std::string lines;
    std::vector<std::string> messages;
};

TEST(DeathWriter, TheLineInTheStoreIsTheOneThatOthersGet) {
    const test::TempDirectory directory;
    Listener listener;
    DeathWriter writer(listener);
    ASSERT_TRUE(writer.open(directory.path("state"), Retention()));
    model::Death death;
    death.exit.status = 9;
    writer.on_event(test::event(model::Kind::death, &death));
    death.exit.status = 1 << 8;
    writer.on_event(test::event(model::Kind::death, &death));
    ASSERT_TRUE(writer.wait_durable(timeout_ns));
    std::ostringstream stored;
    stored << std::ifstream(directory.path("state/deaths/" + std::string(abnormal_file))).rdbuf();
    EXPECT_EQ(stored.str(), listener.lines);
    EXPECT_EQ(std::count(listener.lines.begin(), listener.lines.end(), '\n'), 2);
    EXPECT_EQ(writer.deaths(), 2U);
    writer.on_second();
    EXPECT_TRUE(listener.messages.empty());
}

TEST(DeathWriter, LossesAreStoredAndNoDeaths) {
    const test::TempDirectory directory;
    Listener listener;
    DeathWriter writer(listener);
    ASSERT_TRUE(writer.open(directory.path("state"), Retention()));
    writer.on_event(test::loss_event());
    ASSERT_TRUE(writer.wait_durable(timeout_ns));
    EXPECT_EQ(writer.deaths(), 0U);
    EXPECT_EQ(listener.lines, "");
    std::string line;
    std::ifstream stored(directory.path("state/deaths/" + std::string(abnormal_file)));
    EXPECT_TRUE(std::getline(stored, line));
    EXPECT_NE(line.find("\"kind\":\"loss\""), std::string::npos);
}

}  // namespace
}  // namespace vigil::deaths
