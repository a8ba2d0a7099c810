// SPDX-License-Identifier: Apache-2.0
#include "processes.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "harness.h"

namespace vigil::tests {
namespace {

namespace fs = std::filesystem;

uint64_t clock_ns(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

pid_t start(const std::function<int()>& body) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::_exit(body());
    }
    EXPECT_GT(pid, 0) << std::strerror(errno);
    return pid;
}

pid_t start_sleeper(const std::function<void()>& prepare) {
    const Gate ready;
    const pid_t pid = start([&] {
        ::alarm(120);
        if (prepare) {
            prepare();
        }
        ready.open();
        while (true) {
            ::pause();
        }
        return 0;
    });
    ready.pass();
    return pid;
}

int ExitResult::code() const { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; }
int ExitResult::signal() const { return WIFSIGNALED(status) ? WTERMSIG(status) : 0; }

pid_t start_as(pid_t pid, const std::function<void()>& body) {
    clone_args arguments{};
    arguments.exit_signal = SIGCHLD;
    arguments.set_tid = reinterpret_cast<uint64_t>(&pid);
    arguments.set_tid_size = 1;
    const auto child = static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
    if (child == 0) {
        body();
        ::_exit(0);
    }
    return child;
}

ExitResult wait_for(pid_t pid) {
    ExitResult ended;
    while (::wait4(pid, &ended.status, 0, &ended.usage) != pid) {
        if (errno != EINTR) {
            ADD_FAILURE() << "wait4 of " << pid << ": " << std::strerror(errno);
            break;
        }
    }
    return ended;
}

ExitResult kill_and_wait(pid_t pid, int signal) {
    ::kill(pid, signal);
    return wait_for(pid);
}

uint64_t cpu_ns(const rusage& usage) {
    const auto ns = [](const timeval& time) {
        return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 +
               static_cast<uint64_t>(time.tv_usec) * 1'000;
    };
    return ns(usage.ru_utime) + ns(usage.ru_stime);
}

uint64_t boot_now_ns() { return clock_ns(CLOCK_BOOTTIME); }

std::string utc_now() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    tm parts{};
    ::gmtime_r(&now.tv_sec, &parts);
    std::array<char, 64> text{};
    const size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    std::snprintf(text.data() + length, text.size() - length, ".%06ldZ", now.tv_nsec / 1'000);
    return text.data();
}

Gate::Gate() {
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    read_ = Fd(ends[0]);
    write_ = Fd(ends[1]);
}

void Gate::open() const { (void)!::write(write_.get(), "", 1); }

void Gate::pass() const {
    char byte = 0;
    while (::read(read_.get(), &byte, 1) < 0 && errno == EINTR) {
    }
}

std::string proc_file(pid_t pid, const std::string& name) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/" + name);
    return {std::istreambuf_iterator<char>(file), {}};
}

uint64_t proc_stat(pid_t pid, int field) {
    const std::string line = proc_file(pid, "stat");
    std::istringstream rest(line.substr(std::min(line.size(), line.rfind(')') + 1)));
    std::string word;
    for (int i = 3; i <= field; i++) {
        rest >> word;
    }
    return std::strtoull(word.c_str(), nullptr, 10);
}

uint64_t proc_value(pid_t pid, const std::string& name, const std::string& key) {
    std::istringstream lines(proc_file(pid, name));
    for (std::string line; std::getline(lines, line);) {
        if (line.rfind(key + ":", 0) == 0) {
            return std::strtoull(line.c_str() + key.size() + 1, nullptr, 10);
        }
    }
    ADD_FAILURE() << "no " << key << " in /proc/" << pid << "/" << name;
    return 0;
}

std::string self_path() { return fs::read_symlink("/proc/self/exe"); }

void exec(const std::string& path, const Strings& argv) {
    std::vector<char*> pointers;
    for (const std::string& word : argv) {
        pointers.push_back(const_cast<char*>(word.c_str()));
    }
    pointers.push_back(nullptr);
    ::execv(path.c_str(), pointers.data());
    ::_exit(127);
}

void exec_self(const Strings& action, const std::string& path) {
    Strings argv{"vigil_kernel_tests", "act"};
    argv.insert(argv.end(), action.begin(), action.end());
    // In a chroot the path leads elsewhere.
    exec(::access(path.c_str(), X_OK) == 0 ? path : "/proc/self/exe", argv);
}

void touch_mb(size_t mb) {
    const size_t bytes = mb << 20;
    auto* memory = static_cast<volatile char*>(std::malloc(bytes));
    for (size_t i = 0; i < bytes; i += 4096) {
        memory[i] = 1;
    }
}

bool touch_huge_mb(size_t mb) {
    const size_t size = mb << 20;
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
    if (memory == MAP_FAILED) {
        return false;
    }
    std::memset(memory, 1, size);
    return true;
}

namespace {

constexpr const char* huge_pages_file = "/proc/sys/vm/nr_hugepages";
constexpr size_t huge_page_mb = 2;

uint64_t reserved_huge_pages() {
    uint64_t pages = 0;
    std::ifstream(huge_pages_file) >> pages;
    return pages;
}

}  // namespace

std::optional<HugePages> HugePages::reserve(size_t mb) {
    const uint64_t before = reserved_huge_pages();
    const uint64_t wanted = before + mb / huge_page_mb;
    HugePages pages(before);
    std::ofstream(huge_pages_file) << wanted << std::flush;
    return reserved_huge_pages() >= wanted ? std::optional(std::move(pages)) : std::nullopt;
}

HugePages::~HugePages() {
    if (before_) {
        std::ofstream(huge_pages_file) << *before_ << std::flush;
    }
}

void burn_thread_ns(uint64_t ns) {
    const uint64_t end = clock_ns(CLOCK_THREAD_CPUTIME_ID) + ns;
    while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < end) {
        for (int i = 0; i < 20'000; i++) {
            asm volatile("" : "+r"(i));
        }
    }
}

TempDirectory::TempDirectory(const std::string& below) : path_(below + "/vigil-test.XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) {
        ADD_FAILURE() << path_ << ": " << std::strerror(errno);
    }
    ::chmod(path_.c_str(), 0755);
}

TempDirectory::~TempDirectory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

std::string disk_directory() {
    for (const char* path : {"/scratch", "/var/tmp", "/tmp"}) {
        struct statfs info {};
        if (::statfs(path, &info) != 0 || info.f_type == TMPFS_MAGIC ||
            info.f_type == RAMFS_MAGIC || info.f_type == OVERLAYFS_SUPER_MAGIC) {
            continue;
        }
        const TempDirectory directory(path);
        const Fd file(::open((directory.path() + "/probe").c_str(),
                             O_CREAT | O_RDWR | O_DIRECT | O_CLOEXEC, 0600));
        if (file) {
            return path;
        }
    }
    return {};
}

std::string cgroup_mount(const std::string& controller) {
    std::ifstream mounts("/proc/self/mounts");
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream words(line);
        std::string device, path, type, options;
        words >> device >> path >> type >> options;
        if (controller.empty()
                ? type == "cgroup2"
                : type == "cgroup" &&
                      ("," + options + ",").find("," + controller + ",") != std::string::npos) {
            return path;
        }
    }
    return {};
}

std::optional<Cgroup> Cgroup::make(const std::string& mount) {
    static int number = 0;
    if (mount.empty()) {
        return std::nullopt;
    }
    std::string path =
        mount + "/vigil-test-" + std::to_string(::getpid()) + "-" + std::to_string(++number);
    if (::mkdir(path.c_str(), 0755) != 0) {
        return std::nullopt;
    }
    return Cgroup(std::move(path));
}

Cgroup::~Cgroup() {
    if (!path_.empty()) {
        wait_until([&] { return ::rmdir(path_.c_str()) == 0; }, "an empty " + path_);
    }
}

uint64_t Cgroup::id() const {
    struct stat info {};
    ::stat(path_.c_str(), &info);
    return info.st_ino;
}

bool Cgroup::has(const std::string& file) const {
    return ::access((path_ + "/" + file).c_str(), F_OK) == 0;
}

bool Cgroup::write(const std::string& file, const std::string& text) const {
    const Fd fd(::open((path_ + "/" + file).c_str(), O_WRONLY | O_CLOEXEC));
    return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

void Cgroup::enter() const {
    if (!write("cgroup.procs", "0")) {
        ::_exit(99);
    }
}

std::optional<Cgroup> small_cgroup(const std::string& bytes) {
    if (auto cgroup = Cgroup::make(cgroup_mount("")); cgroup && cgroup->has("memory.max")) {
        (void)cgroup->write("memory.swap.max", "0");
        EXPECT_TRUE(cgroup->write("memory.max", bytes));
        return cgroup;
    }
    if (auto cgroup = Cgroup::make(cgroup_mount("memory")); cgroup) {
        if (cgroup->write("memory.limit_in_bytes", bytes)) {
            return cgroup;
        }
    }
    return std::nullopt;
}

}  // namespace vigil::tests
