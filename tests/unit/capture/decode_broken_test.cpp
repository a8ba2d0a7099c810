// SPDX-License-Identifier: Apache-2.0
// Invalid records: too short, too long, of an unknown kind, with wrong lengths.
#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "capture/decode.h"
#include "support/records.h"

namespace vigil::capture {
namespace {

using namespace std::string_view_literals;
using test::Bytes;

const DecodeContext context;

// Copied to its exact size, so that a sanitizer detects a read past the end.
bool decodes(const Bytes& record) {
    const std::unique_ptr<std::byte[]> copy(new std::byte[record.size()]);
    std::copy(record.begin(), record.end(), copy.get());
    const std::span bytes(copy.get(), record.size());
    (void)killed_by_kernel(bytes);
    (void)oom_victim(bytes);
    (void)record_position(bytes);
    return decode(bytes, context).has_value();
}

void set_lengths(Bytes& exec, size_t file_length, size_t argv_length) {
    const auto file = static_cast<__u16>(file_length);
    const auto argv = static_cast<__u16>(argv_length);
    std::memcpy(exec.data() + offsetof(vigil_exec, file_length), &file, sizeof file);
    std::memcpy(exec.data() + offsetof(vigil_exec, argv_length), &argv, sizeof argv);
}

TEST(DecodeBroken, EveryTruncation) {
    for (const Bytes& whole : test::one_of_each()) {
        ASSERT_TRUE(decodes(whole));
        for (size_t size = 0; size < whole.size(); size++) {
            Bytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
            EXPECT_FALSE(decodes(cut)) << size;
            if (size >= sizeof(vigil_header)) {  // and with a matching size in the header
                test::patch_header(cut, &vigil_header::size, size);
                EXPECT_FALSE(decodes(cut)) << size;
            }
        }
    }
}

TEST(DecodeBroken, EveryExtension) {
    for (const Bytes& whole : test::one_of_each()) {
        for (const size_t more : {size_t{1}, size_t{8}, size_t{4096}}) {
            Bytes longer = whole;
            longer.resize(whole.size() + more);
            EXPECT_FALSE(decodes(longer));
            test::patch_header(longer, &vigil_header::size, longer.size());
            EXPECT_FALSE(decodes(longer));
        }
    }
}

TEST(DecodeBroken, WrongSize) {
    for (Bytes record : test::one_of_each()) {
        for (const size_t size :
             {size_t{0}, record.size() - 1, record.size() + 1, size_t{UINT32_MAX}}) {
            test::patch_header(record, &vigil_header::size, size);
            EXPECT_FALSE(decodes(record));
        }
    }
}

TEST(DecodeBroken, RecordOfAnotherKind) {
    const auto records = test::one_of_each();
    for (size_t kind = 0; kind < records.size(); kind++) {
        for (size_t other = 0; other < records.size(); other++) {
            Bytes record = records[kind];
            test::patch_header(record, &vigil_header::kind, other);
            EXPECT_EQ(decodes(record), kind == other) << kind << " as " << other;
        }
    }
}

TEST(DecodeBroken, InvalidKind) {
    for (Bytes record : test::one_of_each()) {
        for (const int kind : {6, 7, 8, 255, 256, 65'535}) {
            test::patch_header(record, &vigil_header::kind, kind);
            EXPECT_FALSE(decodes(record)) << kind;
        }
    }
}

TEST(DecodeBroken, WrongExecLengths) {
    Bytes record = test::exec_record("/bin/ls", "ls\0-l\0"sv);
    const std::pair<size_t, size_t> lies[] = {
        {7, 7},      {8, 6},           {6, 6},       {7, 5},  {0, 0}, {65'535, 0},
        {0, 65'535}, {65'535, 65'535}, {65'535, 14}, {13, 1}, {14, 0}};
    for (const auto& [file, argv] : lies) {
        set_lengths(record, file, argv);
        EXPECT_FALSE(decodes(record)) << file << ' ' << argv;
    }
    // The boundary between the two can't be checked, but it is always inside the record.
    set_lengths(record, 13, 0);
    EXPECT_TRUE(decodes(record));
    set_lengths(record, 0, 13);
    EXPECT_TRUE(decodes(record));
}

TEST(DecodeBroken, InvalidSyscall) {
    auto record = test::kill_failed_record();
    record.syscall = VIGIL_SYSCALL_PIDFD_SEND_SIGNAL + 1;
    EXPECT_FALSE(decodes(test::bytes_of(record)));
    record.syscall = UINT32_MAX;
    EXPECT_FALSE(decodes(test::bytes_of(record)));
}

TEST(DecodeBroken, InvalidSignalNumbersAndResults) {
    auto record = test::signal_record(0);
    for (const __u32 number : {0U, 65U, 0x7fff'ffffU, 0x8000'0000U, UINT32_MAX}) {
        record.number = number;
        record.result = static_cast<__u16>(number);
        record.origin = static_cast<__u16>(number);
        const auto event = decode(test::bytes_of(record), context);
        ASSERT_TRUE(event);
        const auto& signal = std::get<model::Signal>(event->body);
        EXPECT_LE(signal.result, model::SignalResult::info_lost);
        EXPECT_NE(model::to_string(signal.source), "");
    }
}

TEST(DecodeBroken, ACommWithoutItsNul) {
    auto record = test::fork_record();
    std::memset(record.header.comm, 'x', sizeof record.header.comm);
    const auto event = decode(test::bytes_of(record), context);
    ASSERT_TRUE(event);
    EXPECT_EQ(event->process.comm.view(), std::string(16, 'x'));
}

TEST(DecodeBroken, NoiseIsNeverReadOutOfBounds) {
    std::mt19937_64 random(4'711);
    const auto records = test::one_of_each();
    for (int i = 0; i < 20'000; i++) {
        Bytes record = records[random() % records.size()];
        for (uint64_t flips = random() % 8; flips > 0; flips--) {
            record[random() % record.size()] = static_cast<std::byte>(random());
        }
        // The clock never reaches the upper bits.
        test::patch_header(record, &vigil_header::time_ns, random() >> 4);
        (void)decodes(record);
    }
}

TEST(DecodeBroken, ExtremeTimesDoNotOverflow) {
    auto record = test::fork_record();
    for (const __u64 time_ns : {~__u64{0}, __u64{1} << 63, (__u64{1} << 63) - 1}) {
        record.header.time_ns = time_ns;
        const DecodeContext now{.unix_minus_boot_ns = 1'795'000'000'000'000'000};
        EXPECT_TRUE(decode(test::bytes_of(record), now));
    }
}

}  // namespace
}  // namespace vigil::capture
