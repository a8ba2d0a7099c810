// SPDX-License-Identifier: Apache-2.0
#include "record_run.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>

namespace vigil::tests {
namespace {

namespace fs = std::filesystem;

std::unique_ptr<RecordRun>& the_shared() {
    static std::unique_ptr<RecordRun> deaths;
    return deaths;
}

Strings arguments(const std::string& state, const Strings& options) {
    Strings all{"record", "--state", state};
    all.insert(all.end(), options.begin(), options.end());
    return all;
}

// All files of a journal that is no longer written, oldest first.
Strings parts(const std::string& path) {
    std::map<long long, std::string> rotated;
    const std::string prefix = fs::path(path).filename().string() + '.';
    for (const auto& entry : fs::directory_iterator(fs::path(path).parent_path())) {
        const std::string name = entry.path().filename();
        // Beside segments lie the lock and the manifest.
        if (name.starts_with(prefix) &&
            name.find_first_not_of("0123456789", prefix.size()) == std::string::npos) {
            rotated[std::stoll(name.substr(prefix.size()))] = entry.path();
        }
    }
    Strings all;
    for (const auto& [number, part] : rotated) {
        all.push_back(part);
    }
    all.push_back(path);
    return all;
}

}  // namespace

bool in_guest() { return std::getenv("VIGIL_IN_GUEST") != nullptr; }

RecordRun::RecordRun(const Strings& options, Program::Options program)
    : program_(arguments(directory_.path(), options), std::move(program)) {
    files_.push_back({directory_.path() + "/deaths/abnormal.log"});
    files_.push_back({directory_.path() + "/deaths/clean.log"});
    EXPECT_TRUE(program_.wait_for_error("keeping deaths in"));
}

RecordRun& RecordRun::shared() {
    if (!the_shared()) {
        the_shared() = std::make_unique<RecordRun>();
    }
    RecordRun& deaths = *the_shared();
    deaths.read_new();
    deaths.events_.clear();
    deaths.last_.clear();
    return deaths;
}

void RecordRun::end_all() {
    if (!the_shared()) {
        return;
    }
    for (const Event& event : the_shared()->end()) {
        EXPECT_NE(event.kind(), "loss") << event.line();
    }
    the_shared().reset();
}

Event RecordRun::of(pid_t pid) {
    const bool there = wait_until(
        [&] {
            read_new();
            return last_.count(pid) != 0;
        },
        "the certificate of " + std::to_string(pid));
    return there ? events_[last_[pid]] : Event{};
}

std::vector<Event> RecordRun::end() {
    program_.send(SIGINT);
    EXPECT_EQ(program_.wait(), 0) << program_.errors();
    events_.clear();
    for (const File& file : files_) {
        for (const std::string& path : parts(file.path)) {
            File part{path};
            read_new(part);
        }
    }
    return events_;
}

void RecordRun::read_new() {
    for (File& file : files_) {
        read_new(file);
    }
}

// Reads to the end of the file; if it was rotated, continues with the new one.
void RecordRun::read_new(File& file) {
    while (true) {
        if (!file.fd) {
            file.fd = Fd(::open(file.path.c_str(), O_RDONLY | O_CLOEXEC));
            if (!file.fd) {
                return;
            }
        }
        struct stat own {};
        struct stat now {};
        ::fstat(file.fd.get(), &own);
        const bool replaced = ::stat(file.path.c_str(), &now) == 0 && now.st_ino != own.st_ino;
        if (!read_rest(file) || !replaced) {
            return;
        }
        file.fd.reset();
    }
}

bool RecordRun::read_rest(File& file) {
    std::array<char, 64 << 10> buffer{};
    while (true) {
        const ssize_t got = ::read(file.fd.get(), buffer.data(), buffer.size());
        if (got < 0) {
            ADD_FAILURE() << "reading " << file.path;
            return false;
        }
        if (got == 0) {
            return true;
        }
        file.torn.append(buffer.data(), static_cast<size_t>(got));
        const size_t end = file.torn.rfind('\n') + 1;
        for (Event& event : parse_lines(file.torn.substr(0, end))) {
            if (event.kind() == "death") {
                last_[static_cast<pid_t>(event.pid())] = events_.size();
            }
            events_.push_back(std::move(event));
        }
        file.torn.erase(0, end);
    }
}

}  // namespace vigil::tests
