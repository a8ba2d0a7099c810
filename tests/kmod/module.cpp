// SPDX-License-Identifier: Apache-2.0
#include "module.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <regex>
#include <sstream>

namespace vigil::tests {
namespace {

constexpr const char* module_name = "process_monitor";
const std::string prefix = "PROCESS_MONITOR: ";

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    EXPECT_NE(value, nullptr) << name << " is not set";
    return value != nullptr ? value : "";
}

std::string parameter_path(const std::string& name) {
    return std::string("/sys/module/") + module_name + "/parameters/" + name;
}

// /dev/kmsg writes control characters and backslashes as \xHH.
std::string unescaped(const std::string& text) {
    std::string plain;
    for (size_t i = 0; i < text.size(); i++) {
        if (text.compare(i, 2, "\\x") == 0 && i + 4 <= text.size()) {
            plain += static_cast<char>(std::stoi(text.substr(i + 2, 2), nullptr, 16));
            i += 3;
        } else {
            plain += text[i];
        }
    }
    return plain;
}

}  // namespace

std::string module_path() { return variable("VIGIL_MODULE"); }
std::string broken_module_path() { return variable("VIGIL_BROKEN_MODULE"); }

int load_module(const std::string& path, const std::string& parameters) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_TRUE(file) << path;
    return ::syscall(SYS_finit_module, file.get(), parameters.c_str(), 0) == 0 ? 0 : errno;
}

int unload_module() {
    return ::syscall(SYS_delete_module, module_name, O_NONBLOCK) == 0 ? 0 : errno;
}

bool module_is_loaded() { return ::access("/sys/module/process_monitor", F_OK) == 0; }

int set_parameter(const std::string& name, const std::string& value) {
    const Fd file(::open(parameter_path(name).c_str(), O_WRONLY | O_CLOEXEC));
    EXPECT_TRUE(file) << name;
    const bool written = ::write(file.get(), value.data(), value.size()) == ssize_t(value.size());
    return written ? 0 : errno;
}

std::string parameter(const std::string& name) {
    std::ifstream file(parameter_path(name));
    std::string value;
    file >> value;
    return value;
}

std::map<std::string, uint64_t> module_totals() {
    std::ifstream file("/proc/process_monitor");
    std::map<std::string, uint64_t> totals;
    for (std::string line; std::getline(file, line);) {
        std::smatch part;
        EXPECT_TRUE(std::regex_match(line, part, std::regex("([a-z_]+) ([0-9]+)"))) << line;
        totals[part[1]] = std::stoull(part[2]);
    }
    return totals;
}

LoadedModule::LoadedModule(const std::string& parameters) {
    const int error = load_module(module_path(), parameters);
    EXPECT_EQ(error, 0) << "loading with '" << parameters << "'";
    loaded_ = error == 0;
}

LoadedModule::~LoadedModule() {
    if (loaded_) {
        unload();
    }
}

void LoadedModule::unload() {
    EXPECT_EQ(unload_module(), 0);
    loaded_ = false;
}

TotalsHidden::TotalsHidden() {
    EXPECT_EQ(::mount("/dev/null", "/proc/process_monitor", nullptr, MS_BIND, nullptr), 0);
}
TotalsHidden::~TotalsHidden() { EXPECT_EQ(::umount("/proc/process_monitor"), 0); }

KernelLog::KernelLog() : log_(::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
    EXPECT_TRUE(log_) << "/dev/kmsg";
    ::lseek(log_.get(), 0, SEEK_END);
}

std::vector<std::string> KernelLog::lines() {
    std::vector<std::string> lines;
    std::array<char, 8192> buffer{};
    while (true) {
        const ssize_t got = ::read(log_.get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EPIPE) {
            overwritten_ = true;
            continue;
        }
        if (got <= 0) {
            return lines;
        }
        // "priority,number,time,flags;text\n", then key lines that begin with a space.
        const std::string record(buffer.data(), static_cast<size_t>(got));
        const size_t text = record.find(';') + 1;
        std::istringstream record_lines(unescaped(record.substr(text, record.find('\n') - text)));
        for (std::string line; std::getline(record_lines, line);) {
            lines.push_back(line);
        }
    }
}

std::vector<std::string> KernelLog::module_lines() {
    std::vector<std::string> found;
    for (const std::string& line : lines()) {
        if (line.rfind(prefix, 0) == 0) {
            found.push_back(line.substr(prefix.size()));
        }
    }
    return found;
}

std::vector<ExitLines> KernelLog::exits() {
    static const std::regex first(R"(Process exiting - PID: (\d+), Name: (.*), Parent PID: (\d+))");
    static const std::regex second(R"(  User time: (\d+) ns, System time: (\d+) ns)");
    std::vector<ExitLines> exits;
    const std::vector<std::string> found = module_lines();
    for (size_t i = 0; i < found.size(); i += 2) {
        std::smatch who;
        std::smatch times;
        if (!std::regex_match(found[i], who, first) || i + 1 == found.size() ||
            !std::regex_match(found[i + 1], times, second)) {
            ADD_FAILURE() << "no exit: " << found[i];
            return exits;
        }
        exits.push_back({std::stoi(who[1]), who[2], std::stoi(who[3]), std::stoull(times[1]),
                         std::stoull(times[2])});
    }
    return exits;
}

ExitLines KernelLog::exit_of(pid_t pid) {
    ExitLines found;
    int count = 0;
    for (const ExitLines& exit : exits()) {
        if (exit.pid == pid) {
            found = exit;
            count++;
        }
    }
    EXPECT_EQ(count, 1) << "exits of " << pid << " in the log";
    return found;
}

}  // namespace vigil::tests
