// SPDX-License-Identifier: Apache-2.0
// Pins of another version of vigil are refused before anything is mapped.
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "abi/control.h"
#include "harness.h"
#include "mount_ns.h"

namespace vigil::tests {
namespace {

constexpr const char* control_pin = "/sys/fs/bpf/vigil/control";

int run(const Strings& arguments, std::string& errors) {
    Program vigil(arguments);
    const int code = vigil.wait();
    errors = vigil.errors();
    return code;
}

long bpf(int command, bpf_attr& attributes) {
    return ::syscall(SYS_bpf, command, &attributes, sizeof attributes);
}

// Writes another version into the pinned map.
void overwrite_version(uint32_t version) {
    bpf_attr open{};
    open.pathname = reinterpret_cast<uint64_t>(control_pin);
    const Fd map(static_cast<int>(bpf(BPF_OBJ_GET, open)));
    ASSERT_TRUE(map) << control_pin << ": " << std::strerror(errno);
    const uint32_t key = 0;
    std::vector<std::byte> value(sizeof(vigil_control));
    bpf_attr element{};
    element.map_fd = static_cast<uint32_t>(map.get());
    element.key = reinterpret_cast<uint64_t>(&key);
    element.value = reinterpret_cast<uint64_t>(value.data());
    ASSERT_EQ(bpf(BPF_MAP_LOOKUP_ELEM, element), 0) << std::strerror(errno);
    std::memcpy(&value[offsetof(vigil_control, abi_version)], &version, sizeof version);
    ASSERT_EQ(bpf(BPF_MAP_UPDATE_ELEM, element), 0) << std::strerror(errno);
}

TEST(PinnedVersion, AnotherOneIsRefusedWithTheFix) {
    if (!has_own_mount_ns()) {
        GTEST_SKIP() << "no mount namespace, and the machine's own pins are not for tests";
    }
    std::string errors;
    ASSERT_EQ(run({"pin"}, errors), 0) << errors;
    for (const uint32_t version : {VIGIL_ABI_VERSION + 1, VIGIL_ABI_VERSION - 1, 0}) {
        overwrite_version(version);
        EXPECT_EQ(run({"trace", "--pinned"}, errors), 1);
        EXPECT_NE(errors.find("was pinned by another version of vigil: 'vigil unpin', then "
                              "'vigil pin'"),
                  std::string::npos)
            << errors;
    }
    EXPECT_EQ(run({"unpin"}, errors), 0) << errors;
    ASSERT_EQ(run({"pin"}, errors), 0) << errors;
    Program reader({"trace", "--pinned"});
    EXPECT_TRUE(reader.wait_for_error("vigil: tracing "));
    reader.send(SIGINT);
    EXPECT_EQ(reader.wait(), 0) << reader.errors();
    EXPECT_EQ(run({"unpin"}, errors), 0) << errors;
}

}  // namespace
}  // namespace vigil::tests
