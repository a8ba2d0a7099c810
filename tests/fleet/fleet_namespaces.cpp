// SPDX-License-Identifier: Apache-2.0
#include "fleet_namespaces.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <iostream>

namespace vigil::tests {

void bring_up_loopback() {
    const Fd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    if (::ioctl(any.get(), SIOCSIFFLAGS, &request) != 0) {
        std::cerr << "loopback: " << std::strerror(errno) << "\n";
    }
}

void enter_fleet_namespaces() {
    ::mkdir("/var/lib", 0755);  // a guest may have none
    if (::unshare(CLONE_NEWNS | CLONE_NEWNET) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", "/run", "tmpfs", 0, "mode=0755") != 0 ||
        ::mount("tmpfs", "/var/lib", "tmpfs", 0, "mode=0755") != 0) {
        std::cerr << "no place of their own for the tests: " << std::strerror(errno) << "\n";
        ::_exit(1);
    }
    bring_up_loopback();
}

SmallDisk::SmallDisk(size_t bytes, size_t inodes) : path_("/tmp/vigil-disk.XXXXXX") {
    const std::string size = "mode=0700,size=" + std::to_string(bytes) +
                             (inodes > 0 ? ",nr_inodes=" + std::to_string(inodes) : "");
    if (::mkdtemp(path_.data()) == nullptr ||
        ::mount("tmpfs", path_.c_str(), "tmpfs", 0, size.c_str()) != 0) {
        ADD_FAILURE() << "no small disk: " << std::strerror(errno);
    }
}

SmallDisk::~SmallDisk() {
    ::umount2(path_.c_str(), MNT_DETACH);
    ::rmdir(path_.c_str());
}

void SmallDisk::fill(size_t leave_bytes) const {
    const Fd file(::open(filler().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    static constexpr std::array<char, 4096> page{};
    while (true) {
        struct statvfs info {};
        ::statvfs(path_.c_str(), &info);
        if (info.f_bavail * info.f_frsize < leave_bytes + page.size() ||
            ::write(file.get(), page.data(), page.size()) <= 0) {
            return;
        }
    }
}

void SmallDisk::free_space() const { ::unlink(filler().c_str()); }

}  // namespace vigil::tests
