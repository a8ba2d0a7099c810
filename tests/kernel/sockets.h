// SPDX-License-Identifier: Apache-2.0
// Connected sockets over the loopback of a network namespace of the tests' own, and known numbers
// of bytes through them.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <string>

#include "base/fd.h"

namespace vigil::tests {

// Moves this process into a network namespace with nothing but a loopback that is up. Where the
// machine does not allow it, its own loopback has to do; false where there is none either.
bool make_own_loopback();

// Two ends that talk to each other.
struct Pair {
    Fd near;
    Fd far;
};
Pair tcp_pair(int family);  // AF_INET or AF_INET6
Pair udp_pair(int family);
// An IPv6 socket whose peer is an IPv4 one.
Pair mapped_udp_pair();
Pair unix_pair(int type);

// A UDP socket connected to a port where nobody listens.
Fd udp_to_nobody();

// For actors, which end where the kernel does not do as asked.
void require(bool condition, const char* what);

// Sends `total` bytes, `chunk` at a time.
void send_bytes(const Fd& socket, size_t total, size_t chunk);
// Reads until the other side has closed; all that came. Each read takes `chunk` at most.
size_t receive_all(const Fd& socket, size_t chunk);
// Reads exactly that much.
void receive_bytes(const Fd& socket, size_t total);

}  // namespace vigil::tests
