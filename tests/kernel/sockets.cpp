// SPDX-License-Identifier: Apache-2.0
#include "sockets.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <vector>

namespace vigil::tests {
namespace {

struct Address {
    sockaddr_storage storage{};
    socklen_t length = 0;

    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Address loopback(int family) {
    Address address;
    if (family == AF_INET) {
        auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
        v4->sin_family = AF_INET;
        v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.length = sizeof *v4;
    } else {
        auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
        v6->sin6_family = AF_INET6;
        v6->sin6_addr = in6addr_loopback;
        address.length = sizeof *v6;
    }
    return address;
}

Address address_of(const Fd& socket) {
    Address address;
    address.length = sizeof address.storage;
    require(::getsockname(socket.get(), address.get(), &address.length) == 0, "getsockname");
    return address;
}

// ::ffff:127.0.0.1 with the port of `v4`.
Address mapped(const Address& v4) {
    Address address = loopback(AF_INET6);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
    v6->sin6_port = reinterpret_cast<const sockaddr_in*>(&v4.storage)->sin_port;
    ::inet_pton(AF_INET6, "::ffff:127.0.0.1", &v6->sin6_addr);
    return address;
}

Fd bound(int family, int type) {
    Fd socket(::socket(family, type | SOCK_CLOEXEC, 0));
    const Address address = loopback(family);
    require(::bind(socket.get(), address.get(), address.length) == 0, "bind");
    return socket;
}

void connect_to(const Fd& socket, const Address& address) {
    require(::connect(socket.get(), address.get(), address.length) == 0, "connect");
}

bool loopback_is_up(bool bring_up) {
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    if (::ioctl(socket.get(), SIOCGIFFLAGS, &request) != 0) {
        return false;
    }
    if ((request.ifr_flags & IFF_UP) == 0 && bring_up) {
        request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
        return ::ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0;
    }
    return (request.ifr_flags & IFF_UP) != 0;
}

}  // namespace

void require(bool condition, const char* what) {
    if (!condition) {
        std::cerr << what << ": " << std::strerror(errno) << "\n";
        ::_exit(99);
    }
}

bool make_own_loopback() {
    const bool own = ::unshare(CLONE_NEWNET) == 0;
    return loopback_is_up(own);
}

Pair tcp_pair(int family) {
    const Fd listener = bound(family, SOCK_STREAM);
    require(::listen(listener.get(), 1) == 0, "listen");
    Fd near(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    connect_to(near, address_of(listener));
    Fd far(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    require(static_cast<bool>(far), "accept");
    return {std::move(near), std::move(far)};
}

Pair udp_pair(int family) {
    Pair pair{bound(family, SOCK_DGRAM), bound(family, SOCK_DGRAM)};
    connect_to(pair.near, address_of(pair.far));
    connect_to(pair.far, address_of(pair.near));
    return pair;
}

Pair mapped_udp_pair() {
    Pair pair{Fd(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)), bound(AF_INET, SOCK_DGRAM)};
    connect_to(pair.near, mapped(address_of(pair.far)));
    Address peer = loopback(AF_INET);
    const Address own = address_of(pair.near);
    reinterpret_cast<sockaddr_in*>(&peer.storage)->sin_port =
        reinterpret_cast<const sockaddr_in6*>(&own.storage)->sin6_port;
    connect_to(pair.far, peer);
    return pair;
}

Pair unix_pair(int type) {
    int ends[2];
    require(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
    return {Fd(ends[0]), Fd(ends[1])};
}

Fd udp_to_nobody() {
    Fd socket = bound(AF_INET, SOCK_DGRAM);
    const Fd gone = bound(AF_INET, SOCK_DGRAM);
    connect_to(socket, address_of(gone));
    return socket;
}

void send_bytes(const Fd& socket, size_t total, size_t chunk) {
    const std::vector<char> bytes(std::min(total, chunk), 'x');
    for (size_t sent = 0; sent < total;) {
        const ssize_t count =
            ::send(socket.get(), bytes.data(), std::min(chunk, total - sent), MSG_NOSIGNAL);
        require(count > 0, "send");
        sent += static_cast<size_t>(count);
    }
}

size_t receive_all(const Fd& socket, size_t chunk) {
    std::vector<char> bytes(chunk);
    size_t received = 0;
    while (true) {
        const ssize_t count = ::recv(socket.get(), bytes.data(), bytes.size(), 0);
        require(count >= 0, "recv");
        if (count == 0) {
            return received;
        }
        received += static_cast<size_t>(count);
    }
}

void receive_bytes(const Fd& socket, size_t total) {
    std::vector<char> bytes(std::min<size_t>(total, 65'536));
    for (size_t received = 0; received < total;) {
        const ssize_t count =
            ::recv(socket.get(), bytes.data(), std::min(bytes.size(), total - received), 0);
        require(count > 0, "recv");
        received += static_cast<size_t>(count);
    }
}

}  // namespace vigil::tests
