// SPDX-License-Identifier: Apache-2.0
// Connected sockets over the loopback of the tests' own network namespace, and transfers of known
// numbers of bytes.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <string>

#include "base/fd.h"

namespace vigil::tests {

// Moves this process into a network namespace with only a loopback, which is up. If that is not
// allowed, the machine's loopback is used; false if there is none.
bool make_own_loopback();

// Two connected sockets.
struct Pair {
    Fd near;
    Fd far;
};
Pair tcp_pair(int family);  // AF_INET or AF_INET6
Pair udp_pair(int family);
// An IPv6 socket with an IPv4 peer.
Pair mapped_udp_pair();
Pair unix_pair(int type);

// A UDP socket connected to a port without listener.
Fd udp_to_nobody();

// For child processes: exits if the condition is false.
void require(bool condition, const char* what);

// Sends `total` bytes, `chunk` at a time.
void send_bytes(const Fd& socket, size_t total, size_t chunk);
// Reads until the other side has closed; returns the number of bytes. Each read gets `chunk` at
// most.
size_t receive_all(const Fd& socket, size_t chunk);
// Reads exactly that much.
void receive_bytes(const Fd& socket, size_t total);

}  // namespace vigil::tests
