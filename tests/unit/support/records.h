// SPDX-License-Identifier: Apache-2.0
// Ring records made by hand, as the kernel side would make them.
#pragma once

#include <linux/types.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "abi/records.h"

namespace vigil::test {

using Bytes = std::vector<std::byte>;

// The header's fields each have a value of their own, so that a mix-up shows.
vigil_header header(int kind, size_t size_bytes);

// Ready to be changed; all but the header is zero.
vigil_fork fork_record();
vigil_exit exit_record();
vigil_signal signal_record(int number);
vigil_oom oom_record();
vigil_kill_failed kill_failed_record();

// `argv_bytes`: what the kernel side counted; by default what is passed.
Bytes exec_record(std::string_view file, std::string_view argv, size_t argv_bytes = SIZE_MAX);

void set_comm(char (&to)[VIGIL_COMM_LENGTH], std::string_view comm);

template <class Record>
Bytes bytes_of(const Record& record) {
    Bytes bytes(sizeof record);
    std::memcpy(bytes.data(), &record, sizeof record);
    return bytes;
}

// Overwrites a member of the header inside `bytes`.
template <class Member, class Value>
void patch_header(Bytes& bytes, Member vigil_header::*member, Value value) {
    vigil_header header;
    std::memcpy(&header, bytes.data(), sizeof header);
    header.*member = static_cast<Member>(value);
    std::memcpy(bytes.data(), &header, sizeof header);
}

// One valid record of each kind, in the order of the kinds.
std::vector<Bytes> one_of_each();

}  // namespace vigil::test
