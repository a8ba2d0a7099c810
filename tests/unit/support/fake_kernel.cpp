// SPDX-License-Identifier: Apache-2.0
#include "support/fake_kernel.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace vigil::test {
namespace {

constexpr size_t record_max = 16'384;

Fd array(const char* name, size_t value_bytes, size_t entries, uint32_t flags) {
    bpf_map_create_opts options{};
    options.sz = sizeof options;
    options.map_flags = flags;
    return Fd(::bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(__u32),
                               static_cast<__u32>(value_bytes), static_cast<__u32>(entries),
                               &options));
}

Mapping map_whole(const Fd& fd, size_t size_bytes) {
    const auto page = static_cast<size_t>(::getpagesize());
    const size_t rounded = (size_bytes + page - 1) / page * page;
    void* address = ::mmap(nullptr, rounded, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    return address == MAP_FAILED ? Mapping() : Mapping(address, rounded);
}

bpf_insn instruction(int code, int destination, int source, int offset, int immediate) {
    bpf_insn result{};
    result.code = static_cast<__u8>(code);
    result.dst_reg = static_cast<__u8>(destination & 0xf);
    result.src_reg = static_cast<__u8>(source & 0xf);
    result.off = static_cast<__s16>(offset);
    result.imm = immediate;
    return result;
}

struct Assembler {
    std::vector<bpf_insn> code;

    void set(int reg, int value) {
        code.push_back(instruction(BPF_ALU64 | BPF_MOV | BPF_K, reg, 0, 0, value));
    }
    void copy(int to, int from) {
        code.push_back(instruction(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0));
    }
    void load_map(int reg, int fd) {
        code.push_back(instruction(BPF_LD | BPF_DW | BPF_IMM, reg, BPF_PSEUDO_MAP_FD, 0, fd));
        code.push_back(instruction(0, 0, 0, 0, 0));
    }
    void call(int helper) { code.push_back(instruction(BPF_JMP | BPF_CALL, 0, 0, 0, helper)); }
    // Leaves the program with 1 where r0 is a null pointer.
    void leave_if_null() {
        code.push_back(instruction(BPF_JMP | BPF_JNE | BPF_K, 0, 0, 2, 0));
        set(0, 1);
        leave();
    }
    void leave() { code.push_back(instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)); }
};

Fd duplicate(const Fd& fd) { return Fd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0)); }

}  // namespace

std::unique_ptr<FakeKernel> FakeKernel::create(size_t ring_bytes, uint32_t cpus, uint32_t lanes) {
    const size_t streams = size_t{cpus} * lanes;
    std::unique_ptr<FakeKernel> kernel(new FakeKernel);
    kernel->ring_ = Fd(::bpf_map_create(BPF_MAP_TYPE_RINGBUF, "test_ring", 0, 0,
                                        static_cast<__u32>(ring_bytes), nullptr));
    kernel->record_map_ = array("test_record", record_max, 1, 0);
    kernel->control_map_ = array("test_control", sizeof(vigil_control), 1, BPF_F_MMAPABLE);
    kernel->counters_map_ =
        array("test_counters", sizeof(vigil_cpu_counters), streams, BPF_F_MMAPABLE);
    kernel->cursors_map_ =
        array("test_cursors", sizeof(vigil_cpu_streams), 2 * streams, BPF_F_MMAPABLE);
    if (!kernel->ring_ || !kernel->record_map_ || !kernel->control_map_ || !kernel->counters_map_ ||
        !kernel->cursors_map_ || kernel->program(8, false) < 0) {
        return nullptr;
    }
    kernel->control_mapping_ = map_whole(kernel->control_map_, sizeof(vigil_control));
    kernel->counters_mapping_ =
        map_whole(kernel->counters_map_, streams * sizeof(vigil_cpu_counters));
    kernel->control_ = kernel->control_mapping_.as<vigil_control>();
    kernel->counters_ = kernel->counters_mapping_.as<vigil_cpu_counters>();
    if (kernel->control_ == nullptr || kernel->counters_ == nullptr) {
        return nullptr;
    }
    kernel->control_->ring_bytes = ring_bytes;
    kernel->control_->wakeup_bytes = ring_bytes / 8;
    kernel->control_->abi_version = VIGIL_ABI_VERSION;
    kernel->control_->cpu_count = cpus;
    kernel->control_->lane_count = lanes;
    kernel->control_->attached_ns = 1'000'000'000;
    return kernel;
}

int FakeKernel::program(size_t size_bytes, bool discard) {
    const auto size = static_cast<int>(size_bytes);
    Fd& fd = programs_[{size_bytes, discard}];
    if (fd) {
        return fd.get();
    }
    Assembler program;
    if (discard) {
        program.load_map(BPF_REG_1, ring_.get());
        program.set(BPF_REG_2, size);
        program.set(BPF_REG_3, 0);
        program.call(BPF_FUNC_ringbuf_reserve);
        program.leave_if_null();
        program.copy(BPF_REG_1, BPF_REG_0);
        program.set(BPF_REG_2, BPF_RB_FORCE_WAKEUP);
        program.call(BPF_FUNC_ringbuf_discard);
        program.set(BPF_REG_0, 0);
    } else {
        program.code.push_back(
            instruction(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, -4, 0));  // key 0
        program.copy(BPF_REG_2, BPF_REG_10);
        program.code.push_back(instruction(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -4));
        program.load_map(BPF_REG_1, record_map_.get());
        program.call(BPF_FUNC_map_lookup_elem);
        program.leave_if_null();
        program.copy(BPF_REG_2, BPF_REG_0);
        program.load_map(BPF_REG_1, ring_.get());
        program.set(BPF_REG_3, size);
        program.set(BPF_REG_4, BPF_RB_FORCE_WAKEUP);
        program.call(BPF_FUNC_ringbuf_output);
    }
    program.leave();
    fd = Fd(::bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "test_put", "GPL", program.code.data(),
                            program.code.size(), nullptr));
    return fd.get();
}

bool FakeKernel::run(int program_fd) {
    const std::array<char, 64> packet{};
    bpf_test_run_opts options{};
    options.sz = sizeof options;
    options.data_in = packet.data();
    options.data_size_in = packet.size();
    return ::bpf_prog_test_run_opts(program_fd, &options) == 0 && options.retval == 0;
}

bool FakeKernel::put(const Bytes& record) {
    const __u32 zero = 0;
    Bytes padded = record;
    padded.resize(record_max);
    return ::bpf_map_update_elem(record_map_.get(), &zero, padded.data(), BPF_ANY) == 0 &&
           run(program(record.size(), false));
}

bool FakeKernel::put_discarded(size_t size_bytes) { return run(program(size_bytes, true)); }

bool FakeKernel::send(Bytes record, uint16_t stream) {
    vigil_header header;
    std::memcpy(&header, record.data(), sizeof header);
    vigil_counter& mine = counter(header.kind, stream);
    mine.seen++;
    patch_header(record, &vigil_header::stream, stream);
    patch_header(record, &vigil_header::sequence, mine.sequence + 1);
    const bool sent = put(record);
    mine.dropped += sent ? 0 : 1;
    mine.sequence++;
    return sent;
}

void FakeKernel::drop(int kind, uint16_t stream) {
    vigil_counter& mine = counter(kind, stream);
    mine.seen++;
    mine.dropped++;
    mine.sequence++;
}

void FakeKernel::filter(int kind, uint16_t stream) {
    vigil_counter& mine = counter(kind, stream);
    mine.seen++;
    mine.filtered++;
}

capture::MapFds FakeKernel::fds() const {
    return {.ring = duplicate(ring_),
            .control = duplicate(control_map_),
            .counters = duplicate(counters_map_),
            .cursors = duplicate(cursors_map_),
            .compare_clocks = {}};
}

}  // namespace vigil::test
