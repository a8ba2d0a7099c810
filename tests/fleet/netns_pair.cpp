// SPDX-License-Identifier: Apache-2.0
#include "netns_pair.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "fleet_namespaces.h"
#include "processes.h"

namespace vigil::tests {
namespace {

constexpr const char* cable = "vigil0";  // the name of both ends

// Builds a netlink message with nested attributes.
class Message {
 public:
    Message(uint16_t type, uint16_t flags) {
        head()->nlmsg_type = type;
        head()->nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
    }
    void add(const void* bytes, size_t size) {
        std::memcpy(bytes_.data() + size_, bytes, size);
        size_ += NLMSG_ALIGN(size);
    }
    void add(uint16_t type, const void* bytes, size_t size) {
        const size_t at = open(type);
        add(bytes, size);
        attribute(at)->rta_len = static_cast<uint16_t>(RTA_LENGTH(size));
    }
    size_t open(uint16_t type) {
        const size_t at = size_;
        attribute(at)->rta_type = type;
        size_ += RTA_LENGTH(0);
        return at;
    }
    void close(size_t at) { attribute(at)->rta_len = static_cast<uint16_t>(size_ - at); }

    // Sends it; returns 0 or the errno of the kernel's answer.
    int send_request() {
        const Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
        head()->nlmsg_len = static_cast<uint32_t>(size_);
        alignas(nlmsghdr) std::array<char, 1024> answer{};
        if (::send(socket.get(), bytes_.data(), size_, 0) < 0 ||
            ::recv(socket.get(), answer.data(), answer.size(), 0) < 0) {
            return errno;
        }
        return -reinterpret_cast<const nlmsgerr*>(answer.data() + NLMSG_HDRLEN)->error;
    }

 private:
    nlmsghdr* head() { return reinterpret_cast<nlmsghdr*>(bytes_.data()); }
    rtattr* attribute(size_t at) { return reinterpret_cast<rtattr*>(bytes_.data() + at); }

    alignas(nlmsghdr) std::array<char, 1024> bytes_{};
    size_t size_ = NLMSG_HDRLEN;
};

// Creates the veth pair: one end here, the other in that namespace.
int make_cable(int there) {
    Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    const ifinfomsg link{};
    message.add(&link, sizeof link);
    message.add(IFLA_IFNAME, cable, std::strlen(cable) + 1);
    const size_t info = message.open(IFLA_LINKINFO);
    message.add(IFLA_INFO_KIND, "veth", 5);
    const size_t data = message.open(IFLA_INFO_DATA);
    const size_t peer = message.open(VETH_INFO_PEER);
    message.add(&link, sizeof link);
    message.add(IFLA_IFNAME, cable, std::strlen(cable) + 1);
    message.add(IFLA_NET_NS_FD, &there, sizeof there);
    message.close(peer);
    message.close(data);
    message.close(info);
    return message.send_request();
}

bool raise(const char* address) {
    const Fd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strcpy(request.ifr_name, cable);
    sockaddr_in own{};
    own.sin_family = AF_INET;
    ::inet_pton(AF_INET, address, &own.sin_addr);
    std::memcpy(&request.ifr_addr, &own, sizeof own);
    if (::ioctl(any.get(), SIOCSIFADDR, &request) != 0) {
        return false;
    }
    ::inet_pton(AF_INET, "255.255.255.0", &own.sin_addr);
    std::memcpy(&request.ifr_netmask, &own, sizeof own);
    if (::ioctl(any.get(), SIOCSIFNETMASK, &request) != 0) {
        return false;
    }
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    return ::ioctl(any.get(), SIOCSIFFLAGS, &request) == 0;
}

// A namespace exists as long as a process or descriptor refers to it.
Fd new_network() {
    const Gate ready;
    const pid_t holder = start([&] {
        if (::unshare(CLONE_NEWNET) != 0) {
            return 1;
        }
        bring_up_loopback();
        ready.open();
        while (true) {
            ::pause();
        }
    });
    ready.pass();
    Fd network(
        ::open(("/proc/" + std::to_string(holder) + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
    kill_and_wait(holder, SIGKILL);
    return network;
}

int in_network(const Fd& network, const std::function<int()>& body) {
    return wait_for(start([&] { return ::setns(network.get(), CLONE_NEWNET) == 0 ? body() : 99; }))
        .code();
}

std::function<void()> mover(const Fd& network) {
    return [fd = network.get()] {
        if (::setns(fd, CLONE_NEWNET) != 0) {
            ::_exit(125);
        }
    };
}

}  // namespace

NetnsPair::NetnsPair() : first_(new_network()), second_(new_network()) {
    const int error = in_network(first_, [&] { return make_cable(second_.get()); });
    if (error == EOPNOTSUPP) {
        return;
    }
    EXPECT_EQ(error, 0) << std::strerror(error);
    EXPECT_EQ(in_network(first_, [] { return raise(first_address) ? 0 : 1; }), 0);
    EXPECT_EQ(in_network(second_, [] { return raise(second_address) ? 0 : 1; }), 0);
    exist_ = true;
}

std::function<void()> NetnsPair::in_first() const { return mover(first_); }
std::function<void()> NetnsPair::in_second() const { return mover(second_); }

}  // namespace vigil::tests
