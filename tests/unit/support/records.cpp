// SPDX-License-Identifier: Apache-2.0
#include "support/records.h"

#include <algorithm>

namespace vigil::test {
namespace {

template <class Record>
Record blank(int kind) {
    Record record;
    std::memset(&record, 0, sizeof record);
    record.header = header(kind, sizeof record);
    return record;
}

}  // namespace

void set_comm(char (&to)[VIGIL_COMM_LENGTH], std::string_view comm) {
    std::memset(to, 0, sizeof to);
    std::memcpy(to, comm.data(), std::min(comm.size(), sizeof to));
}

vigil_header header(int kind, size_t size_bytes) {
    vigil_header header{};
    header.time_ns = 5'000'000'000;
    header.sequence = 77;
    header.start_ns = 3'500'000'000;
    header.cgroup_id = 0x1'0000'0042;
    header.size = static_cast<__u32>(size_bytes);
    header.kind = static_cast<__u16>(kind);
    header.stream = 3;
    header.pid = 5678;
    header.tid = 5679;
    header.ppid = 1234;
    header.uid = 1000;
    header.gid = 100;
    header.pidns_level = 2;
    set_comm(header.comm, "myapp");
    return header;
}

vigil_fork fork_record() {
    auto record = blank<vigil_fork>(VIGIL_FORK);
    record.parent_start_ns = 1'250'000'000;
    return record;
}

vigil_exit exit_record() { return blank<vigil_exit>(VIGIL_EXIT); }

vigil_signal signal_record(int number) {
    auto record = blank<vigil_signal>(VIGIL_SIGNAL);
    record.number = static_cast<__u32>(number);
    record.sender_start_ns = 1'250'000'000;
    record.sender_pid = 1234;
    record.sender_tid = 1235;
    record.sender_uid = 1001;
    set_comm(record.sender_comm, "bash");
    return record;
}

vigil_oom oom_record() {
    auto record = blank<vigil_oom>(VIGIL_OOM);
    record.rss_pages = 1000;
    record.trigger_pid = 99;
    record.score_adjust = -17;
    set_comm(record.trigger_comm, "hungry");
    return record;
}

vigil_kill_failed kill_failed_record() {
    auto record = blank<vigil_kill_failed>(VIGIL_KILL_FAILED);
    record.target = 99'999;
    record.number = 15;
    record.error = 3;
    return record;
}

Bytes exec_record(std::string_view file, std::string_view argv, size_t argv_bytes) {
    constexpr size_t begin = offsetof(vigil_exec, data);
    auto record = blank<vigil_exec>(VIGIL_EXEC);
    record.header.size = static_cast<__u32>(begin + file.size() + argv.size());
    record.old_tid = 5680;
    record.argc = static_cast<__u32>(std::count(argv.begin(), argv.end(), '\0'));
    record.argv_bytes = static_cast<__u32>(argv_bytes == SIZE_MAX ? argv.size() : argv_bytes);
    record.file_length = static_cast<__u16>(file.size());
    record.argv_length = static_cast<__u16>(argv.size());
    Bytes bytes(begin + file.size() + argv.size());
    std::memcpy(bytes.data(), &record, begin);
    std::memcpy(bytes.data() + begin, file.data(), file.size());
    std::memcpy(bytes.data() + begin + file.size(), argv.data(), argv.size());
    return bytes;
}

std::vector<Bytes> one_of_each() {
    using namespace std::string_view_literals;
    return {bytes_of(fork_record()), exec_record("/bin/ls", "ls\0-l\0"sv),
            bytes_of(exit_record()), bytes_of(signal_record(15)),
            bytes_of(oom_record()),  bytes_of(kill_failed_record())};
}

}  // namespace vigil::test
