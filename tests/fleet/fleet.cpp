// SPDX-License-Identifier: Apache-2.0
#include "fleet.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>
#include <utility>

namespace vigil::tests {

Program::Options quiet(const std::string& directory, const std::string& called_as) {
    Program::Options options;
    options.called_as = called_as;
    options.before_exec = [directory] {
        const int nothing = ::open("/dev/null", O_RDONLY);
        ::dup2(nothing, STDIN_FILENO);
        if (::chdir(directory.c_str()) != 0) {
            ::_exit(125);
        }
    };
    return options;
}

void write_file(const std::string& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << text;
    file.close();
    EXPECT_TRUE(file) << path;
}

std::string read_text(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

uint64_t chosen_seed() {
    const char* seed = std::getenv("VIGIL_TEST_SEED");
    return seed != nullptr ? std::strtoull(seed, nullptr, 10) : std::random_device()();
}

Outcome run_vigil(const Strings& arguments, const std::string& directory) {
    Program program(arguments, quiet(directory));
    Outcome outcome;
    outcome.exit_code = program.wait();
    outcome.output = program.output();
    outcome.errors = program.errors();
    return outcome;
}

FleetServer::FleetServer(Strings options, const std::string& rules) : options_(std::move(options)) {
    write_file(this->rules(), rules);
}

void FleetServer::add_options(const Strings& options) {
    options_.insert(options_.end(), options.begin(), options.end());
}

void FleetServer::start() {
    Strings words{"server", "-c", rules(), "-l", log(), "--control", control()};
    words.insert(words.end(), options_.begin(), options_.end());
    program_ = std::make_unique<Program>(words, quiet(directory()));
    program_->wait_for_error("vigil: serving ");
}

void FleetServer::kill() {
    program_->send(SIGKILL);
    EXPECT_EQ(program_->wait(), 128 + SIGKILL) << program_->errors();
    program_.reset();
}

void FleetServer::stop() {
    program_->send(SIGTERM);
    EXPECT_EQ(program_->wait(), 0) << program_->errors();
    program_.reset();
}

Outcome FleetServer::ctl(const Strings& words) const {
    Strings all{"ctl", "--control", control()};
    all.insert(all.end(), words.begin(), words.end());
    return run_vigil(all);
}

uint64_t FleetServer::stat(const std::string& name) const {
    std::istringstream lines(ctl({"stats"}).output);
    std::string key;
    uint64_t value = 0;
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        if (words >> key >> value && key == name) {
            return value;
        }
    }
    ADD_FAILURE() << "stats have no " << name;
    return 0;
}

bool FleetServer::wait_for_log(const std::function<bool(const ServerLog&)>& holds,
                               const std::string& what) const {
    auto next = std::chrono::steady_clock::now();
    return wait_until(
        [&] {
            // A long log takes a while to read.
            if (std::chrono::steady_clock::now() < next) {
                return false;
            }
            const bool there = holds(read());
            next = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
            return there;
        },
        what + " in the log");
}

bool FleetServer::wait_for_death(pid_t pid, const std::string& signal) const {
    return wait_for_log([&](const ServerLog& log) { return has_death(log, pid, signal); },
                        signal + " of pid " + std::to_string(pid));
}

FleetAgent::FleetAgent(std::string state, Strings options, std::string name)
    : state_(std::move(state)), name_(std::move(name)), options_(std::move(options)) {}

void FleetAgent::start() {
    Strings words{"agent", "--state", state_, "--interval", "100ms"};
    if (!name_.empty()) {
        words.insert(words.end(), {"--name", name_});
    }
    words.insert(words.end(), options_.begin(), options_.end());
    program_ = std::make_unique<Program>(words, quiet());
    program_->wait_for_error("; Ctrl-C ends");
}

void FleetAgent::kill() {
    program_->send(SIGKILL);
    EXPECT_EQ(program_->wait(), 128 + SIGKILL) << program_->errors();
    program_.reset();
}

void FleetAgent::stop() {
    program_->send(SIGTERM);
    EXPECT_EQ(program_->wait(), 0) << program_->errors();
    program_.reset();
}

pid_t start_hog() {
    return start_sleeper([] {
        ::prctl(PR_SET_NAME, "fleet-hog");
        touch_mb(60);
    });
}

bool has_death(const ServerLog& log, pid_t pid, const std::string& signal) {
    const std::string wanted = ",\"pid\":" + std::to_string(pid) + ",";
    return std::any_of(log.lines.begin(), log.lines.end(), [&](const LogLine& line) {
        if (line.kind != "death" || line.text.find(wanted) == std::string::npos) {
            return false;
        }
        const auto event = Event::parse(line.text);
        return event && event->pid() == pid && event->text("exit_signal") == signal;
    });
}

int64_t unix_us(const std::string& time) {
    tm parts{};
    long us = 0;
    if (std::sscanf(time.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%6ldZ", &parts.tm_year, &parts.tm_mon,
                    &parts.tm_mday, &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &us) != 7) {
        ADD_FAILURE() << "no time: " << time;
        return 0;
    }
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    return ::timegm(&parts) * 1'000'000 + us;
}

}  // namespace vigil::tests
